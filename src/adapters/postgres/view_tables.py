"""Which tables does a view have, and what is said to the database about them? Shapes and statements as text.

Names come from the code's own declarations, never from input."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from psycopg import sql

Column = tuple[str, str]


class Sums(Protocol):
    """A summary's shape: its key columns (the book first) and what is added up."""

    @property
    def name(self) -> str: ...
    @property
    def cells(self) -> tuple[Column, ...]: ...
    @property
    def amounts(self) -> tuple[str, ...]: ...
    @property
    def history(self) -> bool: ...


class Table(Protocol):
    """A view's shape."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def summaries(self) -> Sequence[Sums]: ...


VERSION = (
    ("book", "text"),
    ("key", "text"),
    ("rid", "bigint"),
    ("known_from", "bigint"),
    ("known_to", "bigint"),
)


@cache
def statement(query: str, name: str) -> str:
    """A statement about one of our tables, as text: composing it costs more than a short execution."""
    return sql.SQL(query).format(sql.Identifier("views", name)).as_string()


@cache
def copy_in(name: str, columns: tuple[Column, ...]) -> str:
    """Copy rows into a table, in binary."""
    names = ", ".join(f'"{column}"' for column, _ in columns)
    return statement(f"copy {{}} ({names}) from stdin (format binary)", name)


@cache
def insert(name: str, columns: tuple[Column, ...]) -> str:
    """Insert one row."""
    names = ", ".join(f'"{column}"' for column, _ in columns)
    values = ", ".join(f"%b::{kind}" for _, kind in columns)
    return statement(f"insert into {{}} ({names}) values ({values})", name)


@cache
def add(name: str, cells: tuple[Column, ...], amounts: tuple[str, ...]) -> str:
    """Add amounts to cells of a summary, which may be new."""
    columns = [*cells, *((amount, "bigint") for amount in amounts)]
    arrays = ", ".join(f"%b::{kind}[]" for _, kind in columns)
    names = ", ".join(f'"{column}"' for column, _ in columns)
    keys = ", ".join(f'"{column}"' for column, _ in cells)
    sums = ", ".join(f'"{amount}" = h."{amount}" + excluded."{amount}"' for amount in amounts)
    insert = f"insert into {{}} as h ({names}) select * from unnest({arrays})"
    return statement(f"{insert} on conflict ({keys}) do update set {sums}", name)


UPSERT_STATE = (
    "insert into {} (book, key, state) select * from unnest(%b::text[], %b::text[], %b::bytea[])"
    " on conflict (book, key) do update set state = excluded.state"
)
INSERT_EDGE = (
    "insert into {} (book, ref_view, ref_id, key)"
    " select * from unnest(%b::text[], %b::text[], %b::text[], %b::text[]) on conflict do nothing"
)
CLOSE = (
    "update {} r set known_to = u.position"
    " from unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[]) u(book, key, rid, position)"
    " where r.book = u.book and r.key = u.key and r.rid = u.rid and r.known_to is null"
)


def part_of(table: Table, part: str) -> str:
    """The name of one of a view's tables: its states, edges, or (no part) its rows."""
    return f"{table.name}_{part}" if part else table.name


def relations(table: Table) -> list[tuple[str, str]]:
    """Every table of a view: its name and its columns in SQL."""
    rows = ", ".join(f'"{name}" {kind}' for name, kind in (*VERSION, *table.columns))
    found = [
        (table.name, rows),
        (f"{table.name}_state", "book text, key text, state bytea not null, primary key (book, key)"),
        (f"{table.name}_heard", "book text not null, key text not null, positions bigint[] not null"),
        (
            f"{table.name}_edge",
            "book text, ref_view text, ref_id text, key text, primary key (book, ref_view, ref_id, key)",
        ),
    ]
    for sums in table.summaries:
        cells = ", ".join(f'"{name}" {kind} not null' for name, kind in sums.cells)
        amounts = ", ".join(f'"{name}" bigint not null' for name in sums.amounts)
        keys = ", ".join(f'"{name}"' for name, _ in sums.cells)
        found.append((f"{table.name}_{sums.name}_head", f"{cells}, {amounts}, primary key ({keys})"))
        if sums.history:
            found.append((f"{table.name}_{sums.name}_delta", f"position bigint not null, {cells}, {amounts}"))
    return found


def indexes(table: Table) -> list[tuple[str, str]]:
    """What is looked up: versions by key, the rows a key heard, deltas by position. `known_to` is in no
    index, so that closing a version touches the row alone."""
    deltas = [(f"{table.name}_{s.name}_delta", "position") for s in table.summaries if s.history]
    return [(table.name, "book, key, rid"), (f"{table.name}_heard", "book, key"), *deltas]


def contents(table: Table) -> list[tuple[str, str]]:
    """What two builds of a table must agree on, as known at a position."""
    columns = "".join(f', "{name}"' for name, _ in table.columns)
    found = [
        (
            table.name,
            f"select book, key{columns}, known_from, case when known_to <= %(p)s then known_to end"
            " from {} where known_from <= %(p)s",
        )
    ]
    for sums in table.summaries:
        if sums.history:
            keys = ", ".join(f'"{name}"' for name, _ in sums.cells)
            amounts = ", ".join(f'sum("{name}")' for name in sums.amounts)
            until = f"from {{}} where position <= %(p)s group by position, {keys}"
            found.append((f"{table.name}_{sums.name}_delta", f"select position, {keys}, {amounts} {until}"))
    return found


def heads(table: Table) -> list[tuple[str, str, str]]:
    """What must be equal at any time: the head of each summary with history, by name, and the sum of its
    deltas; cells at zero are left out."""
    found = []
    for sums in table.summaries:
        if sums.history:
            keys = ", ".join(f'"{name}"' for name, _ in sums.cells)
            kept = ", ".join(f'"{name}"' for name in sums.amounts)
            summed = ", ".join(f'sum("{name}")::bigint' for name in sums.amounts)
            some = " or ".join(f'"{name}" <> 0' for name in sums.amounts)
            any_sum = " or ".join(f'sum("{name}") <> 0' for name in sums.amounts)
            head = f"select {keys}, {kept} from {{}} where {some}"
            deltas = f"select {keys}, {summed} from {{}} group by {keys} having {any_sum}"
            found.append((f"{table.name}_{sums.name}", head, deltas))
    return found
