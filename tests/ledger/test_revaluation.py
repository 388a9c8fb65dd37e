"""Gains and losses of exchange, as a bookkeeper works them out by hand."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.fx import Published, exact
from ledgerstone.ledger.posting import Movement
from ledgerstone.ledger.revaluation import (
    GAIN,
    LOSS,
    TRADING,
    Held,
    realised,
    revaluation,
    unrealised,
    valued,
)

BOOKED = Published(date(2026, 10, 2), {"sek": "11.20", "usd": "1.12", "jpy": "176"})
OCTOBER = Published(date(2026, 10, 30), {"sek": "11.40", "usd": "1.12", "jpy": "171"})
NOVEMBER = Published(date(2026, 11, 30), {"sek": "11.50", "usd": "1.15"})

Balances = Mapping[tuple[str, str], int]
"""By account and currency, debits above 0."""


def balances(*movements: Movement) -> Balances:
    found: Counter[tuple[str, str]] = Counter()
    for move in movements:
        found[move.debit, move.currency] += move.amount
        found[move.credit, move.currency] -= move.amount
    return found


def trading(found: Balances) -> dict[str, int]:
    return {currency: amount for (account, currency), amount in found.items() if account == TRADING}


INVOICE = Movement("receivable", "in_1", "deferred_revenue", "in_1", 100_00, "eur")
"""100.00 EUR, booked when that was 1,120.00 SEK."""
PAID = (
    Movement("stripe_balance", "", TRADING, "ch_1", 1_130_00, "sek"),
    Movement(TRADING, "ch_1", "receivable", "in_1", 100_00, "eur"),
)
"""Of which 1,130.00 SEK came."""


def test_an_invoice_in_euro_that_is_paid_in_kronor() -> None:
    found = trading(balances(INVOICE, *PAID))
    assert found == {"sek": -1_130_00, "eur": 100_00}
    assert realised(Held(100_00, "eur", BOOKED), 1_130_00, "sek") == 10_00

    # The revenue is still 100.00 EUR, now 1,140.00 SEK, of which 1,130.00 came.
    october = valued(found, "sek", OCTOBER)
    assert october.worth == {"eur": 1_140_00, "sek": -1_130_00}
    assert revaluation(october) == (Movement(LOSS, "", TRADING, "", 10_00, "sek"),)
    # The same whichever way: 1,140 - 10 by the rates now, 1,120 + 10 by those when it was booked.
    assert 1_140_00 - 10_00 == 1_120_00 + 10_00 == 1_130_00


def test_a_second_close_moves_what_has_changed_since() -> None:
    (october,) = revaluation(valued(trading(balances(INVOICE, *PAID)), "sek", OCTOBER)) or ()
    closed = trading(balances(INVOICE, *PAID, october))
    assert revaluation(valued(closed, "sek", OCTOBER)) == ()
    assert revaluation(valued(closed, "sek", NOVEMBER)) == (Movement(LOSS, "", TRADING, "", 10_00, "sek"),)


def test_dollars_that_were_sold_before_they_fell_are_a_gain() -> None:
    sold = (
        Movement("stripe_balance", "", TRADING, "ch_1", 1_000_00, "sek"),
        Movement(TRADING, "ch_1", "stripe_uncleared", "ch_1", 100_00, "usd"),
    )
    # 1.12 USD are 11.40 SEK: 100.00 USD would be 1,017.86 in October, and 1,000.00 at the end of November.
    october = revaluation(valued(trading(balances(*sold)), "sek", OCTOBER)) or ()
    assert october == (Movement(LOSS, "", TRADING, "", 17_86, "sek"),)
    november = revaluation(valued(trading(balances(*sold, *october)), "sek", NOVEMBER))
    assert november == (Movement(TRADING, "", GAIN, "", 17_86, "sek"),)


@pytest.mark.parametrize(
    ("amount", "currency", "closing", "gained"),
    [
        (100_00, "eur", OCTOBER, 20_00),  # owed to us: 1,140.00 now, 1,120.00 then
        (-100_00, "eur", OCTOBER, -20_00),  # owed by us
        (100_00, "sek", OCTOBER, 0),
        (17_600, "jpy", OCTOBER, 53_33),  # 100.00 EUR then, 102.92 now: 1,173.33 less 1,120.00
        (17_600, "jpy", NOVEMBER, None),  # no rate
        (100_00, "chf", OCTOBER, None),
        (100_00, "eur", None, None),
    ],
)
def test_what_is_held_until_a_close_gains(
    amount: int, currency: str, closing: Published | None, gained: int | None
) -> None:
    assert unrealised(Held(amount, currency, BOOKED), closing, "sek") == gained


@pytest.mark.parametrize(
    ("amount", "received", "gained"),
    [(100_00, 1_120_00, 0), (100_00, 1_100_00, -20_00), (-100_00, -1_100_00, 20_00), (0, 0, 0)],
)
def test_what_is_settled_gained(amount: int, received: int, gained: int) -> None:
    assert realised(Held(amount, "eur", BOOKED), received, "sek") == gained
    assert realised(Held(100_00, "eur", None), received, "sek") is None


def test_a_missing_rate_is_named_and_nothing_moves() -> None:
    found = valued({"eur": 5, "chf": 1, "jpy": 2, "nok": 0, "sek": -5}, "sek", NOVEMBER)
    assert found.missing == ("chf", "jpy")
    assert found.difference is None
    assert revaluation(found) is None


def test_the_accounts_are_in_the_chart() -> None:
    assert [CHART[account].bas for account in (TRADING, GAIN, LOSS)] == [1690, 3960, 7960]


CURRENCIES = ("eur", "usd", "jpy", "sek")
exchanges = st.lists(
    st.tuples(
        st.sampled_from(CURRENCIES), st.integers(1, 10**9), st.sampled_from(CURRENCIES), st.integers(1, 10**9)
    ),
    max_size=6,
)
FULL = Published(date(2026, 11, 30), {"sek": "11.50", "usd": "1.15", "jpy": "180.1"})


def exchanged(given: tuple[str, int, str, int]) -> tuple[Movement, Movement]:
    """An amount of one currency goes in, and one of another comes out."""
    one, amount, other, got = given
    return (
        Movement(TRADING, "x", "stripe_uncleared", "x", amount, one),
        Movement("stripe_balance", "", TRADING, "x", got, other),
    )


@given(exchanges, st.sampled_from(CURRENCIES))
def test_after_a_close_the_account_is_worth_nothing_and_the_books_balance(
    given: list[tuple[str, int, str, int]], functional: str
) -> None:
    posted = [move for each in given for move in exchanged(each)]
    first = revaluation(valued(trading(balances(*posted)), functional, OCTOBER))
    assert first is not None
    closed = revaluation(valued(trading(balances(*posted, *first)), functional, FULL))
    assert closed is not None
    books = balances(*posted, *first, *closed)
    assert valued(trading(books), functional, FULL).difference == 0

    def worth(account: str | None) -> Fraction:
        parts = [(a, c, amount) for (a, c), amount in books.items() if account in (None, a)]
        return sum((exact(amount, c, functional, FULL) or Fraction(0) for _, c, amount in parts), Fraction(0))

    assert worth(None) == 0
    assert abs(worth(TRADING)) <= len(CURRENCIES) * Fraction(1, 2)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_what_is_gained_until_a_close_and_from_there_is_what_is_gained(amount: int, received: int) -> None:
    held, again = Held(amount, "eur", BOOKED), Held(amount, "eur", OCTOBER)
    until, since = unrealised(held, OCTOBER, "sek"), realised(again, received, "sek")
    total = realised(held, received, "sek")
    assert until is not None
    assert since is not None
    assert total is not None
    assert abs(until + since - total) <= 1
