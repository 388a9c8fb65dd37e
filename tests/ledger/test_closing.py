"""Closing months, with everything told in time, late, and in any order."""

from collections import Counter
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger import revaluation
from ledgerstone.ledger.closing import MOVED, changed, digest_of, state, trial_balance
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.credit_notes import CreditNoteIssued
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided, ServiceLine
from ledgerstone.ledger.payments import DisputeLost, PaymentApplied, RefundRequested
from ledgerstone.ledger.periods import PeriodClosed, in_force, last_day
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.sales import sales
from ledgerstone.ledger.sales_tax import Tax
from tests.closes import MONTHS, Log, closed_in_the_end
from tests.sold import sold, told

seeds = st.integers(0, 2**32)


def test_a_close_earns_its_month_and_the_next_close_the_next() -> None:
    log = Log([_issued(31_00, "2026-01-15", "2026-02-15")])
    log.close("2026-01")
    assert log.balances(date(2026, 1, 31)) == {
        ("receivable", "eur"): 31_00,
        ("revenue", "eur"): -17_00,
        ("deferred_revenue", "eur"): -14_00,
    }
    log.close("2026-02")
    assert log.balances() == {("receivable", "eur"): 31_00, ("revenue", "eur"): -31_00}
    close_of_february = log.rows[-1].body
    assert isinstance(close_of_february, PeriodClosed)
    ((plan, currency, amount, count, *_),) = [msgspec.to_builtins(one) for one in close_of_february.earned]
    assert (plan, currency, amount, count) == ("pro", "eur", 14_00, 1)


def test_a_lost_dispute_is_divided_with_its_tax() -> None:
    issued = _issued(90_00, "2026-01-01", "2026-04-01", tax=22_50)
    applied = PaymentApplied(invoice="in_1", payment="pi_1", amount=112_50, currency="eur")
    lost = DisputeLost(dispute="dp_1", payment="pi_1", amount=112_50, currency="eur")
    log = Log([issued, told("applied", _at("2026-01-02"), applied), told("lost", _at("2026-03-01"), lost)])
    log.close("2026-02")
    assert log.balances(date(2026, 2, 28))["revenue", "eur"] == -59_00
    log.close("2026-03")
    held = log.balances()
    assert (held["revenue", "eur"], held["disputes_lost", "eur"]) == (-59_00, 59_00)
    assert not held.keys() & {("deferred_revenue", "eur"), ("tax", "eur"), ("to_allocate", "eur")}


def test_tax_comes_back_by_the_rates_of_its_invoice_to_the_minor_unit() -> None:
    taxes = (Tax("DE 19", 7), Tax("SE 25", 10))
    issued = _issued(1_00, "2026-01-01", "2026-04-01", tax=18, taxes=taxes)
    note = CreditNoteIssued(credit_note="cn_1", invoice="in_1", currency="eur", before_payment=59, tax=9)
    rest = InvoiceVoided(invoice="in_1", currency="eur", open=59)
    log = Log([issued, told("note", _at("2026-01-20"), note), told("void", _at("2026-02-03"), rest)])
    log.close("2026-01")
    assert _taxed(log) == {"DE 19": 4, "SE 25": 5}
    held = log.balances()
    assert (held["vat_eu", "eur"], held["vat_25", "eur"], held["tax", "eur"]) == (-3, -5, -1)
    log.close("2026-02")
    assert _taxed(log) == {"": 1, "DE 19": 3, "SE 25": 5}
    assert not log.balances().keys() & {(account, "eur") for account in ("tax", "vat_25", "vat_eu")}


@pytest.mark.parametrize(("credited", "tax"), [(1250_00, 250_00), (1000_00, 0)])
def test_a_note_of_one_line_and_a_refund_of_the_other_leave_nothing_of_the_tax(
    credited: int, tax: int
) -> None:
    lines = (ServiceLine(1000_00, "taxed"), ServiceLine(1000_00, "untaxed"))
    taxes = (Tax("SE 25", 250_00),)
    of: dict[str, Any] = {"invoice": "in_1", "currency": "sek"}
    issued = InvoiceIssued(net=2000_00, tax=250_00, lines=lines, taxes=taxes, **of)
    paid = PaymentApplied(payment="pi_1", amount=2250_00, **of)
    note = CreditNoteIssued(credit_note="cn_1", to_balance=credited, tax=tax, **of)
    back = RefundRequested(refund="re_1", payment="pi_1", amount=2250_00 - credited, currency="sek")
    facts: list[AnyFact] = [issued, paid, note, back]
    log = Log([told(f"fact/{n}", _at(f"2026-01-{n:02}"), fact) for n, fact in enumerate(facts, start=1)])
    log.close("2026-01")
    held = log.balances()
    assert (held["refunds", "sek"], held["revenue", "sek"]) == (2000_00, -2000_00)
    assert not held.keys() & {("vat_25", "sek"), ("tax", "sek"), ("to_allocate", "sek")}


def _taxed(log: Log) -> dict[str, int]:
    last = log.rows[-1].body
    assert isinstance(last, PeriodClosed)
    return {part.rate: part.amount for part in last.taxed}


def test_a_refund_that_is_told_late_is_divided_as_on_its_day_in_the_first_open_month() -> None:
    applied = PaymentApplied(invoice="in_1", payment="pi_1", amount=30_00, currency="eur")
    refund = RefundRequested(refund="re_1", payment="pi_1", amount=30_00, currency="eur")
    log = Log([_issued(30_00, "2026-04-01", "2026-05-01"), told("applied", _at("2026-04-01"), applied)])
    log.close("2026-04")
    log.tell(told("refund", _at("2026-04-11"), refund))
    log.close("2026-05")
    assert log.balances(date(2026, 4, 30))["revenue", "eur"] == -30_00
    held = log.balances()
    assert (held["revenue", "eur"], held["refunds", "eur"]) == (-10_00, 10_00)
    assert ("to_allocate", "eur") not in held


def test_days_that_were_told_late_are_earned_in_the_first_open_month() -> None:
    whole = _issued(30_00, "2026-04-01", "2026-05-01")
    assert isinstance(whole.body, InvoiceIssued)
    first = replace(whole, body=replace(whole.body, lines=()))
    log = Log([first])
    log.close("2026-04")
    assert log.balances()["deferred_revenue", "eur"] == -30_00
    log.tell(superseding(first, whole, 1))
    log.close("2026-05")
    assert log.balances(date(2026, 4, 30)) == {
        ("receivable", "eur"): 30_00,
        ("deferred_revenue", "eur"): -30_00,
    }
    assert log.balances() == {("receivable", "eur"): 30_00, ("revenue", "eur"): -30_00}


def test_rates_that_were_told_late_move_what_is_left_of_the_tax_to_their_account() -> None:
    known = _issued(100_00, "2026-04-01", "2026-05-01", tax=25_00, taxes=(Tax("SE 25", 25_00),))
    assert isinstance(known.body, InvoiceIssued)
    unknown = replace(known.body, taxes=())
    first = replace(known, body=unknown, movements=movements(unknown))
    note = CreditNoteIssued(
        credit_note="cn_1", invoice="in_1", currency="eur", before_payment=25_00, tax=5_00
    )
    log = Log([first, told("note", _at("2026-04-11"), note)])
    log.close("2026-04")
    assert log.balances()["tax", "eur"] == -20_00
    log.tell(superseding(first, known, 1))
    log.close("2026-05")
    assert log.balances(date(2026, 4, 30))["tax", "eur"] == -20_00
    held = log.balances()
    assert (held["vat_25", "eur"], ("tax", "eur") in held) == (-20_00, False)


def test_months_are_closed_in_their_order_and_once() -> None:
    log = Log([_issued(30_00, "2026-04-01", "2026-05-01")])
    log.close("2026-05")
    for period in ("2026-04", "2026-05"):
        with pytest.raises(ValueError, match="2026-05 is closed"):
            log.close(period)


def test_a_reopened_month_and_all_after_it_stand_as_before_they_were_closed() -> None:
    facts = sold(7, 20)
    log, open = Log(facts), Log(facts)
    open.close("2026-01")
    log.close("2026-01", "2026-02", "2026-03")
    log.reopen("2026-02")
    assert log.through == date(2026, 1, 31)
    assert log.balances() == open.balances()
    for month in MONTHS[:4]:
        assert log.balances(last_day(month)) == open.balances(last_day(month)), "each month by itself"
    assert [each.name[-10:] for each in log.rows[-2:]] == ["reopened/1", "reopened/1"]
    log.close("2026-02")
    assert log.rows[-1].name == "period/:live/2026-02/closed/2"


@given(seeds)
@settings(max_examples=15)
def test_in_any_order_with_any_closes_the_balances_are_the_same_in_the_end(seed: int) -> None:
    random, facts = Random(seed), sold(seed, 12)
    expected = closed_in_the_end(facts)
    log, months = Log(), list(MONTHS)
    for fact in random.sample(facts, len(facts)):
        log.tell(fact)
        if random.random() < 0.15 and len(months) > 1:
            log.close(months.pop(0))
        if random.random() < 0.05 and (closes := in_force([each.body for each in log.rows])):
            period = random.choice(list(closes))
            log.reopen(period)
            months = [month for month in MONTHS if month >= period]
    log.close(*months)
    assert log.balances() == expected


@given(seeds)
@settings(max_examples=10)
def test_after_a_close_deferred_revenue_is_what_the_schedules_say_and_nothing_waits(seed: int) -> None:
    facts = sold(seed, 12)
    log = Log(facts)
    for month in MONTHS[:8]:
        log.close(month)
        day = last_day(month)
        held = log.balances(day)
        expected: Counter[str] = Counter()
        for line, standing in state(sales(facts).values(), day).items():
            expected[line.currency] -= standing.deferred
        for currency in ("eur", "sek"):
            assert held.get(("deferred_revenue", currency), 0) == expected[currency]
        known = {each.issued.invoice for each in sales(facts).values() if each.on <= day}
        assert not {cell for cell in held if cell[0] == "to_allocate"}, known


def test_nothing_in_a_closed_month_changes_by_a_thousand_late_facts() -> None:
    facts, random = sold(1, 700), Random(1)
    late = [fact for fact in facts if fact.happened_at < datetime(2026, 7, 1, tzinfo=UTC)][:1_000]
    assert len(late) == 1_000
    told_late = {id(fact) for fact in late}
    log = Log(fact for fact in facts if id(fact) not in told_late)
    log.close(*MONTHS[:6])
    end = last_day(MONTHS[5])
    before, digests = _said(log, end), _digests(log)
    months = MONTHS[6:]
    for n, fact in enumerate(late):
        log.tell(fact)
        if n % 100 == random.randint(0, 99):
            log.close(months.pop(0))
    assert _said(log, end) == before
    assert {period: digest for period, digest in _digests(log).items() if period <= MONTHS[5]} == digests
    log.close(*months)
    assert _said(log, end) == before
    assert log.balances() == closed_in_the_end(facts)
    for period, last in in_force([each.body for each in log.rows]).items():
        left = trial_balance(log.held(last_day(period)), replace(last, earned=(), **NOTHING))
        assert (left, digest_of(left)) == (last.balances, last.digest), period


NOTHING: dict[str, Any] = dict.fromkeys((*MOVED[1:], *revaluation.MOVED), ())


def _said(log: Log, end: date) -> bytes:
    """The books up to a day, byte for byte."""
    return msgspec.json.encode([leg for leg in log.legs if leg.day <= end])


def _digests(log: Log) -> dict[str, str]:
    return {period: close.digest for period, close in in_force([each.body for each in log.rows]).items()}


def _at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _issued(net: int, start: str, end: str, tax: int = 0, taxes: tuple[Tax, ...] = ()) -> Recorded:
    line = ServiceLine(net, "pro", date.fromisoformat(start), date.fromisoformat(end), "sub_1")
    body = InvoiceIssued(invoice="in_1", currency="eur", net=net, tax=tax, lines=(line,), taxes=taxes)
    return Recorded("invoice/in_1/issued", Book(), _at(start), body, movements=movements(body))


def test_a_closed_month_that_is_not_as_its_close_left_it_is_named() -> None:
    log = Log([_issued(31_00, "2026-01-15", "2026-02-15")])
    log.close("2026-01")
    close_of_january = log.rows[-1].body
    assert isinstance(close_of_january, PeriodClosed)
    held = log.held(date(2026, 1, 31))
    assert list(changed(close_of_january, held)) == []
    held["revenue", "eur"] += 1
    held["bank", "sek"] -= 5
    assert list(changed(close_of_january, held)) == [
        "bank held 0 sek when it was closed, and holds -5",
        "revenue held -1700 eur when it was closed, and holds -1699",
    ]
    other = replace(close_of_january, digest="")
    assert list(changed(other, log.held(date(2026, 1, 31)))) == [
        "the digest of its trial balance is not that of its balances"
    ]
