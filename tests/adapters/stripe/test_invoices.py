"""Invoices as Stripe tells of them, and what their facts do to the books."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.invoices import Invoice, InvoiceIssued, InvoiceSeen, InvoiceVoided, InvoiceWrittenOff
from ledgerstone.ledger.payments import PaymentApplied
from tests.stripe_objects import BORN, NOW, books, event, facts, invoice, invoice_payment, marks, parked, read

ISSUED = BORN + 3600


def test_an_invoice_is_seen_as_it_is() -> None:
    fact = facts("invoice.finalized", invoice(due_date=NOW))["stripe/evt_1/invoice"]
    assert fact == InvoiceSeen(
        id="in_1",
        now=Invoice(
            status="open",
            currency="usd",
            created_at=datetime.fromtimestamp(BORN, UTC),
            total=12_500,
            tax=2_500,
            amount_due=12_500,
            amount_paid=0,
            amount_remaining=12_500,
            customer="cus_1",
            subscription="sub_1",
            number="N-0001",
            plans=("prod_1", "prod_2"),
            due_at=datetime.fromtimestamp(NOW, UTC),
            finalized_at=datetime.fromtimestamp(ISSUED, UTC),
        ),
    )


def test_a_draft_is_seen_and_not_issued() -> None:
    draft = invoice(status="draft", status_transitions=marks(), ending_balance=None)
    assert facts("invoice.created", draft).keys() == {"stripe/evt_1/invoice"}


@pytest.mark.parametrize("date", ["finalized_at", "voided_at"])
def test_a_date_alone_neither_issues_nor_voids_a_draft(date: str) -> None:
    dated = invoice(status="draft", status_transitions=marks(**{date: NOW}))
    assert facts("invoice.updated", dated).keys() == {"stripe/evt_1/invoice"}


@pytest.mark.parametrize("type", ["finalized", "updated", "paid", "payment_failed", "voided"])
def test_any_message_after_its_finalisation_issues_an_invoice_the_same(type: str) -> None:
    paid = invoice(status="paid", amount_paid=12_500, amount_remaining=0)
    fact = facts(f"invoice.{type}", paid)["invoice/in_1/issued"]
    assert fact == InvoiceIssued(invoice="in_1", currency="usd", net=10_000, tax=2_500, customer="cus_1")


def test_an_invoice_is_issued_when_it_was_finalised() -> None:
    issued = next(
        row for row in read(event("invoice.paid", invoice())).rows if row.name == "invoice/in_1/issued"
    )
    assert issued.happened_at == datetime.fromtimestamp(ISSUED, UTC)
    assert [str(move.amount) for move in issued.movements] == ["10000", "2500"]


@pytest.mark.parametrize(
    ("starting", "ending", "total", "used"),
    [(-3_000, 0, 12_500, 3_000), (0, -500, -500, -500), (2_000, 0, 12_500, -2_000), (0, None, 12_500, 0)],
)
def test_credit_is_below_zero_at_stripe(starting: int, ending: int | None, total: int, used: int) -> None:
    said = invoice(starting_balance=starting, ending_balance=ending, total=total, total_taxes=None)
    fact = facts("invoice.finalized", said)["invoice/in_1/issued"]
    assert isinstance(fact, InvoiceIssued)
    assert fact.from_balance == used


@pytest.mark.parametrize("credited", [0, 1_000])
@pytest.mark.parametrize("paid", [0, 4_000])
@pytest.mark.parametrize(("starting", "ending"), [(0, 0), (-3_000, 0), (-20_000, -7_500), (2_000, 0)])
def test_a_voided_invoice_is_owed_no_more(starting: int, ending: int, paid: int, credited: int) -> None:
    used = ending - starting
    open = invoice(starting_balance=starting, ending_balance=ending, amount_due=12_500 - used)
    void = open | {
        "status": "void",
        "status_transitions": marks(finalized_at=ISSUED, voided_at=NOW),
        "amount_paid": paid,
        "pre_payment_credit_notes_amount": credited,
    }
    held = books(
        ("invoice.finalized", open),
        ("invoice_payment.paid", invoice_payment(amount_paid=paid)),
        ("invoice.voided", void),
    )
    assert held["receivable"] == credited, "what a credit note takes off is for the credit note to say"
    assert held["customer_credit"] == 0


def test_an_invoice_is_voided_when_it_says_so_and_by_any_later_message() -> None:
    void = invoice(status="void", status_transitions=marks(finalized_at=ISSUED, voided_at=BORN + 7200))
    for type in ("invoice.voided", "invoice.updated"):
        row = read(event(type, void)).rows[-1]
        assert row.name == "invoice/in_1/voided"
        assert row.happened_at == datetime.fromtimestamp(BORN + 7200, UTC)
        assert row.body == InvoiceVoided(invoice="in_1", currency="usd", open=12_500, customer="cus_1")


def test_only_its_own_message_tells_what_was_open_when_an_invoice_was_written_off() -> None:
    bad = invoice(
        status="uncollectible",
        amount_paid=2_500,
        amount_remaining=10_000,
        status_transitions=marks(finalized_at=ISSUED, marked_uncollectible_at=NOW),
    )
    written_off = facts("invoice.marked_uncollectible", bad)["invoice/in_1/written-off"]
    assert written_off == InvoiceWrittenOff(invoice="in_1", currency="usd", open=10_000, customer="cus_1")
    assert "invoice/in_1/written-off" not in facts("invoice.updated", bad)


def test_a_payment_is_applied_when_it_was_paid() -> None:
    row = read(event("invoice_payment.paid", invoice_payment())).rows[1]
    assert (row.name, row.happened_at) == ("applied/in_1/pi_1", datetime.fromtimestamp(BORN + 60, UTC))
    assert row.body == PaymentApplied(invoice="in_1", payment="pi_1", amount=12_500, currency="usd")


@pytest.mark.parametrize(
    ("payment", "name"),
    [
        ({"charge": "ch_1", "payment_intent": {"id": "pi_1"}}, "applied/in_1/pi_1"),
        ({"charge": "ch_1"}, "applied/in_1/ch_1"),
        ({"payment_record": "pr_1"}, "applied/in_1/pr_1"),
    ],
)
def test_a_payment_is_known_by_its_intent_else_by_its_charge(payment: Any, name: str) -> None:
    assert name in facts("invoice_payment.paid", invoice_payment(payment=payment))


def test_a_payment_that_is_known_by_nothing_parks_the_event() -> None:
    assert "payment_intent" in parked("invoice_payment.paid", invoice_payment(payment={"type": "barter"}))


def test_the_shape_before_2025_03_31_is_read_too() -> None:
    older = invoice(subscription="sub_9", total_tax_amounts=[{"amount": 2_500}], lines={"data": []})
    del older["parent"], older["total_taxes"]
    older["lines"]["data"] = [{"id": "il_1", "price": {"id": "price_1", "product": "prod_9"}}]
    fact = facts("invoice.finalized", older)["stripe/evt_1/invoice"]
    assert isinstance(fact, InvoiceSeen)
    assert (fact.now.subscription, fact.now.tax, fact.now.plans) == ("sub_9", 2_500, ("prod_9",))


def test_amounts_are_in_minor_units_of_the_standard() -> None:
    fact = facts("invoice.finalized", invoice(currency="isk"))["invoice/in_1/issued"]
    assert fact == InvoiceIssued(invoice="in_1", currency="isk", net=100, tax=25, customer="cus_1")


@pytest.mark.parametrize(
    "field", ["total", "amount_due", "amount_paid", "amount_remaining", "starting_balance"]
)
@pytest.mark.parametrize("amount", [12_500.0, True, "12500", 2**60, None])
def test_an_amount_that_is_no_integer_parks_the_event(field: str, amount: Any) -> None:
    reason = parked("invoice.paid", invoice(**{field: amount}))
    assert reason.startswith(f"data.object.{field}: expected `int`")
