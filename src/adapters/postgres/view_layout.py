"""How are the tables of views reached, and what if they are laid out as an older version did?"""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ledgerstone.adapters.postgres import arrays, instants

SESSION = """
    set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off;
    set enable_mergejoin = off; set jit = off; set timezone = 'UTC'; set synchronous_commit = off
"""
"""Plans prepared on tables that are still empty would otherwise scan them for ever. And nobody waits for what
is written here to reach the disk: what is lost with the machine, rows and position together, is folded from
the log again, which is on the disk."""
LOCK = "select pg_advisory_xact_lock(hashtextextended('ledgerstone views', 0))"
LAYOUT = "layout 3"
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


def connect(
    dsn: str, kind: type[psycopg.Connection[Any]] = psycopg.Connection, **parameters: Any
) -> psycopg.Connection[Any]:
    """A connection, of whichever kind, for the tables of views, laid out as this code expects."""
    connection = kind.connect(dsn, autocommit=True, row_factory=tuple_row, connect_timeout=5, **parameters)
    arrays.register(connection)
    instants.register(connection)
    connection.execute(SESSION)
    if _layout(connection) != LAYOUT:
        with connection.transaction():
            _lay_out(connection)
    return connection


def begin(dsn: str) -> None:
    """Make a place for tables of views where there is none. One that is laid out otherwise is left to who
    keeps the views: what reads it may have to be waited for."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        if connection.execute("select to_regclass('views.tracking') is null").fetchone() == (True,):
            with connection.transaction():
                _lay_out(connection)


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
