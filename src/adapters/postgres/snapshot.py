"""How is much read of one moment? In one snapshot, rows as a stream, so that memory does not grow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import IsolationLevel

WINDOW = 2_000
OPTIONS = "-c TimeZone=UTC -c jit=off"


class Snapshot:
    """The database as it was when the first query was asked. While rows of one are streamed, others can be
    asked."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def fetch(self, query: str, asked: Mapping[str, Any]) -> list[Any]:
        """All rows of a query."""
        return self._connection.execute(query.encode(), asked).fetchall()

    def stream(self, query: str, asked: Mapping[str, Any]) -> Iterator[Any]:
        """The rows of a query, `WINDOW` of them at a time."""
        with self._connection.cursor("streamed", binary=True) as rows:
            rows.itersize = WINDOW
            rows.execute(query.encode(), asked)
            yield from rows


@contextmanager
def snapshot(dsn: str) -> Iterator[Snapshot]:
    """A snapshot, which changes nothing and waits for nobody."""
    with psycopg.connect(dsn, options=OPTIONS) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.prepare_threshold = None
        yield Snapshot(connection)
