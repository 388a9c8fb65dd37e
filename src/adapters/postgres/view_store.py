"""Where the tables of views are: created, read by key, written a window at a time, compared and swapped.

Every window is one transaction that begins with a compare-and-set on the position; a reader sees all of a
window or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.arrays import Texts
from ledgerstone.adapters.postgres.view_blocks import completed
from ledgerstone.adapters.postgres.view_compare import differences, revised, unsummed
from ledgerstone.adapters.postgres.view_layout import LOCK, connect
from ledgerstone.adapters.postgres.view_swap import abandoned, standings, swap, sweep
from ledgerstone.adapters.postgres.view_tables import (
    AMPLE,
    CLOSE,
    COUNTED,
    EDGE,
    INSERT_EDGE,
    STATE,
    TEND,
    UNTENDED,
    UPSERT_STATE,
    Table,
    add,
    copy_in,
    creating,
    head_columns,
    indexes,
    insert,
    part_of,
    relations,
    seeking,
    spared,
    statement,
)
from ledgerstone.adapters.postgres.view_writes import (
    Rows,
    Write,
    chunks,
    columns_of,
    kept_rows,
    listed,
    new_rows,
)

COPY_FROM = 50
"""From this many rows on COPY is cheaper than an insert a row."""
CLOSED = (("book", "text"), ("key", "text"), ("known_from", "bigint"), ("place", "bigint"), ("at", "bigint"))
WHICH = (
    "select c.oid from pg_class c where c.relname = t.name::name"
    " and c.relnamespace = (select oid from pg_namespace where nspname = 'views')"
)
"""The table that has the name now. As of the snapshot in which the position is read: `to_regclass` may say
yet for a moment what was so before a swap."""
MOVE = (
    "update views.tracking t set position = %s, at = clock_timestamp(), stopped_at = %s, reason = %s"
    " where t.name = any(%s) and t.position = %s"
)
MOVE_SAME = (
    "update views.tracking t set position = %s, at = clock_timestamp(), stopped_at = %s, reason = %s"
    " from unnest(%s::text[], %s::oid[]) u(name, which)"
    " where t.name = u.name and t.position = %s"
    f" and coalesce(({WHICH}), u.which) is not distinct from u.which"
)
"""Where a table is missing, the write itself says so."""

ROWS_OF = (
    "select notification_id, state from stored_events where notification_id = any(array("
    "select at from unnest(%b::text[], %b::text[]) u(book, key)"
    " join {} h on h.book = u.book and h.key = u.key cross join unnest(h.positions) at where at <= %b))"
)
REACHED = "update views.tracking set reached = %s where name = any(%s) and reached < %s"


Connect = Callable[[str], psycopg.Connection[Any]]


class TablesDiffer(Exception):
    """The tables of a chain are at different positions: some were made by other code."""


class Moved(Exception):
    """The tables of a chain are not where they were thought to be: what was begun is rolled back."""


class PostgresViews:
    """The tables of views in schema `views`, over one connection, which `connect` makes, and makes anew when
    it broke. `suffix` tells tables that are being rebuilt from those that are read. Which tables there were
    when their `positions` were asked for is remembered: others may have come into their place since, even at
    the same position, and a window that was folded from the former must not be written in them."""

    def __init__(self, dsn: str, suffix: str = "", connect: Connect = connect) -> None:
        self._dsn = dsn
        self._suffix = suffix
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None
        self._which: dict[str, int | None] = {}

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def position(self, tables: Sequence[Table]) -> int:
        """How far a chain is, all of whose views are at one position."""
        places = dict(zip(self._names(tables), self.positions(tables), strict=True))
        if len(set(places.values())) > 1:
            told = ", ".join(f"{name} at {position}" for name, position in sorted(places.items()))
            raise TablesDiffer(
                f"views that read each other are at different positions ({told}): rebuild them"
            )
        return next(iter(places.values()))

    def positions(self, tables: Sequence[Table]) -> list[int]:
        """How far each view is; tables that are missing are created at 0."""
        connection, names = self._open(), self._names(tables)
        if not (places := _places(connection, names)).keys() >= set(names):
            with connection.transaction():
                connection.execute(LOCK)
                for table in tables:
                    if self._create(connection, table):
                        self._index(connection, table)
                places = _places(connection, names)
        self._which |= {name: which for name, (_, which) in places.items()}
        return [places[name][0] for name in names]

    def states(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], bytes]]:
        """The states of those keys that have one."""
        found: list[tuple[tuple[str, str], bytes]] = []
        query = self._sql(
            "select s.book, s.key, s.state from unnest(%s::text[], %s::text[]) u(book, key)"
            " join {} s on s.book = u.book and s.key = u.key",
            table,
            "state",
        )
        for some in chunks(keys):
            rows = (
                self._cursor()
                .execute(query, [Texts(column) for column in zip(*some, strict=True)], prepare=True)
                .fetchall()
            )
            found += [((book, key), state) for book, key, state in rows]
        return found

    def heard(self, table: Table, key: tuple[str, str]) -> list[int]:
        """The positions of the rows that a key heard, in order."""
        query = "select h.at from (select unnest(positions) from {} where book = %s and key = %s) h(at)"
        found = self._cursor().execute(self._sql(f"{query} order by 1", table, "heard"), key, prepare=True)
        return [at for (at,) in found]

    def rows_of(
        self, table: Table, keys: Sequence[tuple[str, str]], position: int
    ) -> list[tuple[int, bytes]]:
        """The rows of the log up to a position that any of some keys heard: positions and states."""
        query = self._sql(ROWS_OF, table, "heard")
        return [
            row
            for some in chunks(keys)
            for row in self._cursor().execute(
                query, [*(Texts(column) for column in zip(*some, strict=True)), position], prepare=True
            )
        ]

    def dependants(self, table: Table, refs: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
        """The keys whose states point at any of these references (book, view, id)."""
        query = self._sql(
            "select distinct e.book, e.key from unnest(%s::text[], %s::text[], %s::text[]) u(book, view, id)"
            " join {} e on e.book = u.book and e.ref_view = u.view and e.ref_id = u.id",
            table,
            "edge",
        )
        return [
            (book, key)
            for some in chunks(refs)
            for book, key in self._cursor()
            .execute(query, [Texts(column) for column in zip(*some, strict=True)], prepare=True)
            .fetchall()
        ]

    def commit(
        self,
        tables: Sequence[Table],
        expected: int,
        position: int,
        writes: Sequence[Write],
        stopped: tuple[int, str] | None = None,
    ) -> bool:
        """Write a window and advance from `expected` to `position`, in one transaction, noting the row at
        which the chain is `stopped` and why; False when the chain is not at `expected` any more, or in
        other tables: then nothing was written."""
        connection, names = self._open(), self._names(tables)
        which = [self._which.get(name, 0) for name in names]
        move = (position, *(stopped or (None, None)), names, which, expected)
        try:
            # Two round trips, where nothing is copied: for each a thread waits for its turn among the others.
            with _together(connection, writes) as one_pipeline, connection.transaction():
                with connection.pipeline():
                    moved = connection.execute(MOVE_SAME, move, prepare=True)
                if moved.rowcount != len(names):
                    raise Moved
                with nullcontext() if one_pipeline else connection.pipeline():
                    for write in writes:
                        self._write_small(connection, write)
                for write in writes:
                    self._copy(connection, new_rows(write), COPY_FROM)
                self._add_up(connection, tables, expected, position)
        except Moved:
            return False
        return True

    def announce(self) -> None:
        """Tell those who wait that views have moved. Not as part of what moves them: who notifies waits for
        every commit before it that does, and so for the disk of the log."""
        self._open().execute("notify views")

    def lay(self, tables: Sequence[Table]) -> None:
        """Create tables, at position 0 and without indexes."""
        connection = self._open()
        with connection.transaction():
            for table in tables:
                self._create(connection, table, UNTENDED)

    def append(self, tables: Sequence[Table], reached: int, writes: Sequence[Write]) -> None:
        """Add new rows to tables that nobody reads yet; `reached` is how far the log was read for them."""
        connection = self._open()
        with connection.transaction():
            for write in writes:
                self._copy(connection, (*new_rows(write), *kept_rows(write)))
            connection.execute(REACHED, (reached, self._names(tables), reached))

    def complete(self, tables: Sequence[Table], position: int, writes: Sequence[Write]) -> None:
        """Add the last rows, and the indexes: from now on the tables are at a position."""
        connection, names = self._open(), self._names(tables)
        with connection.transaction():
            connection.execute(AMPLE)
            for write in writes:
                self._copy(connection, (*new_rows(write), *kept_rows(write)))
            self._add_up(connection, tables, 0, position)
            for table in tables:
                self._tend(connection, table)
            connection.execute(MOVE, (position, None, None, names, 0))

    def stopped(self, tables: Sequence[Table]) -> list[str]:
        """Why the chain cannot go on, if it cannot."""
        found = self._open().execute(
            "select distinct reason from views.tracking where name = any(%s) and reason is not null",
            (self._names(tables),),
        )
        return [reason for (reason,) in found]

    def halt(self, tables: Sequence[Table], reason: str) -> None:
        """Note, unless that is known, why tables cannot go on from where they are."""
        self._open().execute(
            "update views.tracking set stopped_at = position + 1, reason = %s"
            " where name = any(%s) and reason is null",
            (reason, self._names(tables)),
        )

    def drop(self, tables: Sequence[Table]) -> None:
        """Remove the tables of a rebuild that is not wanted any more."""
        connection = self._open()
        with connection.transaction():
            names = [self._table(name) for table in tables for name in relations(table)]
            if names:
                connection.execute(sql.SQL("drop table if exists {}").format(sql.SQL(", ").join(names)))
            connection.execute("delete from views.tracking where name = any(%s)", (self._names(tables),))

    def standings(self, tables: Sequence[Table], suffix: str) -> Mapping[str, int]:
        """How far the tables with a suffix are that there are, by the names without it."""
        return standings(self._open(), tables, suffix)

    def differences(self, tables: Sequence[Table], other: str, position: int) -> list[str]:
        """How these tables differ from those with suffix `other`, both as known at `position`, and where a
        head of theirs is not what its blocks and deltas come to: a line a row, at most `NAMED` of a kind."""
        return list(differences(self._open(), tables, (self._suffix, other), position))

    def unsummed(self, tables: Sequence[Table], position: int) -> list[str]:
        """Where a block up to a position is not the sum of its deltas: a line a row."""
        return list(unsummed(self._open(), tables, self._suffix, position))

    def revised(self, tables: Sequence[Table]) -> list[Mapping[str, Any]]:
        """How what these tables show differs from what the version before shows, at a position that both
        have: for each that has one, how many keys were changed, come and gone, and which."""
        return list(revised(self._open(), tables, self._suffix))

    def swap(self, tables: Sequence[Table], suffix: str, ready: Callable[[Mapping[str, int]], None]) -> None:
        """Put these tables in the place of those with `suffix`, which are put aside, in one transaction.
        While they stand still, `ready` is told the position of each. Raises TablesBusy."""
        swap(self._open(), tables, (self._suffix, suffix), ready)

    def sweep(self, served: Sequence[str]) -> list[str]:
        """Drop what was put aside a while ago, and versions that nobody follows any more, but those
        `served`."""
        return sweep(self._open(), served)

    def clear(self) -> None:
        """Drop what killed rebuilds have left."""
        abandoned(self._open())

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._connect(self._dsn)
        return self._connection

    def _cursor(self) -> psycopg.Cursor[Any]:
        return self._open().cursor(binary=True)

    def _names(self, tables: Sequence[Table]) -> list[str]:
        return [table.name + self._suffix for table in tables]

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier("views", name + self._suffix)

    def _sql(self, query: str, table: Table, part: str = "") -> str:
        return statement(query, part_of(table, part) + self._suffix)

    def _create(self, connection: psycopg.Connection[Any], table: Table, kept: str = "") -> bool:
        """Create the tables of a view, unless they are there; whether they were not."""
        new = connection.execute(
            "insert into views.tracking (name, position) values (%s, 0) on conflict do nothing",
            (table.name + self._suffix,),
        )
        for name, create in creating(table, kept) if new.rowcount else ():
            connection.execute(sql.SQL(create).format(self._table(name)))
        return new.rowcount == 1

    def _index(self, connection: psycopg.Connection[Any], table: Table) -> None:
        for name, columns, once in indexes(table):
            create = f"create {'unique ' if once else ''}index on {{}} ({columns})"
            connection.execute(sql.SQL(create).format(self._table(name)))
        for create in seeking(table):
            connection.execute(sql.SQL(create).format(self._table(table.name)))

    def _tend(self, connection: psycopg.Connection[Any], table: Table) -> None:
        """Index tables that were filled, and have them vacuumed, but not yet."""
        for name in relations(table):  # before the indexes, which note how many rows there are
            connection.execute(sql.SQL(TEND).format(self._table(name)))
        self._index(connection, table)
        names = [name + self._suffix for name in relations(table)]
        for name, rows in connection.execute(COUNTED, (names,)).fetchall():
            connection.execute(sql.SQL(spared(rows)).format(sql.Identifier("views", name)))

    def _add_up(
        self, connection: psycopg.Connection[Any], tables: Sequence[Table], start: int, end: int
    ) -> None:
        """Add up the blocks that were completed on the way from one position to another."""
        for table in tables:
            for query, parameters in completed(table, self._suffix, start, end):
                connection.execute(query, parameters)

    def _write_small(self, connection: psycopg.Connection[Any], write: Write) -> None:
        """Everything that changes what is there already, and short lists of new rows."""
        table = write.table
        cursor = connection.cursor(binary=True)
        for states in chunks(write.states):
            cursor.execute(self._sql(UPSERT_STATE, table, "state"), columns_of(STATE, states), prepare=True)
        for edges in chunks(write.edges):
            cursor.execute(self._sql(INSERT_EDGE, table, "edge"), columns_of(EDGE, edges), prepare=True)
        for closed in chunks(write.closed):
            cursor.execute(self._sql(CLOSE, table), columns_of(CLOSED, closed), prepare=True)
        for sums in table.summaries:
            name = f"{table.name}_{sums.name}_head{self._suffix}"
            for amounts in chunks(write.heads.get(sums.name, [])):
                addition = add(name, tuple(sums.cells), tuple(sums.amounts))
                cursor.execute(addition, columns_of(head_columns(sums), amounts), prepare=True)
        for name, columns, rows in new_rows(write):
            if rows and len(rows) < COPY_FROM:
                cursor.executemany(insert(name + self._suffix, tuple(columns)), [listed(row) for row in rows])

    def _copy(self, connection: psycopg.Connection[Any], parts: Iterable[Rows], least: int = 1) -> None:
        """Copy rows into their tables, where there are so many."""
        for name, columns, rows in parts:
            if len(rows) < least:
                continue
            with connection.cursor().copy(copy_in(name + self._suffix, tuple(columns))) as copy:
                copy.set_types([kind for _, kind in columns])
                for row in rows:
                    copy.write_row(row)


def _places(connection: psycopg.Connection[Any], names: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """How far tables are, and which they are."""
    query = f"select t.name, t.position, ({WHICH}) from views.tracking t where t.name = any(%s)"
    found = connection.execute(query.encode(), [list(names)]).fetchall()
    return {name: (position, which) for name, position, which in found}


def _together(connection: psycopg.Connection[Any], writes: Sequence[Write]) -> AbstractContextManager[object]:
    """One pipeline for a transaction, unless rows are copied in it, which breaks every pipeline."""
    long = any(len(rows) >= COPY_FROM for write in writes for _, _, rows in new_rows(write))
    return nullcontext() if long else connection.pipeline()
