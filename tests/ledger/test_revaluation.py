"""Gains and losses of exchange, as a bookkeeper works them out by hand."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.fx import FxRatePublished, Published, before, exact
from ledgerstone.ledger.invoices import InvoiceOverpaid
from ledgerstone.ledger.periods import Difference, PeriodClosed, in_force, last_day
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.revaluation import MOVED, RateMissing, is_open, keeps_its_day, valued
from tests.closes import MONTHS, Log, as_one, closed_in_the_end, moved_of
from tests.exchanged import (
    DOLLARS,
    INVOICE,
    PAID_IN_PARTS,
    TABLES,
    TWO_INVOICES,
    at,
    exchanged,
    issued,
    rates,
    settled,
    table,
    transferred,
    written_off,
)
from tests.ledger.test_passing import made, received
from tests.sold import DAY, sold, told

REALISED, UNREALISED = ("fx_gain", "fx_loss"), ("fx_unrealised_gain", "fx_unrealised_loss")
seeds, currencies = st.integers(0, 2**32), st.sampled_from(["sek", "eur", "usd"])


def result(log: Log, currency: str = "sek") -> tuple[int, int]:
    """What was gained and lost for good."""
    return _sides(log, REALISED, currency)


def open_result(log: Log, currency: str = "sek") -> tuple[int, int]:
    """What what is still open has gained or lost."""
    return _sides(log, UNREALISED, currency)


def _sides(log: Log, accounts: tuple[str, str], currency: str) -> tuple[int, int]:
    held = log.balances()
    gain, loss = accounts
    return -held.get((gain, currency), 0), held.get((loss, currency), 0)


def trading(log: Log, day: date) -> dict[str, int]:
    return {
        currency: amount for (account, currency), amount in log.held(day).items() if account == "fx_trading"
    }


def worth(log: Log, amounts: Mapping[str, int], day: date, functional: str = "sek") -> Fraction:
    """Amounts at the rates from before a day."""
    parts = [
        exact(amount, currency, functional, before(log.exchange(functional).tables, day))
        for currency, amount in amounts.items()
    ]
    return sum((part for part in parts if part is not None), Fraction(0))


def test_an_invoice_in_euro_that_is_settled_in_kronor_has_gained_what_came_more() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE, *settled("in_1", at("2026-10-22"), 100_00, "eur", 1_130_00, "sek"))
    assert trading(log, date(2026, 10, 31)) == {"sek": -1_130_00, "eur": 100_00}
    log.close("2026-10")
    # Realised: 1,130.00 came for what had been booked as 1,120.00.
    assert result(log) == (10_00, 0)
    # `fx_trading` is worth nothing: 100.00 EUR are 1,140.00 SEK by the rates of the close.
    assert trading(log, date(2026, 10, 31)) == {"sek": -1_140_00, "eur": 100_00}
    # What was earned is 1,120.00 by the rate of its day, and 1,140.00 by those.
    assert log.balances()["fx_translation", "sek"] == 20_00
    assert log.balances()["revenue", "eur"] == -100_00

    log.close("2026-11")
    assert result(log) == (10_00, 0), "nothing is held in euro, so November's rates gain and lose nothing"
    assert trading(log, date(2026, 11, 30)) == {"sek": -1_150_00, "eur": 100_00}
    assert log.balances()["fx_translation", "sek"] == 30_00


def test_an_invoice_in_kronor_that_is_settled_in_euro() -> None:
    log = Log(TABLES, "sek")
    log.tell(issued("in_1", at("2026-10-05"), 1_140_00, currency="sek"))
    log.tell(*settled("in_1", at("2026-10-22"), 1_140_00, "sek", 102_00, "eur"))
    log.close("2026-10")
    # 102.00 EUR came when they were 1,157.70, for 1,140.00, and are 1,162.80 at the rates of the close.
    assert (result(log), open_result(log)) == ((17_70, 0), (5_10, 0))
    assert ("fx_translation", "sek") not in log.balances()
    log.close("2026-11")
    assert (result(log), open_result(log)) == ((17_70, 0), (15_30, 0)), "1,173.00 by then: 10.20 more"


def test_what_is_open_at_a_close_is_worth_its_rates_and_the_next_close_moves_the_change() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE)
    log.close("2026-10")
    assert (result(log), open_result(log)) == ((0, 0), (20_00, 0)), "1,140.00, and 1,120.00 when booked"
    assert log.balances()["receivable", "eur"] == 100_00, "nothing stands on the receivable but what is owed"
    log.tell(*settled("in_1", at("2026-11-16"), 100_00, "eur", 1_130_00, "sek"))
    log.close("2026-11")
    assert (result(log), open_result(log)) == ((10_00, 0), (0, 0)), "what was unrealised is taken back"
    (_, november) = _closes(log)
    assert (november.fx_gained, november.fx_risen) == (_sek(10_00), _sek(-20_00))


def test_what_is_settled_by_bank_in_its_own_currency_is_held_in_it() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE, *transferred("in_1", 0, at("2026-10-22"), 100_00))
    log.close("2026-10", "2026-11")
    assert result(log) == (15_00, 0), "100.00 EUR were 1,135.00 when they came, and 1,120.00 when earned"
    assert open_result(log) == (15_00, 0), "and are 1,150.00 in the bank"


def test_a_loss_that_was_written_off_is_no_gain_when_rates_rise() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE, written_off("in_1", at("2026-10-06"), 100_00))
    log.close("2026-10")
    assert result(log) == (0, 0)
    log.tell(*transferred("in_1", 0, at("2026-11-17"), 100_00))
    log.close("2026-11")
    # It came back as a cost when it was 1,160.00, and is 1,150.00 in the bank.
    assert (result(log), open_result(log)) == ((0, 0), (0, 10_00))


def test_what_is_written_off_is_open_no_more_and_has_realised_what_rates_did_until_then() -> None:
    log = Log([*TABLES, INVOICE, written_off("in_1", at("2026-10-22"), 100_00)], "sek")
    log.close("2026-10")
    assert (result(log), open_result(log)) == ((15_00, 0), (0, 0)), "a cost of 1,135.00 for 1,120.00"


def test_what_was_passed_on_is_neither_held_nor_owed_any_more() -> None:
    log = Log([*TABLES, received(100_00, at("2026-10-05")), made(100_00, at("2026-10-22"))], "sek")
    log.close("2026-10")
    # It was theirs: 100.00 EUR at the provider, and owed, both rose from 1,120.00 to 1,135.00.
    assert (result(log), open_result(log)) == ((0, 0), (0, 0))


def test_what_is_owed_loses_where_what_is_held_gains() -> None:
    credit = InvoiceOverpaid(invoice="in_1", amount=100_00, currency="eur", customer="cus_1")
    log = Log([*TABLES, told("overpaid/in_1", at("2026-10-05"), credit)], "sek")
    log.tell(*settled("in_1", at("2026-10-22"), 100_00, "eur", 1_130_00, "sek"))
    log.close("2026-10")
    # 5.00 less came than they were worth by then; 100.00 EUR of credit are owed, 1,120.00 and now 1,140.00;
    # and the receivable, which was 1,120.00 by the overpaying, left when it was 1,135.00.
    assert (result(log), open_result(log)) == ((10_00, 0), (0, 20_00))


@pytest.mark.parametrize("day", ["2026-10-05", "2026-10-21", "2026-10-27"])
def test_what_was_told_wrongly_never_came_and_never_went(day: str) -> None:
    other = transferred("in_0", 0, at("2026-10-21"), 30_00)
    wrong, right = issued("in_1", at("2026-10-21"), 90_00), issued("in_1", at(day), 100_00)
    log, told_right = (
        Log([*TABLES, issued("in_0", at("2026-10-05"), 50_00), *other, *rows], "sek")
        for rows in ([wrong, superseding(wrong, right, 1)], [right])
    )
    log.close("2026-10")
    told_right.close("2026-10")
    assert log.balances() == told_right.balances()


def test_two_invoices_in_dollars_that_are_paid_in_parts() -> None:
    log = Log([*DOLLARS, *TWO_INVOICES, *PAID_IN_PARTS], "sek")
    log.close("2026-07")
    # 1,500.00 USD are carried at 15,150.00 and worth 15,750.00.
    assert (result(log), open_result(log)) == ((0, 0), (600_00, 0))
    log.close("2026-08")
    # 600.00 left at 10.10, which is 6,060.00, and 6,300.00 came; 900.00 at 9,090.00 are worth 9,360.00.
    assert (result(log), open_result(log)) == ((240_00, 0), (270_00, 0))
    log.close("2026-09")
    # 900.00 left at 9,090.00, and 9,180.00 came. In all 15,480.00 for what was booked as 15,150.00.
    assert (result(log), open_result(log)) == ((330_00, 0), (0, 0))
    said = [(each.fx_gained, each.fx_risen) for each in _closes(log)]
    assert said == [((), _sek(600_00)), (_sek(240_00), _sek(-330_00)), (_sek(90_00), _sek(-270_00))]


def test_tax_keeps_the_rate_of_its_day_as_it_is_declared() -> None:
    log = Log(TABLES, "sek")
    log.tell(issued("in_1", at("2026-10-05"), 100_00, tax=25_00))
    log.close("2026-10")
    assert open_result(log) == (25_00, 0)


def test_another_functional_currency_values_all_anew_and_none_leaves_it() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE)
    log.close("2026-10")
    log.functional = "usd"
    log.close("2026-11")
    assert open_result(log) == (0, 0)
    assert open_result(log, "usd") == (3_00, 0), "115.00 and 112.00"
    log.functional = None
    log.close("2026-12")
    assert open_result(log, "usd") == (3_00, 0)
    last = _closes(log)[-1]
    assert (last.functional, last.fx_gained, last.fx_risen, last.fx_kept) == ("", (), (), ())


@pytest.mark.parametrize(
    ("tables", "day", "why"),
    [
        ([], "2026-10-05", "there is no table of the week before it"),
        ([table("2026-10-02", usd="1.12")], "2026-10-05", "that of 2026-10-02 has none"),
        ([TABLES[0]], "2026-11-01", "there is no table of the week before it"),
    ],
)
def test_a_missing_rate_refuses_the_close_and_says_what_to_do(
    tables: list[Recorded], day: str, why: str
) -> None:
    log = Log([*tables, INVOICE], "sek")
    with pytest.raises(RateMissing) as refused:
        log.close("2026-10")
    assert f"no rate from eur to sek is known from before {day} ({why})" in str(refused.value)
    assert "ledgerstone import fx" in str(refused.value)
    log.functional = "eur"
    log.close("2026-10")


def test_a_rate_that_is_told_late_is_caught_up_with_in_the_first_open_month() -> None:
    late = table("2026-10-31", sek="11.90")
    log = Log(TABLES, "sek")
    log.tell(INVOICE)
    log.close("2026-10")
    before_it = list(log.legs)
    log.tell(late)
    log.close("2026-11")
    assert log.legs[: len(before_it)] == before_it
    assert open_result(log) == (30_00, 0), "October's 20.00 are 70.00, as is known now, and now 30.00"
    assert log.balances() == _in_the_end([*TABLES, INVOICE, late], "2026-11")


def _closes(log: Log) -> list[PeriodClosed]:
    return [each.body for each in log.rows if isinstance(each.body, PeriodClosed)]


def _sek(amount: int) -> tuple[Difference, ...]:
    return (Difference("sek", amount),)


def _in_the_end(rows: list[Recorded], period: str) -> dict[tuple[str, str], int]:
    log = Log(rows, "sek")
    log.close(period)
    return log.balances()


def test_the_accounts_are_in_the_chart() -> None:
    assert [CHART[account].bas for account in ("fx_trading", *REALISED)] == [1690, 3960, 7960]
    assert [CHART[account].bas for account in UNREALISED] == [3969, 7969]


@given(seeds, currencies)
@settings(max_examples=15, deadline=None)
def test_in_any_order_with_any_closes_the_balances_are_the_same_in_the_end(
    seed: int, functional: str
) -> None:
    random, facts = Random(seed), [*sold(seed, 4), *exchanged(seed, 8)]
    due, late = rates(seed, 5), rates(seed + 1, 11)
    late = [row for row in late if row.name not in {each.name for each in due}]
    expected = closed_in_the_end([*due, *late, *facts], functional)
    log, months = Log(due, functional), list(MONTHS)
    for fact in random.sample([*facts, *late], len(facts) + len(late)):
        closed = log.through or date.min
        was = _said(log, closed)
        log.tell(fact)
        if random.random() < 0.1 and len(months) > 1:
            log.close(months.pop(0))
        assert _said(log, closed) == was, "nothing in a closed month changes"
        if random.random() < 0.03 and (closes := in_force([each.body for each in log.rows])):
            period = random.choice(list(closes))
            log.reopen(period)
            months = [month for month in MONTHS if month >= period]
    log.close(*months)
    assert log.balances() == expected


def _said(log: Log, end: date) -> bytes:
    """The books up to a day, byte for byte."""
    return msgspec.json.encode([leg for leg in log.legs if leg.day <= end])


@given(seeds, currencies)
@settings(max_examples=15, deadline=None)
def test_what_is_held_by_the_rates_of_a_close_less_what_was_earned_by_those_of_its_days_is_the_result(
    seed: int, functional: str
) -> None:
    facts = [row for row in exchanged(seed, 10) if "written-off" not in row.name]
    log = Log([*rates(seed, 5), *facts], functional)
    for month in MONTHS[:12]:
        log.close(month)
        end = last_day(month)
        held = Counter[str]()
        for (account, currency), amount in log.held(end).items():
            if is_open(account):
                held[currency] += amount
        (gained, lost), (risen, fallen) = result(log, functional), open_result(log, functional)
        found = worth(log, held, end + DAY, functional) + _earned(log, facts, end, functional)
        assert abs(found - (gained - lost + risen - fallen)) <= Fraction(1, 2)
        assert abs(worth(log, trading(log, end), end + DAY, functional)) <= 1


def _earned(log: Log, facts: Iterable[Recorded], end: date, functional: str) -> Fraction:
    """What was earned and spent, each by the rates of its day, debits above 0."""
    parts = [
        worth(log, {move.currency: sign * move.amount}, row.happened_at.date(), functional)
        for row in facts
        if row.happened_at.date() <= end
        for move in row.movements
        for account, sign in ((move.debit, 1), (move.credit, -1))
        if keeps_its_day(account)
    ]
    return sum(parts, Fraction(0))


@given(seeds, currencies)
@settings(max_examples=10, deadline=None)
def test_realised_and_unrealised_are_together_what_a_close_booked_as_one(seed: int, functional: str) -> None:
    log = Log([*rates(seed, 5), *exchanged(seed, 6), *sold(seed, 2)], functional)
    for month in MONTHS[:12]:
        log.close(month)
        gained, lost, risen, fallen = (moved_of(what, _closes(log)) for what in MOVED[:4])
        one_gained, one_lost = as_one(log.exchange(functional), last_day(month))
        assert gained - lost + risen - fallen == one_gained - one_lost
        assert min(risen, fallen) == 0 <= max(risen, fallen)


@given(seeds, st.integers(1, 11))
@settings(max_examples=10, deadline=None)
def test_after_closes_that_booked_them_as_one_the_next_has_them_apart(seed: int, months: int) -> None:
    rows = [*rates(seed, 5), *exchanged(seed, 6)]
    log, apart = Log(rows, "sek"), Log(rows, "sek")
    log.close_as_one(*MONTHS[:months])
    apart.close(*MONTHS[:months])
    assert _net(log, REALISED) == _net(apart, (*REALISED, *UNREALISED))
    assert _net(log, UNREALISED) == 0
    log.close(MONTHS[months])
    apart.close(MONTHS[months])
    assert log.balances() == apart.balances()


def _net(log: Log, accounts: Iterable[str]) -> int:
    held = log.balances()
    return sum(held.get((account, "sek"), 0) for account in accounts)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_months_gain_and_lose_by_themselves_however_they_are_closed_together(seed: int) -> None:
    log = Log([*rates(seed, 5), *exchanged(seed, 6)], "sek")
    upto = [valued(log.exchange("sek"), last_day(month)) for month in MONTHS]
    for one, other in pairwise(upto):
        assert one.fx_gained <= other.fx_gained
        assert one.fx_lost <= other.fx_lost
        assert one.fx_gained == other.fx_gained or one.fx_lost == other.fx_lost


def test_tables_are_as_they_were_told() -> None:
    log = Log(reversed(TABLES), "sek")
    body = TABLES[2].body
    assert isinstance(body, FxRatePublished)
    assert log.exchange("sek").tables[2] == Published(body.day, body.rates)
