"""The weighted average, flow by flow."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.carrying import WITH, Carried, after
from ledgerstone.ledger.fx import before, exact
from ledgerstone.ledger.periods import last_day
from ledgerstone.ledger.revaluation import Exchange, is_open, keeps_its_day, valued
from tests.closes import MONTHS, Log
from tests.exchanged import exchanged, rates


def carried(*flows: tuple[int, int]) -> Carried:
    """What is carried after flows, each with how many minor units one is worth on its day."""
    held = Carried()
    for amount, rate in flows:
        held = after(held, max(amount, 0), min(amount, 0), _at(rate))
    return held


def _at(rate: int) -> Callable[[int], int]:
    return lambda amount: amount * rate


@pytest.mark.parametrize(
    ("flows", "held"),
    [
        ([(100, 10)], Carried(100, 1_000)),
        ([(100, 10), (50, 13)], Carried(150, 1_650)),  # 11 each, whichever is paid first
        ([(100, 10), (50, 13), (-60, 20)], Carried(90, 990)),
        ([(100, 10), (-100, 20)], Carried()),
        ([(-100, 10), (-50, 13), (60, 20)], Carried(-90, -990)),  # what is owed is below 0
        ([(100, 10), (-130, 20)], Carried(-30, -600)),  # all of it leaves, and 30 enter at their day's worth
        ([(-100, 10), (130, 20)], Carried(30, 600)),
        ([(3, 10), (-1, 99), (-1, 99), (-1, 99)], Carried()),
        ([(100, 10), (0, 99)], Carried(100, 1_000)),
    ],
)
def test_what_enters_has_the_worth_of_its_day_and_what_leaves_the_average(
    flows: list[tuple[int, int]], held: Carried
) -> None:
    assert carried(*flows) == held


def test_the_rest_is_rounded_to_whole_minor_units() -> None:
    assert after(Carried(3, 100), 0, -1, _at(99)) == Carried(2, 67)
    assert after(Carried(2, 67), 0, -1, _at(99)) == Carried(1, 34)


def test_what_comes_on_a_day_is_there_when_others_leave_on_it() -> None:
    assert after(Carried(100, 1_000), 100, -100, _at(20)) == Carried(100, 1_500)
    assert after(Carried(-100, -1_000), 100, -100, _at(20)) == Carried(-100, -1_500)
    assert after(Carried(), 100, -70, _at(20)) == Carried(30, 600)
    # What is taken off a side below nothing stands on the other.
    assert after(Carried(100, 1_000), -50, 0, _at(20)) == Carried(50, 500)
    assert after(Carried(100, 1_000), 0, 100, _at(20)) == Carried(200, 3_000)


flow = st.tuples(st.integers(-50, 50), st.integers(1, 30))


@given(st.lists(flow))
def test_the_average_is_within_what_the_days_were_worth_and_nothing_is_carried_of_nothing(
    flows: list[tuple[int, int]],
) -> None:
    held = carried(*flows)
    assert held.amount == sum(amount for amount, _ in flows)
    assert held.worth * held.amount >= 0
    if held.amount:
        rates = [rate for _, rate in flows]
        assert min(rates) - 1 <= Fraction(held.worth, held.amount) <= max(rates) + 1
    else:
        assert held == Carried()


def test_what_is_open_is_money_that_is_held_or_owed() -> None:
    of_no_one = {"fx_trading", "fx_translation", "deferred_revenue"}
    for account, known in CHART.items():
        is_tax, is_result = 2600 <= known.bas < 2700, known.bas >= 3000
        assert is_open(account) is not (is_tax or is_result or account in of_no_one), account
        assert not (is_open(account) and keeps_its_day(account))
    assert all(is_open(account) for pair in WITH.items() for account in pair)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_realised_is_what_left_at_the_worth_of_its_day_less_the_average_and_what_was_exchanged(
    seed: int,
) -> None:
    """By an auditor with plain fractions, who rounds nothing: each flow may be half a minor unit off."""
    log = Log([*rates(seed, 5), *exchanged(seed, 8)], "sek")
    exchange, end = log.exchange("sek"), last_day(MONTHS[11])
    realised, flows = _audited(exchange, end)
    found = valued(exchange, end)
    assert abs(found.fx_gained - found.fx_lost - realised) <= Fraction(flows + 1, 2)


def _audited(exchange: Exchange, end: date) -> tuple[Fraction, int]:
    """What was realised, and in how many flows."""
    held: dict[tuple[str, str], tuple[int, Fraction]] = {}
    realised, flows = Fraction(0), 0
    for on, (account, currency), debits, credits in _flows(exchange, end):
        rate = exact(1, currency, "sek", before(exchange.tables, on))
        assert rate is not None
        if account == "fx_trading":
            realised -= (debits + credits) * rate
            continue
        amount, average = held.get((account, currency), (0, Fraction(0)))
        for flow in (debits, credits) if amount >= 0 else (credits, debits):
            leaves = max(min(flow, 0), -amount) if amount > 0 else min(max(flow, 0), -amount)
            realised -= leaves * (rate - average)
            worth = (amount + leaves) * average + (flow - leaves) * rate
            amount += flow
            average = worth / amount if amount else Fraction(0)
        held[account, currency] = amount, average
        flows += 1
    return realised, flows


def _flows(exchange: Exchange, end: date) -> Iterator[tuple[date, tuple[str, str], int, int]]:
    """What came and went of what is open, and of what was exchanged, by day."""
    for on, cells in sorted(exchange.flows.items()):
        pools: defaultdict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
        for (account, currency), amount in cells.items() if on <= end else ():
            credits = exchange.credited.get(on, {})
            credited = amount if account in WITH else credits.get((account, currency), 0)
            if is_open(account) or account == "fx_trading":
                pools[WITH.get(account, account), currency].update({True: credited, False: amount - credited})
        for cell, sides in pools.items():
            yield on, cell, sides[False] + max(sides[True], 0), min(sides[True], 0)
