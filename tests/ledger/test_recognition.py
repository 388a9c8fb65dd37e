"""What is earned by when: the worked examples that others publish, to the minor unit, and laws."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recognition import (
    Reduction,
    Sale,
    Standing,
    course,
    deferred,
    earned,
    issued,
    part,
    shares,
    standings,
)

DAY = timedelta(days=1)
MONTHS = [date(2026 + n // 12, n % 12 + 1, 1) for n in range(26)]


def line(net: int, start: str, end: str, plan: str = "pro", subscription: str = "sub_1") -> ServiceLine:
    return ServiceLine(net, plan, date.fromisoformat(start), date.fromisoformat(end), subscription)


def sale(*lines: ServiceLine, on: str = "", net: int | None = None, tax: int = 0) -> Sale:
    """An invoice that was issued when its first line starts, if nothing else is said."""
    whole = sum(each.net for each in lines) if net is None else net
    invoice = InvoiceIssued(invoice="in_1", currency="usd", net=whole, tax=tax, lines=lines)
    day = date.fromisoformat(on) if on else lines[0].start
    assert day is not None
    return Sale(invoice, day)


def off(net: int, on: str, *, lost: bool = False, tax: int = 0, undone: str = "") -> Reduction:
    until = date.fromisoformat(undone) if undone else None
    return Reduction("re_1", date.fromisoformat(on), net, tax, lost, until)


def monthly(given: Sale) -> list[int]:
    """What is earned in each month of 2026 and 2027 in which anything is."""
    amounts = [earned(given, start, end) for start, end in pairwise(MONTHS)]
    return [amount for amount in amounts if amount]


def total(given: Sale, on: str) -> Standing:
    found: Counter[str] = Counter()
    for each in standings(given, date.fromisoformat(on)).values():
        found.update({name: getattr(each, name) for name in each.__struct_fields__})
    return Standing(**found)


def books(*facts: Fact) -> Counter[str]:
    held: Counter[str] = Counter()
    for move in [move for fact in facts for move in movements(fact)]:
        held[move.debit] += move.amount
        held[move.credit] -= move.amount
    return held


def test_a_month_from_the_15th_of_january() -> None:
    month = sale(line(31_00, "2026-01-15", "2026-02-15"))
    assert monthly(month) == [17_00, 14_00]
    assert deferred(month, date(2026, 1, 31)) == 14_00


def test_a_year_from_the_first_of_january() -> None:
    year = sale(line(365_00, "2026-01-01", "2027-01-01"))
    assert monthly(year)[:3] == [31_00, 28_00, 31_00]
    ends = [deferred(year, date(2026, month, 1) - DAY) for month in (2, 3, 4)]
    assert ends == [334_00, 334_00 - 28_00, 334_00 - 28_00 - 31_00]
    assert sum(monthly(year)) == 365_00


def test_a_balance_that_was_used_changes_what_is_owed_and_not_what_is_earned() -> None:
    month = sale(line(31_00, "2026-01-15", "2026-02-15"))
    invoice = replace(month.issued, from_balance=11_00, customer="cus_1")
    paid = PaymentApplied(invoice="in_1", payment="pi_1", amount=20_00, currency="usd")
    assert books(invoice)["receivable"] == 20_00
    assert books(invoice)["customer_credit"] == 11_00
    assert books(invoice, paid)["receivable"] == 0
    assert monthly(replace(month, issued=invoice)) == [17_00, 14_00]


def test_a_credit_note_before_payment() -> None:
    quarter = sale(line(120_00, "2026-01-01", "2026-04-01"))
    note = CreditNoteIssued(credit_note="cn_1", invoice="in_1", currency="usd", before_payment=30_00)
    paid = PaymentApplied(invoice="in_1", payment="pi_1", amount=90_00, currency="usd")
    assert books(quarter.issued, note)["receivable"] == 90_00
    assert books(quarter.issued, note, paid)["receivable"] == 0
    reduced = replace(quarter, reductions=(off(30_00, "2026-01-01"),))
    assert monthly(reduced) == [31_00, 28_00, 31_00]
    assert total(reduced, "2026-03-31") == Standing(earned=90_00, freed=30_00)


def test_four_months_from_noon_to_noon() -> None:
    assert monthly(sale(line(120_00, "2026-06-15", "2026-10-13"))) == [16_00, 31_00, 31_00, 30_00, 12_00]


@pytest.mark.parametrize(
    "others",
    [[15_50, 31_00, 31_00, 30_00, 12_50], [30_00] * 4, [15_50, 30_66, 30_66, 30_68, 12_50]],
)
def test_other_grains_come_to_the_same(others: list[int]) -> None:
    assert sum(others) == sum(monthly(sale(line(120_00, "2026-06-15", "2026-10-13"))))


def test_an_upgrade_on_the_21st_of_april() -> None:
    first = sale(line(90_00, "2026-04-01", "2026-05-01"))
    change = sale(line(-30_00, "2026-04-21", "2026-05-01"), line(40_00, "2026-04-21", "2026-05-01", "team"))
    april = date(2026, 4, 1), date(2026, 5, 1)
    basic = earned(first, *april) + sum(
        each.earned for (plan, _), each in standings(change, date(2026, 4, 30)).items() if plan == "pro"
    )
    assert (basic, earned(first, *april) + earned(change, *april)) == (60_00, 60_00 + 40_00)


def test_a_lost_dispute_of_three_months() -> None:
    months = sale(line(90_00, "2026-01-01", "2026-04-01"))
    lost = replace(months, reductions=(off(90_00, "2026-03-01", lost=True),))
    assert total(lost, "2026-02-28") == Standing(earned=59_00, deferred=31_00)
    assert total(lost, "2026-03-01") == Standing(earned=59_00, lost=59_00, freed=31_00)
    assert total(lost, "2026-12-31") == total(lost, "2026-03-01")


@pytest.mark.parametrize(
    ("unused", "remaining", "whole"), [(-5_00, 10_00, 5_00), (-13_33, 33_33, 20_00), (-30_00, 40_00, 10_00)]
)
def test_a_proration_comes_to_its_difference(unused: int, remaining: int, whole: int) -> None:
    change = sale(
        line(unused, "2026-04-11", "2026-05-01"), line(remaining, "2026-04-11", "2026-05-01", "team")
    )
    assert monthly(change) == [whole]


def test_the_last_day_takes_the_rest() -> None:
    days = sale(line(1_00, "2026-01-01", "2026-01-04"))
    assert [earned(days, date(2026, 1, n), date(2026, 1, n + 1)) for n in range(1, 5)] == [33, 33, 34, 0]


def test_nothing_is_earned_before_the_invoice_and_then_what_its_days_came_to() -> None:
    usage = sale(line(31_00, "2026-10-01", "2026-11-01"), on="2026-11-01")
    assert monthly(usage) == [31_00]
    assert total(usage, "2026-10-31") == Standing()
    late = sale(line(31_00, "2026-10-01", "2026-11-01"), on="2026-10-11")
    assert total(late, "2026-10-11") == Standing(earned=11_00, deferred=20_00)


def test_what_is_for_no_days_is_earned_at_once_and_what_nobody_told_is_not() -> None:
    known = sale(ServiceLine(7_00, "setup"), on="2026-01-15", net=10_00)
    assert total(known, "2026-01-15") == Standing(earned=7_00, deferred=3_00)
    assert total(known, "2027-12-31") == Standing(earned=7_00, deferred=3_00)


def test_a_part_that_is_given_back_is_of_what_is_earned_and_of_what_is_not() -> None:
    month = sale(line(30_00, "2026-04-01", "2026-05-01"))
    half = replace(month, reductions=(off(15_00, "2026-04-11"),))
    assert total(half, "2026-04-10") == Standing(earned=10_00, deferred=20_00)
    assert total(half, "2026-04-11") == Standing(earned=10_50, returned=5_00, freed=10_00, deferred=9_50)
    assert total(half, "2026-04-30") == Standing(earned=20_00, returned=5_00, freed=10_00)


def test_what_is_given_back_after_the_end_is_all_of_what_was_earned() -> None:
    month = sale(line(30_00, "2026-04-01", "2026-05-01"))
    after = replace(month, reductions=(off(15_00, "2026-06-01"),))
    assert total(after, "2026-06-01") == Standing(earned=30_00, returned=15_00)


def test_more_than_is_left_is_of_no_line() -> None:
    month = sale(line(30_00, "2026-04-01", "2026-05-01"))
    more = replace(month, reductions=(off(40_00, "2026-04-11"),))
    found = standings(more, date(2026, 4, 11))
    assert found["pro", 0] == Standing(earned=10_00, returned=10_00, freed=20_00)
    assert found["", -2] == Standing(returned=10_00)


def test_what_was_undone_counts_until_then() -> None:
    month = sale(line(30_00, "2026-04-01", "2026-05-01"))
    failed = replace(month, reductions=(off(30_00, "2026-04-11", undone="2026-04-14"),))
    assert total(failed, "2026-04-13") == Standing(earned=10_00, returned=10_00, freed=20_00)
    assert total(failed, "2026-04-14") == total(month, "2026-04-14")


def test_when_a_subscription_ends_the_rest_is_earned() -> None:
    month = sale(
        line(30_00, "2026-04-01", "2026-05-01"), line(30_00, "2026-04-01", "2026-05-01", "x", "sub_2")
    )
    ended = replace(month, ended={"sub_1": date(2026, 4, 11)})
    assert total(ended, "2026-04-10") == Standing(earned=20_00, deferred=40_00)
    assert total(ended, "2026-04-11") == Standing(earned=30_00 + 11_00, deferred=19_00)
    assert total(replace(month, ended={"sub_1": date(2026, 5, 1)}), "2026-04-20").earned == 40_00


def test_a_refund_on_the_day_of_the_end_takes_what_was_not_earned() -> None:
    month = sale(line(30_00, "2026-04-01", "2026-05-01"))
    both = replace(month, ended={"sub_1": date(2026, 4, 11)}, reductions=(off(30_00, "2026-04-11"),))
    assert total(both, "2026-04-30") == Standing(earned=10_00, returned=10_00, freed=20_00)


def test_every_line_is_reduced_in_proportion() -> None:
    two = sale(line(1_00, "2026-04-01", "2026-05-01"), line(2_00, "2026-04-01", "2026-05-01", "team"))
    cut = replace(two, reductions=(off(1_00, "2026-04-01", tax=25),))
    found = standings(cut, date(2026, 4, 1))
    assert (found["pro", 0].freed, found["team", 1].freed, found["", -2].taxed) == (33, 67, 25)


FIRST = date(2026, 1, 1)
days = st.integers(0, 500).map(lambda n: FIRST + n * DAY)


@st.composite
def lines(draw: st.DrawFn) -> ServiceLine:
    net = draw(st.integers(1, 10**7)) * draw(st.sampled_from([1, 1, 1, -1]))
    plan, subscription = draw(st.sampled_from("ab")), draw(st.sampled_from(["s", "t"]))
    if draw(st.integers(0, 4)) == 0:
        return ServiceLine(net, plan, subscription=subscription)
    start = draw(days)
    return ServiceLine(net, plan, start, start + draw(st.integers(1, 400)) * DAY, subscription)


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    found = tuple(draw(st.lists(lines(), min_size=1, max_size=4)))
    net = sum(each.net for each in found) + draw(st.sampled_from([0, 0, 1_000, -500]))
    cuts = st.builds(
        Reduction,
        name=st.sampled_from("xyz"),
        on=days,
        net=st.integers(0, max(net, 0) + 5),
        tax=st.just(0),
        lost=st.booleans(),
    )
    ended = draw(st.dictionaries(st.sampled_from(["s", "t"]), days, max_size=2))
    invoice = InvoiceIssued(invoice="in_1", currency="usd", net=net, tax=0, lines=found)
    return Sale(invoice, draw(days), tuple(draw(st.lists(cuts, max_size=4))), ended)


@given(sales(), days)
def test_what_is_earned_cleared_and_deferred_is_the_net(given: Sale, day: date) -> None:
    assume(day >= given.on)
    for each in course(given, day).schedules:
        found = each.at(day)
        assert found.earned + found.freed + found.deferred == each.net
        for amount in (found.earned, found.freed, found.deferred, found.returned, found.lost):
            assert 0 <= amount * (1 if each.net > 0 else -1) <= abs(each.net), "never beyond the net"
        assert abs(found.returned + found.lost) <= abs(found.earned)


@given(sales(), st.lists(days, min_size=2, max_size=6))
def test_the_parts_add_up_to_the_whole(given: Sale, cuts: list[date]) -> None:
    ends = sorted(cuts)
    parts = [earned(given, one, other) for one, other in pairwise(ends)]
    assert sum(parts) == earned(given, ends[0], ends[-1])
    everything = earned(given, date(2020, 1, 1), date(2030, 1, 1))
    late = standings(given, date(2029, 12, 31))
    assert everything == sum(each.earned for each in late.values())
    left = sum(each.deferred for (_, place), each in late.items() if place != -1)
    assert left == 0, "in the end all is earned but what nobody told the days of"


@given(sales(), days, st.integers(0, 60))
def test_what_was_earned_stays_earned(given: Sale, day: date, more: int) -> None:
    earlier, later = standings(given, day), standings(given, day + more * DAY)
    for key, before in earlier.items():
        for name in ("earned", "returned", "lost", "freed"):
            assert abs(getattr(before, name)) <= abs(getattr(later[key], name))


@given(sales(), days)
def test_everything_that_came_off_is_somewhere(given: Sale, day: date) -> None:
    assume(day >= given.on)
    taken = sum(each.net for each in given.reductions if each.on <= day)
    found = standings(given, day).values()
    assert taken == sum(each.returned + each.lost + each.freed for each in found)


@given(sales(), days, st.integers(0, 2**32))
def test_the_order_of_telling_does_not_matter(given: Sale, day: date, seed: int) -> None:
    named = [replace(each, name=f"{n}") for n, each in enumerate(given.reductions)]
    mixed = Random(seed).sample(named, len(named))
    one, other = (replace(given, reductions=tuple(each)) for each in (named, mixed))
    assert standings(one, day) == standings(other, day)


@given(lines(), days)
def test_without_reductions_it_is_the_cumulative_floor(given: ServiceLine, on: date) -> None:
    start, end = (given.start, given.end) if given.start and given.end else (on, on + DAY)
    invoice = InvoiceIssued(invoice="in_1", currency="usd", net=given.net, tax=0, lines=(given,))
    (schedule,) = issued(invoice, on)
    for n in range(0, (end - start).days + 2, 7):
        day = start + n * DAY
        days_gone = min(n + 1, (end - start).days)
        floor = abs(given.net) * days_gone // (end - start).days if day >= on else 0
        assert abs(schedule.at(day).earned) == floor


def test_parts_and_shares() -> None:
    assert [part(100, n, 3) for n in (-1, 0, 1, 2, 3, 4)] == [0, 0, 33, 66, 100, 100]
    assert [part(-100, n, 3) for n in (1, 2, 3)] == [-33, -66, -100]
    assert shares(100, [1, 1, 1]) == [33, 33, 34]
    assert shares(35, [100, -30]) == [50, -15]
