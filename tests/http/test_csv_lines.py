"""A file opens in a spreadsheet as what it says, and as nothing else."""

import csv
import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ledgerstone.http import csv_lines


class Share(Struct):
    """A figure within a figure."""

    new: int


class Row(Struct):
    """One of each kind of cell."""

    name: str | None
    at: datetime
    paid: bool
    plans: tuple[str, ...]
    customers: Share
    history: tuple[Share, ...] = ()
    change: float | None = None
    asked_for: tuple[Share, ...] | None = None
    once: Share | None = None


NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


def test_a_row_is_a_line_with_what_is_nested_in_columns_of_its_own() -> None:
    row = Row("Acme, AB", NOON, True, ("pro", "team"), Share(2), (Share(1),), -0.5, (Share(1),), Share(1))

    assert csv_lines.header(Row) == b"name,at,paid,plans,customers_new,change\r\n"
    assert csv_lines.rows([row]) == b'"Acme, AB",2026-11-05T12:00:00Z,true,pro team,2,-0.5\r\n'


@given(st.sampled_from("=+-@\t\r\n"), st.text())
def test_a_text_is_never_a_formula(sign: str, rest: str) -> None:
    line = csv_lines.rows([Row(sign + rest, NOON, False, (sign + rest,), Share(-1))]).decode()
    (cells,) = csv.reader(io.StringIO(line, newline=""))

    assert cells[0] == cells[3] == f"'{sign}{rest}"
    assert cells[4] == "-1"
