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
    @property
    def named(self) -> tuple[str, ...]: ...
    @property
    def blocks(self) -> tuple[int, ...]: ...


class Table(Protocol):
    """A view's shape."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def summaries(self) -> Sequence[Sums]: ...
    @property
    def sought(self) -> Sequence[str]: ...


STATE = (("book", "text"), ("key", "text"), ("state", "bytea"))
EDGE = (("book", "text"), ("ref_view", "text"), ("ref_id", "text"), ("key", "text"))
HEARD = (("book", "text"), ("key", "text"), ("positions", "bigint[]"))
VERSION = (
    ("book", "text"),
    ("key", "text"),
    ("place", "bigint"),
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


SAMPLED = 10
"""Of how many values of a column statistics are kept, where PostgreSQL has 100: our questions go by index
whatever they say, and to keep more took a tenth of the time in which the views were made, soon afterwards."""
AMPLE = "set local work_mem = '64MB'"
"""For what adds up whole tables: with PostgreSQL's 4 MB they are sorted on the disk to be grouped."""
UNTENDED = " with (autovacuum_enabled = off, toast.autovacuum_enabled = off)"
"""Tables that are being filled: to vacuum them would be in vain."""
TEND = "alter table {} reset (autovacuum_enabled, toast.autovacuum_enabled)"
COUNTED = (
    "select relname, greatest(reltuples, 0)::bigint from pg_class"
    " where relnamespace = 'views'::regnamespace and relname = any(%s)"
)
"""How many rows tables have, as their indexes noted when they were made."""
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
    " from unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[])"
    " u(book, key, known_from, place, position)"
    " where r.book = u.book and r.key = u.key and r.known_from = u.known_from and r.place = u.place"
)


def part_of(table: Table, part: str) -> str:
    """The name of one of a view's tables: its states, edges, or (no part) its rows."""
    return f"{table.name}_{part}" if part else table.name


def relations(table: Table) -> list[str]:
    """The names of every table of a view."""
    return [name for name, _ in _shapes(table)]


def creating(table: Table, kept: str = "") -> list[tuple[str, str]]:
    """Every table of a view, by name, and what creates it as `{0}`."""
    found = []
    for name, columns in _shapes(table):
        declared = ", ".join(f'"{column}" {kind}' for column, kind in columns)
        few = ", ".join(f'alter "{column}" set statistics {SAMPLED}' for column, _ in columns)
        found.append((name, f"create table {{0}} ({declared}){kept}; alter table {{0}} {few}"))
    return found


def spared(rows: int) -> str:
    """What has a table that was just made not vacuumed before as many rows were added as it has. PostgreSQL
    counts those that it was made of as added, and would vacuum it whole at once."""
    most = min(2 * rows + 1_000, 2**31 - 1)
    scale, threshold = "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_insert_threshold"
    return (
        "alter table {} set ("
        + ", ".join(f"{of}{scale} = 0, {of}{threshold} = {most}" for of in ("", "toast."))
        + ")"
    )


def _shapes(table: Table) -> list[tuple[str, tuple[Column, ...]]]:
    found = [
        (table.name, (*_filled(VERSION[:-1]), *VERSION[-1:], *table.columns)),
        (f"{table.name}_state", _filled(STATE)),
        (f"{table.name}_heard", _filled(HEARD)),
        (f"{table.name}_edge", _filled(EDGE)),
    ]
    for sums in table.summaries:
        found.append((f"{table.name}_{sums.name}_head", _filled(head_columns(sums))))
        if sums.history:
            found.append((f"{table.name}_{sums.name}_delta", _filled(delta_columns(sums))))
            found.append((f"{table.name}_{sums.name}_block", _filled(block_columns(sums))))
    return found


def _filled(named: Sequence[Column]) -> tuple[Column, ...]:
    return tuple((name, f"{kind} not null") for name, kind in named)


def head_columns(sums: Sums) -> tuple[Column, ...]:
    """The columns of a summary's head: its cells and its amounts."""
    return (*sums.cells, *((amount, "bigint") for amount in sums.amounts))


def delta_columns(sums: Sums) -> tuple[Column, ...]:
    """The columns of what changed a summary."""
    return (("position", "bigint"), *head_columns(sums))


def block_columns(sums: Sums) -> tuple[Column, ...]:
    """The columns of what the `size` rows of the log after a position added to a summary."""
    return (("size", "bigint"), ("after", "bigint"), *head_columns(sums))


def indexes(table: Table) -> list[tuple[str, str, bool]]:
    """What is looked up, and whether it is there once: versions by key, what a key heard, deltas by position,
    sums by what every question names. `known_to` is in no index, so that closing a version touches the row
    alone."""
    found = [
        (table.name, "book, key, known_from, place", True),
        (f"{table.name}_state", "key, book", True),
        (f"{table.name}_heard", "key, book", False),
        (f"{table.name}_edge", "ref_id, ref_view, book, key", True),
    ]
    for sums in table.summaries:
        named, rest = ", ".join(sums.named), [name for name, _ in sums.cells if name not in sums.named]
        found.append((f"{table.name}_{sums.name}_head", ", ".join([named, *rest]), True))
        if sums.history:
            found.append((f"{table.name}_{sums.name}_delta", "position", False))
            found.append((f"{table.name}_{sums.name}_block", f"{named}, size, after", False))
    return found


def seeking(table: Table) -> list[str]:
    """The indexes of the columns by which few rows are looked for, as statements about the view's table."""
    return [f'create index on {{}} ("{name}") where "{name}" is not null' for name in table.sought]


HASH = "hash_record_extended(d, 0)"
"""A hash of any row `d`."""
HASH_HEARD = "hashint8extended(d.at, hashtextextended(d.key, hashtextextended(d.book, 0)))"
"""The same of a position that a key heard, of which there are most: no record is made of it first."""


def by_key(table: Table) -> list[tuple[str, str, str]]:
    """What two builds of a table must agree on of each key, as known at a position, and how a row of it is
    hashed: its versions with their places, by which they are closed, and what it heard, however that was
    parted among windows."""
    columns = "".join(f', "{name}"' for name, _ in table.columns)
    return [
        (
            table.name,
            f"select book, key, place{columns}, known_from, case when known_to <= %(p)s then known_to end"
            " as known_to from {} where known_from <= %(p)s",
            HASH,
        ),
        (
            f"{table.name}_heard",
            "select book, key, at from {} cross join unnest(positions) at where at <= %(p)s",
            HASH_HEARD,
        ),
    ]


def by_key_now(table: Table) -> list[tuple[str, str]]:
    """What two builds must agree on of each key that has heard and shown nothing new since: this is kept as
    it is now. What a key ever pointed at is not taken back, whoever writes it."""
    return [
        (f"{table.name}_state", "select book, key, state from {}"),
        (f"{table.name}_edge", "select book, key, ref_view, ref_id from {}"),
    ]


def added_up(table: Table) -> list[tuple[str, str]]:
    """What two builds must agree on of summaries, as known at a position."""
    found = []
    for sums in table.summaries:
        if sums.history:
            named = ", ".join(f'"{name}"' for name, _ in delta_columns(sums))
            query = f"select {named} from {{}} where position <= %(p)s"
            found.append((f"{table.name}_{sums.name}_delta", query))
            named = ", ".join(f'"{name}"' for name, _ in block_columns(sums))
            query = f"select {named} from {{}} where after + size <= %(p)s"
            found.append((f"{table.name}_{sums.name}_block", query))
    return found


def added_up_now(table: Table) -> list[tuple[str, str]]:
    """What two builds must agree on of summaries without a history, where both are at one position."""
    found = []
    for sums in table.summaries:
        if not sums.history:
            named = ", ".join(f'"{name}"' for name, _ in head_columns(sums))
            some = " or ".join(f'"{amount}" <> 0' for amount in sums.amounts)
            found.append((f"{table.name}_{sums.name}_head", f"select {named} from {{}} where {some}"))
    return found
