"""Points at which a test takes hold of the real code: before and after all that it says to the real database.

Nothing of the code is replaced. A connection is psycopg's own, and everything that it says goes through its
`wait`; a line of the log's writer is our own, and everything that it says goes through `ask`. Logs are read
through `picked`, `raw` and `head`. At each point a hook may let time pass, end the backend, break the
connection, refuse, or end the process."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import psycopg
from psycopg.pq.abc import PGresult

from ledgerstone.adapters.postgres.append import Statements, connect
from ledgerstone.adapters.postgres.line import Asked, Line
from ledgerstone.projections.reader import Log, Raw

Side = Literal["before", "sent", "after", "idle"]
"""Before the database hears something, before we look for its answer, when we have the answer; and when there
is nothing to say."""


class Hook(Protocol):
    """Is told of a point, in the thread that is there. Raises what is to go wrong."""

    def __call__(self, side: Side, connection: psycopg.Connection[Any] | None, /) -> None: ...


def connections(hook: Hook) -> type[psycopg.Connection[Any]]:
    """psycopg's connection, with a point before and after everything that it says: statements, parts of a
    pipeline, COPY, begin, commit and rollback."""

    class Watched(psycopg.Connection[Any]):
        def wait(self, *arguments: Any, **options: Any) -> Any:
            hook("before", self)
            answer = super().wait(*arguments, **options)
            hook("after", self)
            return answer

    return Watched


class WatchedLine(Line):
    """The writer's line, with points before a round trip, between sending and listening, and after."""

    def __init__(self, hook: Hook, connection: psycopg.Connection[Any], sql: Statements) -> None:
        super().__init__(connection, sql.all)
        self._hook, self.connection = hook, connection

    def ask(self, *asked: Asked) -> list[PGresult]:
        self._hook("before", self.connection)
        answers = super().ask(*asked)
        self._hook("after", self.connection)
        return answers

    def _send(self, asked: Sequence[Asked]) -> None:
        super()._send(asked)
        self._server.flush()
        self._hook("sent", self.connection)


def line(hook: Hook, dsn: str, sql: Statements) -> Line:
    """The writer's line to the database at `dsn`, watched."""
    return WatchedLine(hook, connect({"conninfo": dsn}, sql)._connection, sql)


class WatchedLog:
    """A log that is read, with points before and after each statement."""

    def __init__(self, hook: Hook, log: Log) -> None:
        self._hook, self._log = hook, log

    def picked(self, positions: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        self._hook("before", None)
        found = self._log.picked(positions)
        self._hook("after", None)
        return found

    def raw(self, after: int, limit: int, tags: Sequence[str], heads: Sequence[str] = ()) -> Raw:
        self._hook("before", None)
        found = self._log.raw(after, limit, tags, heads)
        self._hook("after", None)
        return found

    def head(self) -> int:
        self._hook("before", None)
        found = self._log.head()
        self._hook("after", None)
        return found
