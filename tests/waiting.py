"""How does a test wait for what must come? A minute at most: one that waits for ever tells nobody of what."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str = "what must come") -> None:
    """Wait until something holds; it fails when that is not within a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within a minute"
        time.sleep(0.005)
