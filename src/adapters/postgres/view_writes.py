"""What does a window write into the tables of a view, table by table, and how does the driver take it?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from ledgerstone.adapters.postgres.arrays import Bigints, Byteas, Texts
from ledgerstone.adapters.postgres.view_tables import (
    EDGE,
    HEARD,
    STATE,
    VERSION,
    Column,
    delta_columns,
    head_columns,
)

CHUNK = 5_000


class Write(Protocol):
    """What a window changes in one view; see `projections.writes.Write`."""

    table: Any
    opened: list[tuple[Any, ...]]
    heard: list[tuple[str, str, list[int]]]
    deltas: dict[str, list[tuple[Any, ...]]]
    states: list[tuple[str, str, bytes]]
    edges: list[tuple[str, str, str, str]]
    closed: list[tuple[str, str, int, int, int]]
    heads: dict[str, list[tuple[Any, ...]]]


Rows = tuple[str, Sequence[Column], Sequence[tuple[Any, ...]]]
"""A table, its columns and rows for them."""

ARRAY: dict[str, type[list[Any]]] = {"text": Texts, "bigint": Bigints, "bytea": Byteas}


def new_rows(write: Write) -> Iterator[Rows]:
    """What is new in any case."""
    table = write.table
    yield table.name, (*VERSION, *table.columns), write.opened
    yield f"{table.name}_heard", HEARD, write.heard
    for sums in table.summaries:
        if sums.history:
            rows = write.deltas.get(sums.name, [])
            yield f"{table.name}_{sums.name}_delta", delta_columns(sums), rows


def kept_rows(write: Write) -> Iterator[Rows]:
    """What is new where there was nothing before."""
    table = write.table
    yield f"{table.name}_state", STATE, write.states
    yield f"{table.name}_edge", EDGE, write.edges
    for sums in table.summaries:
        yield f"{table.name}_{sums.name}_head", head_columns(sums), write.heads.get(sums.name, [])


def columns_of(named: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as a list for each column, of the class that its dumper knows."""
    columns = zip(*rows, strict=True)
    return [ARRAY.get(kind, list)(column) for (_, kind), column in zip(named, columns, strict=True)]


def listed(row: tuple[Any, ...]) -> list[Any]:
    """Outside of COPY a tuple would be taken as a composite."""
    return [list(value) if type(value) is tuple else value for value in row]


def chunks(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Rows in parts that one statement takes."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
