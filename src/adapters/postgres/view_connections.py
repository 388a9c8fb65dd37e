"""How are the tables of views reached? What is written goes over one connection and what is read over
another, so that each may have a thread of its own; in a swap, all is one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ledgerstone.adapters.postgres import arrays, instants

SESSION = """
    set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off;
    set enable_mergejoin = off; set jit = off; set timezone = 'UTC'
"""
"""Plans prepared on tables that are still empty would otherwise scan them for ever."""


LOCK = "select pg_advisory_xact_lock(hashtextextended('ledgerstone views', 0))"


LAYOUT = "layout 2"
"""How tables of views are laid out, whatever the view: noted with `views.tracking`. Tables that were laid out
otherwise are thrown away, and made anew from the log."""
TRACKING = """
    create table if not exists views.tracking (name text primary key, position bigint not null,
        reached bigint not null default 0, stopped_at bigint, reason text,
        at timestamptz not null default clock_timestamp())
"""

OURS = (
    "select tablename from pg_tables where schemaname = 'views'"
    " and (tablename = 'tracking' or tablename ~ '^[a-z_]+_v[0-9]+(_|$)')"
)
"""Tables of views by their names, `<view>_v<version>…`: others may keep theirs in this schema too."""


class ViewConnections:
    """Both connections, opened when they are used, and again when they were lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._writing: psycopg.Connection[Any] | None = None
        self._reading: psycopg.Connection[Any] | None = None
        self._one = False

    def close(self) -> None:
        """Give the connections back."""
        for connection in (self._writing, self._reading):
            if connection is not None:
                connection.close()
        self._writing = self._reading = None

    @contextmanager
    def in_one(self) -> Iterator[None]:
        """Until the end, read what the writer has not committed."""
        self._one = True
        try:
            yield
        finally:
            self._one = False

    def writer(self) -> psycopg.Connection[Any]:
        """The connection for what is written."""
        self._writing = _alive(self._writing) or self._connect()
        return self._writing

    def reader(self) -> psycopg.Connection[Any]:
        """The connection for what is read."""
        if self._one:
            return self.writer()
        self._reading = _alive(self._reading) or self._connect()
        return self._reading

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._dsn, autocommit=True, row_factory=tuple_row, connect_timeout=5)
        arrays.register(connection)
        instants.register(connection)
        connection.execute(SESSION)
        if _layout(connection) != LAYOUT:
            with connection.transaction():
                _lay_out(connection)
        return connection


def _alive(connection: psycopg.Connection[Any] | None) -> psycopg.Connection[Any] | None:
    return None if connection is None or connection.closed or connection.broken else connection


def _layout(connection: psycopg.Connection[Any]) -> str | None:
    query = "select obj_description(to_regclass('views.tracking'), 'pg_class')"
    (found,) = connection.execute(query).fetchone() or (None,)
    return None if found is None else str(found)


def _lay_out(connection: psycopg.Connection[Any]) -> None:
    """Begin with no tables, unless somebody else just did."""
    connection.execute(LOCK)
    if _layout(connection) == LAYOUT:
        return
    there = connection.execute(OURS).fetchall()
    for (name,) in there:
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier("views", name)))
    connection.execute(TRACKING)
    connection.execute(sql.SQL("comment on table views.tracking is {}").format(LAYOUT))
