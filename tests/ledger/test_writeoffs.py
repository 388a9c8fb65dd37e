"""What was written off and is paid after all, or not."""

from datetime import date
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.closing import HEARD
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.invoices import (
    InvoiceIssued,
    InvoiceOverpaid,
    InvoiceVoided,
    InvoiceWrittenOff,
    ServiceLine,
)
from ledgerstone.ledger.payments import PaidElsewhere, PaymentApplied
from ledgerstone.ledger.periods import PeriodClosed, last_day
from ledgerstone.ledger.recognition import Standing
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales_tax import Tax
from ledgerstone.ledger.transfers import TransferAssigned, TransferUnassigned
from ledgerstone.ledger.writeoffs import WriteOff
from tests.closes import MONTHS, Log, closed_in_the_end
from tests.exchanged import at, exchanged, issued, transferred, written_off
from tests.sold import sold, told

ISSUED = issued("in_1", at("2026-01-10"), 100_00, tax=25_00)
OFF = written_off("in_1", at("2026-02-10"), 125_00)


def held(log: Log, period: str = MONTHS[-1]) -> dict[str, int]:
    asked = ("receivable", "doubtful", "bad_debt", "tax", "bank", "to_allocate", "refunds")
    found = log.balances(last_day(period))
    return {account: amount for (account, _), amount in found.items() if account in asked}


def test_what_is_never_paid_stays_written_off_without_its_tax() -> None:
    log = Log([ISSUED, OFF])
    log.close("2026-01", "2026-02", "2026-03")
    assert held(log) == {"receivable": 125_00, "doubtful": -125_00, "bad_debt": 100_00}
    assert log.balances()["revenue", "eur"] == -100_00, "what was earned stays earned"


def test_tax_that_is_not_owed_is_of_the_rates_of_its_invoice() -> None:
    body = ISSUED.body
    assert isinstance(body, InvoiceIssued)
    taxes = (Tax("DE 19", 5_00), Tax("SE 25", 15_00))
    log = Log([told(ISSUED.name, ISSUED.happened_at, replace(body, taxes=taxes)), OFF])
    log.close("2026-02")
    last = log.rows[-1].body
    assert isinstance(last, PeriodClosed)
    assert [(part.rate, part.amount) for part in last.relieved] == [
        ("", 5_00),
        ("DE 19", 5_00),
        ("SE 25", 15_00),
    ]
    assert not {account for account, _ in log.balances()} & {"tax", "vat_eu", "vat_25"}


def rated(net: int, tax: int, *taxes: Tax) -> Recorded:
    lines = (ServiceLine(net, "pro"),)
    body = InvoiceIssued(invoice="in_1", currency="eur", net=net, tax=tax, lines=lines, taxes=taxes)
    return told("invoice/in_1/issued", at("2026-01-10"), body)


def taxed(log: Log) -> dict[str, int]:
    """What is owed of it, by account."""
    asked = ("tax", "vat_12", "vat_25")
    return {account: -amount for (account, _), amount in log.balances().items() if account in asked}


def test_tax_given_back_and_tax_not_owed_are_all_of_each_rate() -> None:
    invoice = rated(8, 2, Tax("SE 12", 1), Tax("SE 25", 1))
    log = Log([invoice, note(5, 1), written_off("in_1", at("2026-02-10"), 5)])
    log.close("2026-02")
    assert not taxed(log)
    assert held(log) == {"receivable": 5, "doubtful": -5, "bad_debt": 4, "refunds": 4}


def test_what_is_paid_after_all_is_taken_back_with_its_tax_in_the_month_when_it_is() -> None:
    log = Log([ISSUED, OFF])
    log.close("2026-02")
    log.tell(*transferred("in_1", 1, at("2026-03-05"), 50_00))
    log.close("2026-03")
    # 75.00 are left, of which 15.00 are tax that is not owed.
    expected = {"receivable": 75_00, "doubtful": -75_00, "bad_debt": 60_00, "tax": -10_00, "bank": 50_00}
    assert held(log) == expected
    log.tell(*transferred("in_1", 2, at("2026-04-05"), 75_00))
    log.close("2026-04")
    assert held(log) == {"tax": -25_00, "bank": 125_00}


def test_a_payment_of_a_closed_month_that_is_told_late_is_taken_back_in_the_first_open_one() -> None:
    log = Log([ISSUED, OFF])
    log.close("2026-02", "2026-03")
    then = held(log)
    log.tell(*transferred("in_1", 1, at("2026-03-05"), 125_00))
    assert held(log, "2026-03") == then
    log.close("2026-04")
    assert held(log) == {"tax": -25_00, "bank": 125_00}


def test_what_is_credited_after_it_was_written_off_is_no_loss_but_a_reduction() -> None:
    note = CreditNoteIssued(
        credit_note="cn_1", invoice="in_1", currency="eur", before_payment=125_00, tax=25_00
    )
    log = Log([ISSUED, OFF, told("credit-note/cn_1/issued", at("2026-03-01"), note)])
    log.close("2026-03")
    assert held(log) == {"refunds": 100_00}
    void = InvoiceVoided(invoice="in_1", currency="eur", open=125_00)
    log = Log([ISSUED, OFF, told("invoice/in_1/voided", at("2026-03-01"), void)])
    log.close("2026-03")
    assert held(log) == {"refunds": 100_00}


def test_what_is_paid_beyond_what_was_owed_recovers_no_more_than_was_written_off() -> None:
    log = Log([ISSUED, OFF, *transferred("in_1", 1, at("2026-03-05"), 130_00)])
    log.close("2026-03")
    assert held(log) == {"receivable": -5_00, "tax": -25_00, "bank": 130_00}


def note(gross: int, tax: int, day: str = "2026-01-20") -> Recorded:
    body = CreditNoteIssued(credit_note="cn_1", invoice="in_1", currency="eur", before_payment=gross, tax=tax)
    return told("credit-note/cn_1/issued", at(day), body)


def test_no_tax_is_relieved_that_a_credit_note_gave_back() -> None:
    invoice = issued("in_1", at("2026-01-10"), 2000_00, tax=250_00)
    log = Log([invoice, note(1250_00, 250_00), written_off("in_1", at("2026-02-10"), 1000_00)])
    log.close("2026-01", "2026-02")
    expected = {"receivable": 1000_00, "doubtful": -1000_00, "bad_debt": 1000_00, "refunds": 1000_00}
    assert held(log) == expected
    late = Log([invoice, written_off("in_1", at("2026-02-10"), 2250_00), note(1250_00, 250_00, "2026-03-01")])
    late.close("2026-02", "2026-03")
    assert held(late) == expected, "in whichever order"


def test_credit_notes_and_what_is_written_off_have_all_of_the_tax_to_the_minor_unit() -> None:
    invoice = issued("in_1", at("2026-01-10"), 100_00, tax=25_00)
    log = Log([invoice, note(62_03, 12_40), written_off("in_1", at("2026-02-10"), 62_97)])
    log.close("2026-02")
    assert held(log) == {"receivable": 62_97, "doubtful": -62_97, "bad_debt": 50_37, "refunds": 49_63}


def test_what_was_undone_gave_back_no_tax() -> None:
    undone = CreditNoteVoided(
        credit_note="cn_1", invoice="in_1", currency="eur", before_payment=25_00, tax=5_00
    )
    void = told("credit-note/cn_1/voided", at("2026-03-10"), undone)
    log = Log([ISSUED, note(25_00, 5_00), written_off("in_1", at("2026-02-10"), 100_00), void])
    log.close("2026-02")
    assert "tax" not in held(log)
    log.close("2026-03")
    assert held(log)["tax"] == -5_00, "owed again, and not written off"


def test_no_tax_is_relieved_of_an_invoice_that_nobody_told() -> None:
    off = WriteOff("in_1", "eur", date(2026, 2, 10), 125_00, {})
    assert off.at(date(2026, 2, 9)) == Standing()
    assert off.at(date(2026, 2, 10)) == Standing(recovered=125_00), "nothing is owed, so nothing can be lost"


def test_it_says_on_which_days_it_changed() -> None:
    owed = {date(2026, 1, 10): 125_00, date(2026, 3, 5): 75_00, date(2026, 4, 5): 0}
    off = WriteOff("in_1", "eur", date(2026, 2, 10), 125_00, owed, 25_00, 125_00)
    assert off.days() == [date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 5), date(2026, 4, 5)]
    assert [off.at(day).recovered for day in off.days()] == [0, 0, 50_00, 125_00]
    assert off.at(date(2026, 3, 31)) == Standing(recovered=50_00, relieved=15_00)


def test_a_close_hears_all_that_is_put_on_a_receivable_or_taken_off() -> None:
    assert {
        InvoiceIssued,
        InvoiceVoided,
        InvoiceWrittenOff,
        InvoiceOverpaid,
        CreditNoteIssued,
        PaymentApplied,
        PaidElsewhere,
        TransferAssigned,
        TransferUnassigned,
    } <= set(HEARD)


def test_what_the_first_closes_did_not_book_is_caught_up_with_and_not_taken_back() -> None:
    log = Log([ISSUED, OFF])
    log.close_as_at_first("2026-02")
    assert held(log) == {"receivable": 125_00, "doubtful": -125_00, "bad_debt": 125_00, "tax": -25_00}
    log.tell(*transferred("in_1", 1, at("2026-03-05"), 125_00))
    log.close("2026-03")
    assert held(log) == {"tax": -25_00, "bank": 125_00}
    log.close("2026-04")
    assert held(log) == {"tax": -25_00, "bank": 125_00}, "once"
    late = Log([ISSUED, OFF, *transferred("in_1", 1, at("2026-02-20"), 125_00)])
    late.close_as_at_first("2026-02")
    assert held(late)["doubtful"] == -125_00
    late.close("2026-03")
    assert held(late) == {"tax": -25_00, "bank": 125_00}
    late.reopen("2026-03")
    late.close("2026-04")
    assert held(late) == {"tax": -25_00, "bank": 125_00}


@given(st.integers(1, 999), st.integers(0, 250), st.data())
@settings(deadline=None)
def test_all_of_an_invoices_tax_is_given_back_or_not_owed_and_none_of_it_twice(
    net: int, tax: int, data: st.DataObject
) -> None:
    gross = data.draw(st.integers(0, net + tax - 1))
    own = data.draw(st.integers(0, min(gross, tax)))
    rest = net + tax - gross
    paid = data.draw(st.integers(0, rest))
    part = data.draw(st.integers(0, tax))
    taxes = data.draw(
        st.sampled_from([(), (Tax("SE 12", part),), (Tax("SE 12", part), Tax("SE 25", tax - part))])
    )
    log = Log([rated(net, tax, *taxes), written_off("in_1", at("2026-02-10"), rest)])
    log.tell(*[note(gross, own, data.draw(st.sampled_from(["2026-01-20", "2026-03-01"])))] * (gross > 0))
    log.tell(*transferred("in_1", 1, at("2026-04-01"), paid))
    log.close("2026-01", "2026-02", "2026-03")
    assert not taxed(log)
    log.close("2026-04")
    owed = taxed(log)
    assert all(amount > 0 for amount in owed.values())
    assert sum(owed.values()) <= tax - own
    assert paid < rest or sum(owed.values()) == tax - own


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_in_any_order_with_any_closes_the_balances_are_the_same_in_the_end(seed: int) -> None:
    random, facts = Random(seed), [*sold(seed, 4), *exchanged(seed, 12)]
    expected = closed_in_the_end(facts)
    log, months = Log(), list(MONTHS)
    for fact in random.sample(facts, len(facts)):
        log.tell(fact)
        if random.random() < 0.15 and len(months) > 1:
            how = random.choice([log.close, log.close_as_at_first])
            how(months.pop(0))
    log.close(*months)
    assert log.balances() == expected
    for currency in ("eur", "sek", "usd"):
        off = sum(
            row.body.open
            for row in facts
            if isinstance(row.body, InvoiceWrittenOff) and row.body.currency == currency
        )
        allowed = -log.balances().get(("doubtful", currency), 0)
        assert 0 <= allowed <= off
        assert allowed <= log.balances().get(("receivable", currency), 0)
