"""How invoices end as Stripe tells of it: paid elsewhere or too much, written off, or paid after all."""

from typing import Any

import pytest

from ledgerstone.ledger.invoices import InvoiceOverpaid, InvoiceSeen, InvoiceWrittenOff
from ledgerstone.ledger.payments import PaidElsewhere
from tests.stripe_objects import (
    BORN,
    NOW,
    Json,
    books,
    charge,
    facts,
    invoice,
    invoice_payment,
    listed,
    marks,
    parked,
    without,
)

ISSUED = ("invoice.finalized", invoice())
RECORD = {"payment_record": "pr_1", "type": "payment_record"}
OVERPAID = "invoice/in_1/overpaid/500"


def paid(**fields: Any) -> Json:
    settled = {"status": "paid", "amount_paid": 12_500, "amount_remaining": 0}
    return invoice(**settled, status_transitions=marks(finalized_at=BORN, paid_at=NOW), **fields)


def open_accounts(*told: tuple[str, Json]) -> dict[str, int]:
    return {account: amount for account, amount in books(*told).items() if amount}


def test_a_payment_record_was_paid_elsewhere_and_is_no_card_money() -> None:
    fact = facts("invoice_payment.paid", invoice_payment(payment=RECORD))["applied/in_1/pr_1"]
    assert fact == PaidElsewhere(invoice="in_1", amount=12_500, currency="usd", payment="pr_1")
    held = books(ISSUED, ("invoice_payment.paid", invoice_payment(payment=RECORD)))
    assert (held["receivable"], held["paid_elsewhere"], held["unapplied_card"]) == (0, 12_500, 0)


def test_until_2025_03_31_the_invoice_says_that_it_was_paid_elsewhere() -> None:
    settled = paid(paid=True, paid_out_of_band=True) | {"amount_paid": 2_500, "amount_remaining": 10_000}
    older = without(settled, "amount_overpaid")
    fact = facts("invoice.paid", older)["invoice/in_1/paid-elsewhere"]
    assert fact == PaidElsewhere(invoice="in_1", amount=10_000, currency="usd")
    held = books(
        ISSUED, ("charge.succeeded", charge(invoice="in_1", amount_captured=2_500)), ("invoice.paid", older)
    )
    assert (held["receivable"], held["paid_elsewhere"], held["unapplied_card"]) == (0, 10_000, 0)


@pytest.mark.parametrize("status", ["open", "canceled"])
def test_a_payment_that_was_not_made_is_not_applied(status: str) -> None:
    link = invoice_payment(status=status, amount_paid=None)
    assert facts("invoice_payment.paid", link) == {}
    shown = facts("invoice.updated", invoice(payments=listed(link, invoice_payment(id="inpay_2"))))
    assert [name for name in shown if name.startswith("applied")] == ["applied/in_1/pi_1"]


def test_a_payment_that_was_made_says_its_amount() -> None:
    assert "amount_paid" in parked("invoice_payment.paid", invoice_payment(amount_paid=None))


def test_too_much_is_the_customers_credit_whichever_message_tells_it() -> None:
    over = paid(amount_overpaid=500)
    expected = InvoiceOverpaid(invoice="in_1", currency="usd", amount=500, customer="cus_1")
    assert facts("invoice.overpaid", over)[OVERPAID] == expected
    assert facts("invoice.updated", over, {"amount_overpaid": 0})[OVERPAID] == expected
    assert OVERPAID not in facts("invoice.paid", over)
    assert OVERPAID not in facts("invoice.updated", over, {"number": None})
    link = ("invoice_payment.paid", invoice_payment(amount_paid=13_000))
    told = [ISSUED, link, ("invoice.overpaid", over), ("invoice.paid", over)]
    for order in (told, told[::-1]):
        held = books(*order)
        assert (held["receivable"], held["customer_credit"], held["unapplied_card"]) == (0, -500, 13_000)


def test_what_is_paid_too_much_once_more_is_only_that() -> None:
    more = paid(amount_overpaid=800)
    fact = facts("invoice.updated", more, {"amount_overpaid": 500})["invoice/in_1/overpaid/800"]
    assert isinstance(fact, InvoiceOverpaid)
    assert fact.amount == 300


def bad(**fields: Any) -> Json:
    return invoice(
        status="uncollectible",
        status_transitions=marks(finalized_at=BORN, marked_uncollectible_at=NOW - 60),
        **fields,
    )


BAD = ("invoice.marked_uncollectible", bad())
ALLOWED = {"bad_debt": 12_500, "doubtful": -12_500}


def test_what_is_written_off_is_still_owed_and_allowed_for() -> None:
    fact = facts(*BAD)["invoice/in_1/written-off"]
    assert fact == InvoiceWrittenOff(invoice="in_1", currency="usd", open=12_500, customer="cus_1")
    held = books(ISSUED, BAD)
    assert held["receivable"] == 12_500
    assert held["receivable"] + held["doubtful"] == 0


def test_a_payment_after_all_needs_no_special_case() -> None:
    recovered = paid()
    recovered["status_transitions"]["marked_uncollectible_at"] = NOW - 60
    told = [
        ISSUED,
        BAD,
        ("charge.succeeded", charge()),
        ("invoice_payment.paid", invoice_payment()),
        ("invoice.paid", recovered),
    ]
    for order in (told, told[::-1]):
        held = open_accounts(*order)
        assert held == {**ALLOWED, "stripe_uncleared": 12_500, "deferred_revenue": -10_000, "tax": -2_500}
    seen = facts("invoice.paid", recovered)["stripe/evt_1/invoice"]
    assert isinstance(seen, InvoiceSeen)
    assert (seen.now.status, seen.now.paid_at is None, seen.now.uncollectible_at is None) == (
        "paid",
        False,
        False,
    )


def test_what_is_written_off_can_be_voided() -> None:
    void = bad() | {"status": "void"}
    void["status_transitions"] = {**void["status_transitions"], "voided_at": NOW}
    told = [ISSUED, BAD, ("invoice.voided", void)]
    for order in (told, told[::-1]):
        held = open_accounts(*order)
        assert held == {**ALLOWED, "to_allocate": 12_500, "deferred_revenue": -10_000, "tax": -2_500}
