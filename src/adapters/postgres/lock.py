"""How does a piece of work make sure that nobody else is doing it in the same database?"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

PATIENCE = 3_000
"""Milliseconds in which who only sweeps up behind such work is through."""


class AlreadyRunning(RuntimeError):
    """Another process does this now; the message says what to do."""


@contextmanager
def alone(dsn: str, work: str) -> Iterator[None]:
    """Hold the named lock. PostgreSQL drops it with our connection, so a kill leaves nothing behind; in good
    order it is given back before: the server takes its time to notice the end of a connection, and whoever
    asked meanwhile would be told that we still run."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        try:
            connection.execute(f"set lock_timeout = {PATIENCE}".encode())
            connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [work])
        except psycopg.errors.LockNotAvailable:
            raise AlreadyRunning(f"another {work} is running in this database: wait until it ends") from None
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):  # the connection is broken, and the lock gone with it
                connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [work])
