"""Balances in one currency, as they are worked out by hand."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.fx import Published
from ledgerstone.projections.reads.balances import Balance, balance
from ledgerstone.projections.reads.converted import Conversion
from ledgerstone.projections.reads.valued import unknown, valued

SEPTEMBER = Published(date(2026, 9, 30), {"usd": "1.25", "sek": "11.00"})
OCTOBER = Published(date(2026, 10, 30), {"usd": "1.20", "sek": "11.40"})
IN_EURO = Conversion("eur", (SEPTEMBER, OCTOBER))
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
Amounts = tuple[int | None, int | None, int | None, int | None, int | None]


def amounts(row: Balance) -> Amounts:
    return row.opening, row.debit, row.credit, row.balance, row.fx


def shown(*native: tuple[str, str, int, int, int]) -> dict[str, Amounts]:
    rows = [balance(row) for row in native]
    return {row.account: amounts(row) for row in valued(rows, IN_EURO, START, END, whole=True)}


def test_what_was_held_before_has_moved_with_the_rates() -> None:
    found = shown(("bank", "usd", 100_00, 20_00, 0), ("revenue", "usd", -100_00, 0, 20_00))
    assert found["bank"] == (80_00, 16_67, 0, 100_00, 3_33)
    assert found["revenue"] == (-80_00, 0, 16_67, -100_00, -3_33)
    assert found["fx"] == (0, 0, 0, 0, 0)


def test_what_rounding_leaves_is_a_line() -> None:
    found = shown(("bank", "usd", 0, 1, 0), ("tax", "usd", 0, 1, 0), ("revenue", "usd", 0, 0, 2))
    assert (found["bank"], found["tax"]) == ((0, 1, 0, 1, 0), (0, 1, 0, 1, 0))
    assert found["revenue"] == (0, 0, 2, -2, 0)
    found = shown(*((name, "sek", 0, 6, 0) for name in ("bank", "tax")), ("revenue", "sek", 0, 0, 12))
    assert (found["bank"], found["revenue"]) == ((0, 1, 0, 1, 0), (0, 0, 1, -1, 0))
    assert found["fx"] == (0, 0, 1, -1, 0), "0.53 and 0.53 are 1.05"


def test_currencies_of_an_account_are_added_up_before_they_are_rounded() -> None:
    rows = [balance(("bank", code, 0, 4, 0)) for code in ("eur", "sek", "usd")]
    (line,) = valued(rows, IN_EURO, None, END, whole=False)
    assert (line.currency, amounts(line)) == ("eur", (0, 8, 0, 8, 0)), "4 + 0.35 + 3.33"


def test_what_has_no_rate_is_null_and_named() -> None:
    rows = [
        balance(("bank", "nok", 0, 5, 0)),
        balance(("tax", "nok", 0, 5, 5)),
        balance(("tax", "eur", 0, 1, 0)),
    ]
    bank, tax, rest = valued(rows, IN_EURO, START, END, whole=True)
    assert amounts(bank) == (0, None, 0, None, None)
    assert amounts(tax) == (0, None, None, 1, None), "what comes to nothing is nothing at any rate"
    assert amounts(rest) == (0, None, None, None, None)
    assert unknown(rows, IN_EURO, START, END) == ["nok"]
    held = [balance(("bank", "usd", 7, 0, 0))]
    assert unknown(held, Conversion("eur", (OCTOBER,)), START, END) == ["usd"]
    assert valued([], IN_EURO, None, END, whole=True) == []


cells = st.tuples(st.sampled_from("abcd"), st.sampled_from(["eur", "usd", "sek"]), st.integers(1, 10**6))


@given(st.lists(st.tuples(cells, st.sampled_from("abcd")), min_size=1, max_size=8), st.booleans())
def test_every_column_of_a_whole_trial_balance_adds_up(
    moves: list[tuple[tuple[str, str, int], str]], opened: bool
) -> None:
    accounts = dict(zip("abcd", ("bank", "tax", "revenue", "receivable"), strict=True))
    rows = [
        balance((accounts[account], currency, sign * amount, *sides))
        for (one, currency, amount), other in moves
        for account, sign, sides in ((one, 1, (amount, 0)), (other, -1, (0, amount)))
    ]
    lines = valued(rows, IN_EURO, START if opened else None, END, whole=True)
    for column in ("opening", "balance", "fx"):
        assert sum(getattr(line, column) for line in lines) == 0
    assert sum((line.debit or 0) - (line.credit or 0) for line in lines) == 0
    for line in lines[:-1]:
        assert line.balance == (line.opening or 0) + (line.debit or 0) - (line.credit or 0) + (line.fx or 0)
