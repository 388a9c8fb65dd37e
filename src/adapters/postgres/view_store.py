"""Where the tables of views are: created, read by key, written a window at a time, compared and swapped.

Every window is one transaction that begins with a compare-and-set on the position; a reader sees all of a
window or nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ledgerstone.adapters.postgres import arrays
from ledgerstone.adapters.postgres.view_tables import (
    CLOSE,
    INSERT_EDGE,
    UPSERT_STATE,
    VERSION,
    Column,
    Table,
    add,
    contents,
    copy_in,
    heads,
    indexes,
    insert,
    part_of,
    relations,
    statement,
)

COPY_FROM = 50
"""From this many rows on COPY is cheaper than an insert a row."""
CHUNK = 5_000
NAMED = 10
"""Rows that are named of each kind of difference."""


class Write(Protocol):
    """What a window changes in one view; see `projections.engine.Write`."""

    table: Any
    states: list[tuple[str, str, bytes]]
    heard: list[tuple[str, str, list[int]]]
    edges: list[tuple[str, str, str, str]]
    closed: list[tuple[str, str, int, int]]
    opened: list[tuple[Any, ...]]
    deltas: dict[str, list[tuple[Any, ...]]]
    heads: dict[str, list[tuple[Any, ...]]]


SESSION = """
    set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off;
    set enable_mergejoin = off; set jit = off; set timezone = 'UTC'
"""
"""Plans prepared on tables that are still empty would otherwise scan them for ever."""


class TablesDiffer(Exception):
    """The tables of a chain are at different positions: some were made by other code."""


class PostgresViews:
    """The tables of views in schema `views`, over one connection. `suffix` tells tables that are being
    rebuilt from those that are read."""

    def __init__(self, dsn: str, suffix: str = "") -> None:
        self._dsn = dsn
        self._suffix = suffix
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def position(self, tables: Sequence[Table]) -> int:
        """How far a chain is; tables that are missing are created at 0."""
        connection = self._open()
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended('ledgerstone views', 0))")
            for table in tables:
                self._create(connection, table)
            places = connection.execute(
                "select name, position from views.tracking where name = any(%s)", (self._names(tables),)
            ).fetchall()
        if len({position for _, position in places}) > 1:
            told = ", ".join(f"{name} at {position}" for name, position in sorted(places))
            raise TablesDiffer(
                f"views that read each other are at different positions ({told}): rebuild them"
            )
        return int(places[0][1])

    def states(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], bytes]]:
        """The states of those keys that have one."""
        found: list[tuple[tuple[str, str], bytes]] = []
        query = self._sql(
            "select s.book, s.key, s.state from unnest(%s::text[], %s::text[]) u(book, key)"
            " join {} s on s.book = u.book and s.key = u.key",
            table,
            "state",
        )
        for some in _chunks(keys):
            rows = self._cursor().execute(query, _columns(some), prepare=True).fetchall()
            found += [((book, key), state) for book, key, state in rows]
        return found

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
            for some in _chunks(refs)
            for book, key in self._cursor().execute(query, _columns(some), prepare=True).fetchall()
        ]

    def commit(self, tables: Sequence[Table], expected: int, position: int, writes: Sequence[Write]) -> bool:
        """Write a window and advance from `expected` to `position`, in one transaction; False when the chain
        is not at `expected` any more: then nothing was written."""
        connection, names = self._open(), self._names(tables)
        with connection.transaction() as transaction:
            moved = connection.execute(
                "update views.tracking set position = %s, at = clock_timestamp(), stopped_at = null,"
                " reason = null where name = any(%s) and position = %s",
                (position, names, expected),
                prepare=True,
            )
            if moved.rowcount != len(names):
                raise psycopg.Rollback(transaction)
            with connection.pipeline():
                for write in writes:
                    self._write_small(connection, write)
            for write in writes:
                self._copy_large(connection, write)
            connection.execute("notify views")
            return True
        return False

    def stop(self, tables: Sequence[Table], position: int, reason: str) -> None:
        """Note that the chain cannot fold the row at `position`, and why."""
        self._open().execute(
            "update views.tracking set stopped_at = %s, reason = %s where name = any(%s)",
            (position, reason, self._names(tables)),
        )

    def stopped(self, tables: Sequence[Table]) -> list[str]:
        """Why the chain cannot go on, if it cannot."""
        found = self._open().execute(
            "select distinct reason from views.tracking where name = any(%s) and reason is not null",
            (self._names(tables),),
        )
        return [reason for (reason,) in found]

    def drop(self, tables: Sequence[Table]) -> None:
        """Remove the tables of a rebuild that is not wanted any more."""
        connection = self._open()
        with connection.transaction():
            for table in tables:
                for name, _ in relations(table):
                    connection.execute(sql.SQL("drop table if exists {}").format(self._table(name)))
            connection.execute("delete from views.tracking where name = any(%s)", (self._names(tables),))

    def differences(self, tables: Sequence[Table], other: str, position: int) -> list[str]:
        """How these tables differ from those with suffix `other`, both as known at `position`, and where a
        head of theirs is not the sum of its deltas: a line a row, at most `NAMED` of a kind."""
        found: list[str] = []
        for table in tables:
            for name, query in contents(table):
                here, there = (
                    sql.SQL(query).format(sql.Identifier("views", name + suffix))
                    for suffix in (self._suffix, other)
                )
                if self._digest(here, position) != self._digest(there, position):
                    found += self._unlike(name + self._suffix, here, there, position)
            for suffix in (self._suffix, other):
                for name, head, deltas in heads(table):
                    kept = sql.SQL(head).format(sql.Identifier("views", f"{name}_head{suffix}"))
                    summed = sql.SQL(deltas).format(sql.Identifier("views", f"{name}_delta{suffix}"))
                    found += self._unlike(f"the deltas of {name}{suffix}", summed, kept, position)
        return found

    def _unlike(self, name: str, here: sql.Composable, there: sql.Composable, position: int) -> list[str]:
        """The rows that only one of two queries has."""
        found: list[str] = []
        for mark, one, two in (("only in", here, there), ("missing in", there, here)):
            query = sql.SQL("select * from (({}) except all ({})) d limit {}").format(one, two, NAMED)
            lines = self._cursor().execute(query, {"p": position}).fetchall()
            found += [f"{mark} {name}: {line}" for line in lines]
        return found

    def _digest(self, contents: sql.Composable, position: int) -> tuple[Any, ...] | None:
        """How many rows, and the sum of a hash of each: equal for equal rows in any order. That others give
        the same sum is one chance in 2^64; sorting both sides to be sure would double a rebuild's time."""
        query = sql.SQL("select count(*), sum(hashtextextended(d::text, 0)::numeric) from ({}) d")
        return self._cursor().execute(query.format(contents), {"p": position}).fetchone()

    def swap(self, tables: Sequence[Table], suffix: str, ready: Callable[[int], None]) -> None:
        """Put these tables in the place of those with `suffix`, which go, in one transaction. Their positions
        are locked first, so that no engine moves them while `ready` catches up and compares; whoever waits to
        move them then finds them gone, and begins again."""
        connection = self._open()
        with connection.transaction():
            held = connection.execute(
                "select position from views.tracking where name = any(%s) order by name for update",
                ([table.name + suffix for table in tables],),
            ).fetchall()
            ready(min((position for (position,) in held), default=0))
            for table in tables:
                self._take_place(connection, table, suffix)
            connection.execute("notify views")

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = psycopg.connect(
                self._dsn, autocommit=True, row_factory=tuple_row, connect_timeout=5
            )
            arrays.register(self._connection)
            self._connection.execute(SESSION)
            self._connection.execute(
                "create table if not exists views.tracking (name text primary key, position bigint not null,"
                " stopped_at bigint, reason text, at timestamptz not null default clock_timestamp())"
            )
        return self._connection

    def _take_place(self, connection: psycopg.Connection[Any], table: Table, suffix: str) -> None:
        for name, _ in relations(table):
            connection.execute(
                sql.SQL("drop table if exists {}").format(sql.Identifier("views", name + suffix))
            )
            connection.execute(
                sql.SQL("alter table {} rename to {}").format(
                    self._table(name), sql.Identifier(name + suffix)
                )
            )
        connection.execute("delete from views.tracking where name = %s", (table.name + suffix,))
        connection.execute(
            "update views.tracking set name = %s where name = %s",
            (table.name + suffix, table.name + self._suffix),
        )

    def _cursor(self) -> psycopg.Cursor[Any]:
        return self._open().cursor(binary=True)

    def _names(self, tables: Sequence[Table]) -> list[str]:
        return [table.name + self._suffix for table in tables]

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier("views", name + self._suffix)

    def _sql(self, query: str, table: Table, part: str = "") -> str:
        return statement(query, part_of(table, part) + self._suffix)

    def _create(self, connection: psycopg.Connection[Any], table: Table) -> None:
        new = connection.execute(
            "insert into views.tracking (name, position) values (%s, 0) on conflict do nothing",
            (table.name + self._suffix,),
        )
        if new.rowcount == 0:
            return
        for name, columns in relations(table):
            connection.execute(sql.SQL("create table {} (" + columns + ")").format(self._table(name)))
        for name, columns in indexes(table):
            connection.execute(sql.SQL("create index on {} (" + columns + ")").format(self._table(name)))

    def _write_small(self, connection: psycopg.Connection[Any], write: Write) -> None:
        """Everything that changes what is there already, and short lists of new rows."""
        table = write.table
        cursor = connection.cursor(binary=True)
        for states in _chunks(write.states):
            cursor.execute(self._sql(UPSERT_STATE, table, "state"), _columns(states), prepare=True)
        for edges in _chunks(write.edges):
            cursor.execute(self._sql(INSERT_EDGE, table, "edge"), _columns(edges), prepare=True)
        for closed in _chunks(write.closed):
            cursor.execute(self._sql(CLOSE, table), _columns(closed), prepare=True)
        for sums in table.summaries:
            name = f"{table.name}_{sums.name}_head{self._suffix}"
            for amounts in _chunks(write.heads.get(sums.name, [])):
                addition = add(name, tuple(sums.cells), tuple(sums.amounts))
                cursor.execute(addition, _columns(amounts), prepare=True)
        for name, columns, rows in _new_rows(write):
            if rows and len(rows) < COPY_FROM:
                cursor.executemany(insert(name + self._suffix, tuple(columns)), rows)

    def _copy_large(self, connection: psycopg.Connection[Any], write: Write) -> None:
        for name, columns, rows in _new_rows(write):
            if len(rows) < COPY_FROM:
                continue
            statement = copy_in(name + self._suffix, tuple(columns))
            with connection.cursor().copy(statement) as copy:
                copy.set_types([kind for _, kind in columns])
                for row in rows:
                    copy.write_row(row)


def _new_rows(write: Write) -> Iterable[tuple[str, Sequence[Column], list[Any]]]:
    table = write.table
    yield table.name, (*VERSION, *table.columns), write.opened
    heard = (("book", "text"), ("key", "text"), ("positions", "bigint[]"))
    yield f"{table.name}_heard", heard, write.heard
    for sums in table.summaries:
        amounts = ((amount, "bigint") for amount in sums.amounts)
        columns = (("position", "bigint"), *sums.cells, *amounts)
        yield f"{table.name}_{sums.name}_delta", columns, write.deltas.get(sums.name, [])


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _chunks(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
