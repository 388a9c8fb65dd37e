"""Which rate is a day's, and what does an amount come to by it? Exactly, or not at all."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.fx import (
    FxRatePublished,
    Published,
    before,
    convert,
    exact,
    name_of,
    published_at,
    rate,
)
from ledgerstone.ledger.recorded import Recorded
from tests.books import Books
from tests.examples import recorded

FRIDAY, MONDAY = date(2026, 10, 30), date(2026, 11, 2)
TABLES = (
    Published(FRIDAY, {"usd": "1.1172", "jpy": "175.68", "sek": "10.978", "kwd": "0.34"}),
    Published(MONDAY, {"usd": "1.12"}),
)
TABLE = TABLES[0]

currencies = st.sampled_from(["eur", "usd", "jpy", "sek", "kwd"])
amounts = st.lists(st.tuples(st.integers(-(10**12), 10**12), currencies), max_size=6)


def told(rates: dict[str, str], source: str = "eurofxref-daily.xml 00") -> tuple[Recorded, ...]:
    return (recorded(name_of(FRIDAY), FxRatePublished(day=FRIDAY, rates=rates, source=source), cause=None),)


@pytest.mark.parametrize(
    ("day", "of"),
    [
        (FRIDAY, None),  # its own table is not out when it begins
        (FRIDAY + timedelta(days=1), FRIDAY),
        (MONDAY - timedelta(days=1), FRIDAY),
        (MONDAY, FRIDAY),
        (MONDAY + timedelta(days=1), MONDAY),
        (MONDAY + timedelta(days=7), MONDAY),
        (MONDAY + timedelta(days=8), None),  # some were not imported
    ],
)
def test_a_day_has_the_last_table_from_before_it(day: date, of: date | None) -> None:
    table = before(TABLES, day)
    assert (table.day if table else None) == of


def test_a_table_comes_out_at_four_in_frankfurt_in_summer_and_winter() -> None:
    assert published_at(date(2026, 7, 1)) == datetime(2026, 7, 1, 14, tzinfo=UTC)
    assert published_at(date(2026, 12, 1)) == datetime(2026, 12, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "into", "worth"),
    [
        (111_72, "usd", "eur", 100_00),
        (100_00, "eur", "usd", 111_72),
        (100_00, "eur", "jpy", 17_568),  # yen have no minor units
        (175_68, "jpy", "eur", 100_00),
        (100_00, "eur", "kwd", 34_000),  # fils are thousandths
        (111_72, "usd", "sek", 1_097_80),  # over the euro
        (250, "chf", "chf", 250),  # needs no rate
        (0, "chf", "eur", 0),
        (1, "chf", "eur", None),
    ],
)
def test_an_amount_is_worth(amount: int, currency: str, into: str, worth: int | None) -> None:
    assert convert([(amount, currency)], into, TABLE) == worth


def test_without_a_table_only_the_currency_itself_is_known() -> None:
    assert convert([(5, "usd")], "usd", None) == 5
    assert convert([(5, "usd")], "eur", None) is None


@pytest.mark.parametrize(("amount", "rounded"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (-5, -2)])
def test_a_half_is_rounded_to_even(amount: int, rounded: int) -> None:
    assert convert([(amount, "usd")], "eur", Published(FRIDAY, {"usd": "2"})) == rounded


def test_amounts_are_rounded_once_and_not_each() -> None:
    half = Published(FRIDAY, {"usd": "2"})
    assert convert([(1, "usd")] * 4, "eur", half) == 2
    assert convert([(1, "usd"), (1, "chf")], "eur", half) is None


@given(amounts, currencies)
def test_a_sum_is_within_half_a_unit_of_what_is_exact(parts: list[tuple[int, str]], into: str) -> None:
    total = sum((found for part in parts if (found := exact(*part, into, TABLE)) is not None), Fraction(0))
    rounded = convert(parts, into, TABLE)
    assert rounded is not None
    assert abs(rounded - total) <= Fraction(1, 2)


@given(st.integers(-(10**12), 10**12), currencies, currencies, currencies)
def test_no_way_over_other_currencies_comes_to_anything_else(
    amount: int, one: str, over: str, other: str
) -> None:
    there, on = rate(TABLE, one, over), rate(TABLE, over, other)
    assert there is not None
    assert on is not None
    assert there * on == rate(TABLE, one, other)
    assert there * (rate(TABLE, over, one) or 0) == 1


def test_a_table_told_again_is_nothing_new_and_one_with_another_rate_a_conflict() -> None:
    books = Books()
    first, again, other = (
        told({"usd": "1.1172"}),
        told({"usd": "1.1172"}, "the seed"),
        told({"usd": "1.1173"}),
    )
    assert [receipt.conflicts for receipt in books.append(first, again, other, other)] == [0, 0, 1, 0]
    (conflict,) = books.bodies(FactConflict)
    assert isinstance(conflict, FactConflict)
    assert conflict.first == "fx/ecb/2026-10-30"
