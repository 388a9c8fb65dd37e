"""Credit notes as Stripe tells of them, in every shape, and what their facts do to the books."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.evidence import RefetchWanted
from tests.stripe_money import credit_note, older_credit_note
from tests.stripe_objects import BORN, NOW, books, event, facts, invoice, marks, parked, read, refund

ISSUED = "credit-note/cn_1/issued"


def issued(note: Any, type: str = "credit_note.created") -> CreditNoteIssued:
    fact = facts(type, note)[ISSUED]
    assert isinstance(fact, CreditNoteIssued)
    return fact


@pytest.mark.parametrize("type", ["created", "updated", "voided"])
def test_every_message_tells_that_it_was_issued_and_of_what_parts(type: str) -> None:
    assert issued(credit_note(), f"credit_note.{type}") == CreditNoteIssued(
        credit_note="cn_1",
        invoice="in_1",
        currency="usd",
        before_payment=1_000,
        refunded=2_000,
        to_balance=2_500,
        elsewhere=500,
        tax=1_200,
        customer="cus_1",
        refunds=("re_1",),
    )


def test_it_was_issued_when_it_was_made_and_voided_when_it_says_so() -> None:
    void = credit_note(status="void", voided_at=BORN + 60)
    for type in ("credit_note.voided", "credit_note.updated"):
        rows = {row.name: row for row in read(event(type, void)).rows[1:]}
        assert rows[ISSUED].happened_at == datetime.fromtimestamp(BORN, UTC)
        assert rows["credit-note/cn_1/voided"].happened_at == datetime.fromtimestamp(BORN + 60, UTC)
        assert isinstance(rows["credit-note/cn_1/voided"].body, CreditNoteVoided)


def test_what_a_note_takes_off_what_is_owed_and_gives_in_credit() -> None:
    held = books(("credit_note.created", credit_note()))
    assert held == {
        "to_allocate": 4_000,
        "receivable": -1_000,
        "customer_credit": -2_500,
        "paid_elsewhere": -500,
    }


def test_a_note_with_its_refund_reduces_revenue_by_its_amount_and_once() -> None:
    held = books(
        ("credit_note.created", credit_note()),
        ("refund.created", refund(amount=2_000)),
        ("credit_note.updated", credit_note()),
    )
    assert held["to_allocate"] == 6_000


def test_a_voided_note_leaves_nothing_behind() -> None:
    void = credit_note(status="void", voided_at=NOW)
    assert not any(books(("credit_note.voided", void)).values())
    assert not any(books(("credit_note.created", credit_note()), ("credit_note.voided", void)).values())


def test_an_invoice_that_is_voided_after_a_note_is_owed_no_more() -> None:
    note = credit_note(
        pre_payment_amount=6_000, post_payment_amount=0, refunds=[], out_of_band_amount=None,
        customer_balance_transaction=None,
    )  # fmt: skip
    void = invoice(
        status="void",
        status_transitions=marks(finalized_at=BORN, voided_at=NOW),
        pre_payment_credit_notes_amount=6_000,
    )
    told = [("invoice.finalized", invoice()), ("credit_note.created", note), ("invoice.voided", void)]
    assert books(*told)["receivable"] == books(*reversed(told))["receivable"] == 0
    assert books(*told)["to_allocate"] == 12_500


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"type": "pre_payment"}, (6_000, 0, 0, 0)),
        ({"refund": "re_1"}, (0, 6_000, 0, 0)),
        ({"refund": {"id": "re_1", "amount": 6_000}}, (0, 6_000, 0, 0)),
        ({"refund": "re_1", "out_of_band_amount": 1_000}, (0, 5_000, 0, 1_000)),
        ({"customer_balance_transaction": "cbtxn_1"}, (0, 0, 6_000, 0)),
        ({"customer_balance_transaction": "cbtxn_1", "out_of_band_amount": 1_000}, (0, 0, 5_000, 1_000)),
        ({"out_of_band_amount": 6_000}, (0, 0, 0, 6_000)),
        ({}, (0, 0, 0, 6_000)),
        (
            {"refund": {"id": "re_1", "amount": 2_000}, "customer_balance_transaction": "cbtxn_1"},
            (0, 2_000, 4_000, 0),
        ),
        (
            {"refund": "re_1", "customer_balance_transaction": {"id": "cbtxn_1", "amount": -4_000}},
            (0, 2_000, 4_000, 0),
        ),
    ],
)
def test_until_2025_03_31_the_parts_follow_from_what_there_is(fields: Any, parts: tuple[int, ...]) -> None:
    note = issued(older_credit_note(**fields))
    assert (note.before_payment, note.refunded, note.to_balance, note.elsewhere) == parts
    assert note.refunds == (("re_1",) if fields.get("refund") else ())
    assert note.tax == 1_200


def test_what_an_older_note_does_not_say_is_asked_for_and_not_guessed() -> None:
    told = facts(
        "credit_note.created", older_credit_note(refund="re_1", customer_balance_transaction="cbtxn_1")
    )
    assert list(told) == ["stripe/evt_1/refetch"]
    wanted = told["stripe/evt_1/refetch"]
    assert isinstance(wanted, RefetchWanted)
    assert (wanted.object, wanted.id) == ("credit_note", "cn_1")


def test_a_refund_of_a_recorded_payment_is_given_back_elsewhere() -> None:
    record = {"payment_record": "pr_1", "refund_group": "rg_1"}
    refunds = [{"amount_refunded": 2_000, "payment_record_refund": record, "refund": None}]
    note = issued(credit_note(refunds=refunds))
    assert (note.refunded, note.elsewhere, note.refunds) == (0, 2_500, ())


@pytest.mark.parametrize(
    "field", ["amount", "pre_payment_amount", "post_payment_amount", "out_of_band_amount"]
)
@pytest.mark.parametrize("amount", [6_000.0, True, "6000", 2**60])
def test_an_amount_that_is_no_integer_parks_the_event(field: str, amount: Any) -> None:
    assert parked("credit_note.created", credit_note(**{field: amount})).startswith(f"data.object.{field}: ")
