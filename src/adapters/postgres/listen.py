"""How does a follower hear that the log grew? It listens first and catches up then, so that no notice can
fall between the two; and since notices are a courtesy, it looks by itself every second."""

import logging
import os
import selectors

import psycopg
from psycopg.sql import SQL, Identifier

POLL = 1.0
"""Seconds after which a wait ends without any notice."""

PATIENT = {"connect_timeout": 2, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""An unplugged server says nothing: then the kernel has to notice."""

logger = logging.getLogger(__name__)


class Listener:
    """Waits for notices on a channel, over a connection of its own that is replaced when it breaks."""

    def __init__(self, dsn: str, channel: str, poll: float = POLL) -> None:
        self._dsn, self._channel, self._poll = dsn, channel, poll
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._deaf = False

    def wait(self) -> None:
        """Return when there may be something new: after a notice, after `poll` seconds, after `stop`, and at
        once when it has only begun to listen, for what was told before nobody heard."""
        if self._connection is None and self._begin():
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            if self._connection is not None:
                selector.register(self._connection.fileno(), selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(self._poll)}
        if self._connection is not None and self._connection.fileno() in ready:
            self._take(self._connection)

    def stop(self) -> None:
        """End the wait that is going on, and let none last any more. For other threads."""
        os.write(self._wake, b"!")

    def close(self) -> None:
        """Give everything back; nobody may be waiting."""
        self._hang_up()
        os.close(self._woken)
        os.close(self._wake)

    def _begin(self) -> bool:
        """Whether we listen now; if not, the poll must do until the next attempt."""
        try:
            connection = psycopg.connect(self._dsn, autocommit=True, **PATIENT)  # type: ignore[arg-type]
            connection.execute(SQL("listen {}").format(Identifier(self._channel)))
        except psycopg.Error as error:
            if not self._deaf:
                logger.warning("cannot listen, so looking every %.1f s: %s", self._poll, error)
            self._deaf = True
            return False
        self._connection, self._deaf = connection, False
        return True

    def _take(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """Take all notices that are there: they all say the same."""
        try:
            for _ in connection.notifies(timeout=0):
                pass
        except psycopg.Error as error:
            logger.info("the listening connection broke, and is replaced: %s", error)
            self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
