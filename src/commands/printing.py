"""How is a long table printed? As columns for people, or as CSV or JSON for programs; line by line, so that
it may be of any length."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from ledgerstone.http import csv_lines

Format = Literal["table", "csv", "json"]
LOOK_AHEAD = 500
"""Rows by which the columns are laid out; a longer value further on only pushes its own line."""


def printed(format: Format, kind: type[Struct], rows: Iterator[Struct]) -> Iterator[str]:
    """The lines of a table. JSON is one array, a row to a line."""
    if format == "csv":
        yield csv_lines.header(kind).decode().rstrip("\r\n")
        yield from (csv_lines.rows([row]).decode().rstrip("\r\n") for row in rows)
    elif format == "json":
        yield from _array(rows)
    else:
        yield from _columns(kind, rows)


def _array(rows: Iterator[Struct]) -> Iterator[str]:
    held: str | None = None
    yield "["
    for row in rows:
        if held is not None:
            yield f"{held},"
        held = msgspec.json.encode(row).decode()
    if held is not None:
        yield held
    yield "]"


def _columns(kind: type[Struct], rows: Iterator[Struct]) -> Iterator[str]:
    cells = ([_cell(value) for value in astuple(row)] for row in rows)
    first = [list(kind.__struct_fields__), *islice(cells, LOOK_AHEAD)]
    widths = [max(map(len, column)) for column in zip(*first, strict=True)]
    for line in chain(first, cells):
        yield _aligned(line, widths)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    match value:
        case None:
            return "–"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case tuple():
            return " ".join(map(str, value))
    return str(value)
