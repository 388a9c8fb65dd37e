"""How invoices end as Stripe tells of it: paid elsewhere or too much, written off, or paid after all."""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.corrections import faults
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceOverpaid, InvoiceSeen, InvoiceWrittenOff
from ledgerstone.ledger.payments import PaidElsewhere
from tests.books import Books, Message
from tests.corrected import positioned, trial_balance
from tests.stripe_objects import (
    BORN,
    NOW,
    Json,
    books,
    charge,
    event,
    facts,
    invoice,
    invoice_payment,
    listed,
    marks,
    parked,
    read,
    without,
)
from tests.worlds import shown

ISSUED = ("invoice.finalized", invoice())
RECORD = {"payment_record": "pr_1", "type": "payment_record"}
OTHER_RECORD = {"payment_record": "pr_2", "type": "payment_record"}
OVERPAID = "invoice/in_1/overpaid"


def paid(**fields: Any) -> Json:
    settled = {"status": "paid", "amount_paid": 12_500, "amount_remaining": 0}
    return invoice(**settled, status_transitions=marks(finalized_at=BORN, paid_at=NOW), **fields)


OUT_OF_BAND = paid(paid=True, paid_out_of_band=True) | {"amount_paid": 2_500, "amount_remaining": 10_000}


def open_accounts(*told: tuple[str, Json]) -> dict[str, int]:
    return {account: amount for account, amount in books(*told).items() if amount}


def test_a_payment_record_was_paid_elsewhere_and_is_no_card_money() -> None:
    fact = facts("invoice_payment.paid", invoice_payment(payment=RECORD))["applied/in_1/pr_1"]
    assert fact == PaidElsewhere(invoice="in_1", amount=12_500, currency="usd", payment="pr_1")
    held = books(ISSUED, ("invoice_payment.paid", invoice_payment(payment=RECORD)))
    assert (held["receivable"], held["paid_elsewhere"], held["unapplied_card"]) == (0, 12_500, 0)


def test_until_2025_03_31_the_invoice_says_that_it_was_paid_elsewhere() -> None:
    older = without(OUT_OF_BAND, "amount_overpaid")
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
    for kind in ("invoice.overpaid", "invoice.paid", "invoice.updated"):
        assert facts(kind, over)[OVERPAID] == expected
    assert OVERPAID not in facts("invoice.paid", paid(amount_overpaid=0))
    link = ("invoice_payment.paid", invoice_payment(amount_paid=13_000))
    told = [ISSUED, link, ("invoice.overpaid", over), ("invoice.paid", over)]
    for order in (told, told[::-1]):
        held = books(*order)
        assert (held["receivable"], held["customer_credit"], held["unapplied_card"]) == (0, -500, 13_000)


def message(number: int, said: tuple[str, Json], **fields: Any) -> Message:
    return read({**event(*said, id=f"evt_{number}"), **fields}).rows


def heard(messages: Sequence[Message]) -> Books:
    """A log of these messages, which keeps what is always true of one."""
    log = Books()
    for each in messages:
        assert log.append(each)[0].conflicts == 0
    known = {row.name: row for row in log.rows}
    for row in log.rows:
        if isinstance(row.body, Superseded):
            stem, _, number = row.name.rpartition("/")
            before = row.body.first if number == "1" else f"{stem}/{int(number) - 1}"
            assert list(faults(row, known[before])) == []
    return log


def held(log: Books) -> dict[str, int]:
    """What accounts hold in the end, of all subjects; those that hold nothing left out."""
    found: Counter[str] = Counter()
    for (account, _, _), amount in trial_balance(log.rows).items():
        found[account] += amount
    return {account: amount for account, amount in found.items() if amount}


def at_the_head(log: Books) -> dict[str, set[str]]:
    return {name: rows for name, rows in shown(positioned(log.rows)).items() if name != "sync"}


def in_any_order(data: st.DataObject, messages: Sequence[Message]) -> list[Message]:
    again = data.draw(st.lists(st.sampled_from(messages), max_size=3))
    return data.draw(st.permutations([*messages, *again]))


OLD = {"api_version": "2024-06-20"}
CARD = invoice_payment(id="inpay_0", amount_paid=2_500)
PARTS = [
    message(1, ISSUED),
    message(2, ("invoice_payment.paid", CARD)),
    message(3, ("invoice_payment.paid", invoice_payment(amount_paid=4_000, payment=RECORD))),
    message(4, ("invoice_payment.paid", invoice_payment(amount_paid=6_000, payment=OTHER_RECORD))),
    message(5, ("invoice.paid", paid())),
]
AS_A_WHOLE = [
    message(number, (kind, without(OUT_OF_BAND, "amount_overpaid")), **OLD)
    for number, kind in enumerate(("invoice.paid", "invoice.updated"), 6)
]


@given(st.data())
def test_what_is_paid_elsewhere_counts_once_as_a_whole_and_in_parts_in_any_order(data: st.DataObject) -> None:
    """Versions until 2025-03-31 tell the whole on the invoice, later ones each record: damage, without a name
    for both, would be a receivable below zero."""
    told = [*PARTS, *data.draw(st.lists(st.sampled_from(AS_A_WHOLE), unique=True, min_size=1))]
    log, plainly = heard(in_any_order(data, told)), heard(told)

    true = {"paid_elsewhere": 10_000, "deferred_revenue": -10_000, "tax": -2_500, "unapplied_card": 2_500}
    assert held(log) == held(plainly) == held(heard(PARTS)) == true
    assert at_the_head(log) == at_the_head(plainly)


def test_wholes_that_differ_are_settled_by_the_parts_in_any_order() -> None:
    other = without(OUT_OF_BAND, "amount_overpaid", amount_paid=3_000)
    told = [AS_A_WHOLE[0], message(9, ("invoice.updated", other), **OLD), PARTS[2]]
    for order in permutations(told):
        log = Books()
        for each in order:
            log.append(each)
        assert shown(positioned(log.rows))["conflicts"] == set(), [rows[0].name for rows in order]


def test_an_older_version_alone_tells_the_whole() -> None:
    told = [message(1, ISSUED), message(2, ("invoice_payment.paid", CARD)), *AS_A_WHOLE]
    assert held(heard(told))["paid_elsewhere"] == 10_000
    assert "receivable" not in held(heard(told))


def overpaid(number: int, kind: str, sum: int, previous: Json | None = None) -> Message:
    said = event(kind, paid(amount_overpaid=sum), previous, id=f"evt_{number}")
    return read({**said, "created": NOW + number}).rows


OVERPAID_AGAIN = [
    overpaid(11, "invoice.overpaid", 300),
    overpaid(12, "invoice.updated", 300, {"amount_overpaid": 0}),
    overpaid(13, "invoice.overpaid", 500),
    overpaid(14, "invoice.updated", 800, {"amount_overpaid": 500}),
    overpaid(15, "invoice.overpaid", 800),
    overpaid(16, "invoice.updated", 800, {"number": None}),
]


@given(st.data())
def test_of_what_is_paid_too_much_again_and_again_the_sum_counts(data: st.DataObject) -> None:
    """The sum is told, and its steps only by some messages, in any order, or by none."""
    told = data.draw(
        st.lists(st.sampled_from(OVERPAID_AGAIN), unique_by=lambda rows: rows[0].name, min_size=1)
    )
    log = heard(in_any_order(data, told))

    last = max(row.body.amount for rows in told for row in rows if isinstance(row.body, InvoiceOverpaid))
    assert held(log)["customer_credit"] == -last
    assert at_the_head(log) == at_the_head(heard(sorted(told, key=lambda rows: rows[0].name)))


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
