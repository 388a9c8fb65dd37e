"""Where is the index of messages kept? In two tables beside those of the views, at a position of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg

from ledgerstone.adapters.postgres.view_layout import LOCK, connect
from ledgerstone.adapters.postgres.view_tables import Column, copy_in

EVENTS = (
    ("book", "text"),
    ("position", "bigint"),
    ("at", "timestamptz"),
    ("type", "text"),
    ("object", "text"),
    ("parked", "boolean"),
    ("rows", "bigint"),
)

CREATE = """
    create table views.{name} (book text not null, position bigint not null, at timestamptz not null,
        type text collate "C" not null, object text collate "C", parked boolean not null,
        rows bigint not null);
    create unique index on views.{name} (book, position);
    create index on views.{name} (book, at, position);
    create index on views.{name} (book, type, at, position);
    create index on views.{name} (book, object, at, position) where object is not null;
    create index on views.{name} (book, at, position) where parked;
    create table views.{name}_later (book text not null, event bigint not null, position bigint not null,
        tag text not null);
    create unique index on views.{name}_later (book, event, position);
"""
BEGIN = "insert into views.tracking (name, position) values (%s, 0) on conflict do nothing"
MOVE = (
    "update views.tracking set position = %s, reached = %s, at = clock_timestamp()"
    " where name = %s and position = %s"
)
FIND = (
    "insert into views.{name}_later (book, event, position, tag)"
    " select u.book, e.notification_id, u.position, u.tag"
    " from unnest(%s::text[], %s::uuid[], %s::bigint[], %s::text[]) u (book, stream, position, tag)"
    " join stored_events e on e.originator_id = u.stream and e.originator_version = 1"
)
"""A message is looked up by its stream, where it is unique; a row that names none of the log is nobody's."""


class Event(Protocol):
    """A message's line."""

    @property
    def book(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def type(self) -> str: ...
    @property
    def object(self) -> str | None: ...
    @property
    def parked(self) -> bool: ...
    @property
    def rows(self) -> int: ...


class Later(Protocol):
    """A row that belongs to an earlier message, which is named by its stream."""

    @property
    def book(self) -> str: ...
    @property
    def event(self) -> UUID: ...
    @property
    def position(self) -> int: ...
    @property
    def tag(self) -> str: ...


class EventIndex:
    """The tables `name` and `name_later`, over one connection. Not for several threads at once."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn, self._name = dsn, name
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def position(self) -> int:
        """How far the index is; tables that are missing are made, at 0."""
        connection, query = self._open(), "select position from views.tracking where name = %s"
        if (row := connection.execute(query, [self._name]).fetchone()) is None:
            with connection.transaction():
                connection.execute(LOCK)
                if connection.execute(BEGIN, [self._name]).rowcount:
                    connection.execute(CREATE.format(name=self._name))
            row = connection.execute(query, [self._name]).fetchone()
        return int(row[0]) if row else 0

    def write(self, expected: int, upto: int, events: Sequence[Event], later: Sequence[Later]) -> bool:
        """Add lines and go from `expected` to `upto`, in one transaction; False, and nothing is done, when it
        is elsewhere by now."""
        connection = self._open()
        with connection.transaction() as transaction:
            if not connection.execute(MOVE, [upto, upto, self._name, expected]).rowcount:
                raise psycopg.Rollback(transaction)
            self._copy(connection, EVENTS, events)
            if later:
                columns = [list(column) for column in zip(*map(_later, later), strict=True)]
                connection.execute(FIND.format(name=self._name), columns)
            connection.execute("notify views")
            return True
        return False

    def _copy(self, connection: psycopg.Connection[Any], columns: Sequence[Column], rows: Any) -> None:
        with connection.cursor().copy(copy_in(self._name, tuple(columns))) as copy:
            copy.set_types([kind for _, kind in columns])
            for row in rows:
                copy.write_row([getattr(row, name) for name, _ in columns])

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = connect(self._dsn)
        return self._connection


def _later(row: Later) -> tuple[str, UUID, int, str]:
    return row.book, row.event, row.position, row.tag
