"""Charges, payment intents, refunds, disputes and payouts as Stripe tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.payments import (
    DisputeOpened,
    Payment,
    PaymentFailed,
    PaymentReceived,
    PaymentSeen,
    Refund,
    RefundFailed,
    RefundRequested,
    RefundSeen,
    RefundSettled,
)
from ledgerstone.ledger.payouts import PayoutFailed, PayoutSent
from tests.stripe_objects import (
    BORN,
    NOW,
    books,
    charge,
    dispute,
    event,
    facts,
    parked,
    payment_intent,
    payout,
    read,
    refund,
)

THEN, EVENT = datetime.fromtimestamp(BORN, UTC), datetime.fromtimestamp(NOW, UTC)


def times(type: str, object: Any) -> dict[str, datetime]:
    return {row.name: row.happened_at for row in read(event(type, object)).rows[1:]}


def test_a_payment_is_seen_by_its_intent() -> None:
    now = Payment(
        status="processing", amount=12_500, currency="usd", created_at=THEN, customer="cus_1", method="card"
    )
    assert facts("payment_intent.created", payment_intent()) == {
        "stripe/evt_1/payment": PaymentSeen(id="pi_1", now=now, first=True)
    }


def test_a_captured_charge_was_received_when_it_was_made() -> None:
    received = PaymentReceived(
        charge="ch_1", payment="pi_1", amount=12_500, currency="usd", customer="cus_1", method="card"
    )
    assert facts("charge.succeeded", charge()) == {"charge/ch_1/captured": received}
    assert times("charge.updated", charge()) == {"charge/ch_1/captured": THEN}


def test_what_was_captured_counts_not_what_was_asked() -> None:
    fact = facts("charge.captured", charge(amount_captured=9_000))["charge/ch_1/captured"]
    assert isinstance(fact, PaymentReceived)
    assert fact.amount == 9_000


@pytest.mark.parametrize("fields", [{"captured": False, "amount_captured": 0}, {"status": "pending"}])
def test_what_is_not_captured_is_not_received(fields: Any) -> None:
    assert facts("charge.succeeded", charge(**fields)) == {}


def test_a_declined_charge_says_why_and_moves_nothing() -> None:
    declined = charge(status="failed", captured=False, amount_captured=0, failure_code="card_declined")
    row = read(event("charge.failed", declined)).rows[1]
    assert (row.name, row.movements) == ("charge/ch_1/failed", ())
    assert isinstance(row.body, PaymentFailed)
    assert (row.body.amount, row.body.code) == (12_500, "card_declined")


def test_a_charge_without_an_intent_is_its_own_payment() -> None:
    fact = facts("charge.succeeded", charge(payment_intent=None))["charge/ch_1/captured"]
    assert isinstance(fact, PaymentReceived)
    assert fact.payment == "ch_1"


def test_sums_over_refunds_are_never_facts() -> None:
    assert set(facts("charge.refunded", charge(amount_refunded=5_000, refunded=True))) == {
        "charge/ch_1/captured"
    }


def test_what_was_refunded_was_received_though_no_message_told_so_before() -> None:
    told = facts("charge.refunded", charge(amount_refunded=5_000))

    assert told == facts("charge.succeeded", charge())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"status": "pending"}, ["requested"]),
        ({"status": "requires_action"}, ["requested"]),
        ({"status": None}, ["requested"]),
        ({"status": "succeeded"}, ["requested", "settled"]),
        ({"status": "canceled"}, ["requested", "failed"]),
        ({"status": "failed"}, ["requested", "failed"]),
        ({"status": "failed", "failure_balance_transaction": "txn_1"}, ["requested", "settled", "failed"]),
    ],
)
@pytest.mark.parametrize(
    "type", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_a_refund_tells_all_that_has_happened_to_it(type: str, fields: Any, told: list[str]) -> None:
    seen, *moved = facts(type, refund(**fields))
    assert seen.endswith("/refund")
    assert moved == [f"refund/re_1/{each}" for each in told]


def test_a_refund_names_its_payment_and_its_charge() -> None:
    same: Any = {"refund": "re_1", "payment": "pi_1", "amount": 5_000, "currency": "usd"}
    seen = Refund(status="succeeded", amount=5_000, currency="usd")
    assert list(facts("refund.created", refund()).values()) == [
        RefundSeen(id="re_1", payment="pi_1", now=seen, first=True),
        RefundRequested(**same, charge="ch_1"),
        RefundSettled(**same),
    ]
    assert list(times("refund.created", refund()).values()) == [EVENT, THEN, EVENT]


@pytest.mark.parametrize("came_back", [None, "txn_1", {"id": "txn_1", "object": "balance_transaction"}])
def test_a_refund_that_failed_leaves_nothing_behind(came_back: Any) -> None:
    failed = refund(status="failed", failure_balance_transaction=came_back)
    fact = facts("refund.failed", failed)["refund/re_1/failed"]
    assert isinstance(fact, RefundFailed)
    assert fact.returned == (5_000 if came_back else 0)
    assert not any(books(("refund.failed", failed)).values())
    earlier = refund(status="succeeded" if came_back else "pending")
    assert not any(books(("refund.updated", earlier), ("refund.failed", failed)).values())
    assert not any(books(("refund.failed", failed), ("refund.updated", earlier)).values())


@pytest.mark.parametrize("type", ["refund.created", "charge.dispute.created"])
def test_money_back_for_no_payment_parks_the_event(type: str) -> None:
    nobody: Any = {"payment_intent": None, "charge": None}
    assert "which payment" in parked(
        type, refund(**nobody) if type == "refund.created" else dispute(**nobody)
    )


@pytest.mark.parametrize(
    ("type", "status", "told"),
    [
        ("created", "warning_needs_response", ["opened"]),
        ("updated", "under_review", ["opened"]),
        ("funds_withdrawn", "needs_response", ["opened", "withdrawn"]),
        ("funds_reinstated", "won", ["opened", "reinstated"]),
        ("closed", "won", ["opened"]),
        ("closed", "lost", ["opened", "lost"]),
        ("closed", "warning_closed", ["opened"]),
        ("updated", "lost", ["opened"]),
    ],
)
def test_a_disputes_money_moves_by_the_message_of_that_name(type: str, status: str, told: list[str]) -> None:
    names = [f"dispute/dp_1/{each}" for each in told]
    assert list(facts(f"charge.dispute.{type}", dispute(status=status))) == names


def test_a_dispute_is_opened_when_it_was_made_and_says_why() -> None:
    row = read(event("charge.dispute.closed", dispute())).rows[1]
    assert row.happened_at == THEN
    assert row.body == DisputeOpened(
        dispute="dp_1", payment="pi_1", amount=12_500, currency="usd", reason="fraudulent"
    )


@pytest.mark.parametrize("status", ["pending", "in_transit", "paid"])
def test_a_payout_is_sent_whatever_its_message_and_paid_adds_nothing(status: str) -> None:
    sent = PayoutSent(
        payout="po_1", amount=100_000, currency="usd", arrives_at=datetime.fromtimestamp(NOW + 86_400, UTC)
    )
    assert facts("payout.paid", payout(status=status)) == {"payout/po_1/sent": sent}
    assert times("payout.paid", payout(status=status)) == {"payout/po_1/sent": THEN}


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_payout_that_came_back_leaves_nothing_behind(status: str) -> None:
    failed = payout(status=status, failure_code="account_closed")
    fact = facts("payout.failed", failed)["payout/po_1/failed"]
    assert fact == PayoutFailed(payout="po_1", amount=100_000, currency="usd", code="account_closed")
    assert not any(books(("payout.failed", failed)).values())


def test_a_negative_payout_takes_from_our_bank() -> None:
    held = books(("payout.created", payout(amount=-2_000)))
    assert held["stripe_uncleared"] == 2_000


@pytest.mark.parametrize("amount", [5000.0, True, "5000", None, 2**60])
@pytest.mark.parametrize(
    ("type", "object"),
    [
        ("charge.succeeded", charge()),
        ("payment_intent.succeeded", payment_intent()),
        ("refund.updated", refund()),
        ("charge.dispute.updated", dispute()),
        ("payout.paid", payout()),
    ],
)
def test_an_amount_that_is_no_integer_parks_the_event(type: str, object: Any, amount: Any) -> None:
    assert parked(type, object | {"amount": amount}).startswith("data.object.amount: expected `int`")
