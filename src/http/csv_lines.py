"""How is a table written as CSV (RFC 4180)? One line a row, a figure within a figure in a column
of its own, and without the lists that a row may hold."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args
from typing import get_type_hints as read_hints

import msgspec
from msgspec import Struct

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
DANGEROUS = re.compile(r"[=+\-@\t\r\n]")
"""What makes a spreadsheet read a text as a formula, at its beginning (OWASP, "CSV Injection")."""

get_type_hints = cache(read_hints)


def header(kind: type[Struct]) -> bytes:
    """The line of names; a figure within another is `customers_new`."""
    return lines([_names(kind)])


def rows(found: Iterable[Struct]) -> bytes:
    """A line for each row."""
    return lines(_cells(row) for row in found)


def lines(cells: Iterable[Sequence[str]]) -> bytes:
    """Lines that end as RFC 4180 says, quoted where they must be."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(cells)
    return text.getvalue().encode()


def _names(kind: type[Struct], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, hint in get_type_hints(kind).items():
        if _is_figure(hint):
            names += _names(hint, f"{prefix}{name}_")
        elif not _is_table(hint):
            names.append(f"{prefix}{name}")
    return names


def _cells(row: Struct) -> list[str]:
    cells: list[str] = []
    for name, hint in get_type_hints(type(row)).items():
        value = getattr(row, name)
        if _is_figure(hint):
            cells += _cells(value)
        elif not _is_table(hint):
            cells.append(_cell(value))
    return cells


def _is_figure(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


@cache
def _is_table(hint: Any) -> bool:
    """Lines of another kind have no place in a line, though there be none on request only."""
    return any(_is_figure(option) or _is_table(option) for option in get_args(hint))


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str():
            return _text(value)
        case tuple() | list():
            return _text(" ".join(value))
    return _text(msgspec.json.encode(value).decode())


def _text(value: str) -> str:
    return f"'{value}" if DANGEROUS.match(value) else value
