"""How long is the log waited for? Until a promise is kept or late; all promises of a loop share one timer."""

from asyncio import AbstractEventLoop, Future
from itertools import takewhile
from typing import Any

from ledgerstone.ledger.log import LogUnavailable, keep

WITHIN = 4.5
"""Seconds for the log to say that a message is committed; the sender hears of it within five."""
LATE = "The log does not answer, and this may have been kept or not. Send it again, which is safe."


class Patience:
    """Has the log unavailable to promises that it does not keep in time.

    A timer for each is what asyncio has for this, and costs an eighth of a webhook. Promises
    fall due in the order in which they are waited for, so looking at the first is enough."""

    def __init__(self) -> None:
        self._due: dict[AbstractEventLoop, dict[Future[Any], float]] = {}

    def wait(self, promise: Future[Any]) -> None:
        """From now on it can be late."""
        loop = promise.get_loop()
        due = self._due.get(loop)
        if due is None:
            due = self._due[loop] = {}
            loop.call_later(WITHIN, self._look, loop)
        due[promise] = loop.time() + WITHIN

    def end(self, promise: Future[Any]) -> None:
        """It was kept, or nobody waits for it any more."""
        self._due.get(promise.get_loop(), {}).pop(promise, None)

    def _look(self, loop: AbstractEventLoop) -> None:
        """Refuse those that are late, and look again when the next one is."""
        due, now = self._due[loop], loop.time()
        late = [promise for promise, _ in takewhile(lambda one: one[1] <= now, due.items())]
        for promise in late:
            del due[promise]
        keep([(promise, LogUnavailable(LATE)) for promise in late])
        if due:
            loop.call_later(next(iter(due.values())) - now, self._look, loop)
        else:
            del self._due[loop]
