"""What happened to an invoice: which facts come to it, and with how much of its tax."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided, ServiceLine
from ledgerstone.ledger.payments import PaymentApplied, RefundFailed, RefundRequested
from ledgerstone.ledger.recognition import Reduction
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import Off, reductions, sales
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen
from tests.sold import told

AT = datetime(2026, 1, 1, tzinfo=UTC)


def issued(invoice: str = "in_1", net: int = 1_00, tax: int = 25, currency: str = "eur") -> InvoiceIssued:
    return InvoiceIssued(
        invoice=invoice, currency=currency, net=net, tax=tax, lines=(ServiceLine(net, "pro"),)
    )


def applied(invoice: str = "in_1", amount: int = 1_25) -> PaymentApplied:
    return PaymentApplied(invoice=invoice, payment="pi_1", amount=amount, currency="eur")


def refund(n: int, amount: int) -> RefundRequested:
    return RefundRequested(refund=f"re_{n}", payment="pi_1", amount=amount, currency="eur")


def off(*facts: AnyFact, of: str = "in_1") -> list[tuple[str, int, int]]:
    """Name, net and tax of what came off an invoice; a fact happens each day."""
    rows = [row(n, fact) for n, fact in enumerate(facts, start=1)]
    found = [_short(each) for each in sales(rows)[of].reductions]
    assert found == [_short(each) for each in sales(rows[::-1])[of].reductions], "in any order"
    return found


def row(day: int, fact: AnyFact) -> Recorded:
    return told(f"fact/{day}", datetime(2026, 1, day, tzinfo=UTC), fact)


def _short(each: Reduction) -> tuple[str, int, int]:
    return each.name, each.net, each.tax


def test_refunds_of_all_of_an_invoice_have_all_of_its_tax() -> None:
    found = off(issued(), applied(), refund(1, 42), refund(2, 42), refund(3, 41))
    assert found == [("refund/re_1", 34, 8), ("refund/re_2", 34, 8), ("refund/re_3", 32, 9)]


def test_of_two_tellings_of_one_issue_the_same_stands_in_any_order() -> None:
    """As corrections can make them, which make one fact tell of what another tells of."""
    rows = [row(2, issued(net=80)), row(1, issued(net=1_00)), told("fact/3", AT, issued(net=90))]
    found = [sales(order)["in_1"].issued.net for order in (rows, rows[::-1])]
    assert found == [80, 80]


def test_a_refund_that_failed_does_not_count_for_the_tax_of_others() -> None:
    failed = RefundFailed(refund="re_1", payment="pi_1", amount=42, currency="eur")
    found = off(issued(), applied(), refund(1, 42), refund(2, 1_25), failed)
    assert found == [("refund/re_1", 34, 8), ("refund/re_2", 1_00, 25)]


def test_a_refund_that_a_credit_note_names_has_its_part_of_the_notes_tax() -> None:
    note = CreditNoteIssued(
        credit_note="cn_1",
        invoice="in_1",
        currency="eur",
        refunded=40,
        to_balance=60,
        tax=5,
        refunds=("re_1",),
    )
    found = off(issued(), applied(), note, refund(1, 40))
    assert found == [("note/cn_1", 57, 3), ("refund/re_1", 38, 2)]


def test_a_refund_is_of_the_invoices_on_which_the_payment_was_used() -> None:
    facts = issued("in_1"), issued("in_2", 3_00, 0), applied("in_1", 1_00), applied("in_2", 3_00)
    assert off(*facts, refund(1, 2_00), of="in_1") == [("refund/re_1", 40, 10)]
    assert off(*facts, refund(1, 2_00), of="in_2") == [("refund/re_1", 1_50, 0)]


def test_an_invoice_knows_when_the_subscriptions_of_its_lines_ended() -> None:
    end = datetime(2026, 1, 20, 9, tzinfo=UTC)
    terms = Subscription(
        customer="cus_1", status="active", currency="eur", items=(), started_at=AT, ended_at=None
    )
    ended = replace(terms, status="canceled", ended_at=end)
    line = ServiceLine(1_00, "pro", subscription="sub_1")
    rows = [
        row(1, InvoiceIssued(invoice="in_1", currency="eur", net=1_00, tax=0, lines=(line,))),
        row(2, SubscriptionSeen(id="sub_1", now=ended)),
        row(3, SubscriptionSeen(id="sub_2", now=ended)),
        row(4, SubscriptionSeen(id="sub_1", now=terms)),
    ]
    assert sales(rows)["in_1"].ended == {"sub_1": end.date()}
    assert sales(rows[:1])["in_1"].ended == {}


def test_what_is_of_a_payment_that_was_used_on_none_waits_and_so_does_another_currency() -> None:
    assert off(issued(), refund(1, 2_00)) == []
    assert off(issued(currency="sek"), applied(), refund(1, 1_00)) == []


def test_a_void_takes_off_what_was_open() -> None:
    assert off(issued(), InvoiceVoided(invoice="in_1", currency="eur", open=1_25)) == [
        ("void/in_1", 1_00, 25)
    ]
    assert off(issued(net=-1_00, tax=-25), InvoiceVoided(invoice="in_1", currency="eur", open=-1_25)) == [
        ("void/in_1", -1_00, -25)
    ]


def note(gross: int, tax: int, n: int = 1) -> CreditNoteIssued:
    return CreditNoteIssued(
        credit_note=f"cn_{n}", invoice="in_1", currency="eur", before_payment=gross, tax=tax
    )


def test_what_comes_off_after_a_credit_note_has_its_share_of_the_tax_that_is_left() -> None:
    invoice, paid = issued(net=2000_00, tax=250_00), applied(amount=2250_00)
    found = off(invoice, paid, note(1250_00, 250_00), refund(1, 1000_00))
    assert found == [("note/cn_1", 1000_00, 250_00), ("refund/re_1", 1000_00, 0)]
    found = off(invoice, paid, note(1000_00, 0), refund(1, 1250_00))
    assert found == [("note/cn_1", 1000_00, 0), ("refund/re_1", 1000_00, 250_00)]
    void = InvoiceVoided(invoice="in_1", currency="eur", open=1000_00)
    assert off(invoice, note(1250_00, 250_00), void)[1:] == [("void/in_1", 1000_00, 0)]


def test_a_credit_note_after_a_refund_has_no_more_tax_than_is_left_and_the_last_all_of_it() -> None:
    invoice, paid = issued(net=2000_00, tax=250_00), applied(amount=2250_00)
    found = off(invoice, paid, refund(1, 1000_00), note(1250_00, 250_00))
    assert found == [("refund/re_1", 888_89, 111_11), ("note/cn_1", 1111_11, 138_89)]
    found = off(invoice, paid, refund(1, 1250_00), note(1000_00, 0))
    assert found == [("refund/re_1", 1111_12, 138_88), ("note/cn_1", 888_88, 111_12)]
    found = off(invoice, paid, refund(1, 2000_00), note(200_00, 200_00))
    assert found == [("refund/re_1", 1777_78, 222_22), ("note/cn_1", 172_22, 27_78)]


def test_of_what_comes_off_beyond_an_invoice_nothing_is_tax() -> None:
    assert off(issued(), applied(), refund(1, 1_25), note(50, 10)) == [
        ("refund/re_1", 1_00, 25),
        ("note/cn_1", 50, 0),
    ]


@given(st.sampled_from([1, -1]), st.integers(1, 999), st.integers(0, 250), st.data())
def test_all_of_an_invoice_has_all_of_its_tax_and_no_part_of_it_more(
    sign: int, net: int, tax: int, data: st.DataObject
) -> None:
    left, offs = net + tax, list[Off]()
    while left:
        gross = data.draw(st.integers(1, left))
        told_of = data.draw(st.none() | st.integers(0, gross))
        own = None if told_of is None else sign * told_of
        offs.append(Off(f"off/{len(offs):03}", AT.date(), "eur", sign * gross, own))
        left -= gross
    found = reductions(issued(net=sign * net, tax=sign * tax), offs)
    assert [each.net + each.tax for each in found] == [each.gross for each in offs]
    assert sum(each.tax for each in found) == sign * tax
    assert all(0 <= sign * each.tax <= tax for each in found)
