"""How long is the log waited for? Until a promise is kept or late; all promises of a loop share one timer."""

from asyncio import AbstractEventLoop, Future
from typing import Any

from ledgerstone.ledger.log import LogUnavailable, keep

WITHIN = 4.5
"""Seconds for the log to say that a message is committed; the sender hears of it within five."""
LATE = "The log does not answer, and this may have been kept or not. Send it again, which is safe."


class Patience:
    """Has the log unavailable to promises that it does not keep in time.

    A timer for each is what asyncio has for this, and costs a tenth of all that a webhook takes. Promises
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
        while due:
            promise, at = next(iter(due.items()))
            if at > now:
                loop.call_later(at - now, self._look, loop)
                return
            del due[promise]
            keep([(promise, LogUnavailable(LATE))])
        del self._due[loop]
