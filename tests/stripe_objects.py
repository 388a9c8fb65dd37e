"""Stripe's objects and events as JSON, in the newest shape, small and with figures that a person can add up.

Every builder takes the fields that a test is about; NOW is when its events are made."""

import json
from collections import Counter
from typing import Any

from ledgerstone.adapters.stripe.translate.message import Message, read_message
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.facts import AnyFact

Json = dict[str, Any]
NOW = 1_793_880_000
BORN = NOW - 86_400


def event(type: str, object: Any, previous: Any = None, /, **fields: Any) -> Json:
    data = {"object": object} if previous is None else {"object": object, "previous_attributes": previous}
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": NOW,
        "data": data,
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
        **fields,
    }


def thin(type: str, related: Any = None, /, **fields: Any) -> Json:
    """An event that names its object and does not show it, as Stripe's newer destinations send it."""
    return {
        "id": "evt_1",
        "object": "v2.core.event",
        "created": "2026-11-05T12:00:00.330Z",
        "livemode": True,
        "reason": None,
        "related_object": related,
        "type": type,
        **fields,
    }


def named(type: str, id: str, url: str) -> Json:
    """The object that a thin event names."""
    return {"id": id, "type": type, "url": url}


def read(said: Json, livemode: bool = True) -> Message:
    return read_message(
        json.dumps(said, indent=2).encode(), source="webhook", signature=None, livemode=livemode
    )


def facts(type: str, object: Any, previous: Any = None) -> dict[str, AnyFact]:
    """What an event tells, by name, without its evidence; the test fails if it was parked."""
    message = read(event(type, object, previous))
    assert heard(message).parked is None
    return {row.name: row.body for row in message.rows[1:]}


def parked(type: str, object: Any, previous: Any = None) -> str:
    """Why an event was parked; the test fails if it was not."""
    message = read(event(type, object, previous))
    reason = heard(message).parked
    assert reason is not None
    assert len(message.rows) == 1
    return reason


def heard(message: Message) -> StripeEventHeard:
    evidence = message.rows[0].body
    assert isinstance(evidence, StripeEventHeard)
    return evidence


def books(*events: tuple[str, Json]) -> Counter[str]:
    """What each account holds after these events, each fact counted once; debits are above 0."""
    rows = {row.name: row for said in events for row in read(event(*said)).rows}
    held: Counter[str] = Counter()
    for move in [move for row in rows.values() for move in row.movements]:
        held[move.debit] += move.amount
        held[move.credit] -= move.amount
    return held


def without(object: Json, *names: str, **instead: Any) -> Json:
    """The object with fields taken away, and others in their place."""
    return {**{name: value for name, value in object.items() if name not in names}, **instead}


def listed(*data: Any, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(data), "has_more": has_more, "url": "/v1/list"}


def price(**fields: Any) -> Json:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None}
    return {
        "id": "price_1",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": BORN,
        "currency": "usd",
        "product": "prod_1",
        "recurring": recurring,
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": 4900,
        "unit_amount_decimal": "4900",
        **fields,
    }


def item(**fields: Any) -> Json:
    return {
        "id": "si_1",
        "object": "subscription_item",
        "discounts": [],
        "price": price(),
        "quantity": 2,
        **fields,
    }


def subscription(**fields: Any) -> Json:
    return {
        "id": "sub_1",
        "object": "subscription",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "discounts": [],
        "ended_at": None,
        "items": listed(item()),
        "latest_invoice": "in_1",
        "metadata": {},
        "pause_collection": None,
        "start_date": BORN,
        "status": "active",
        "trial_end": None,
        **fields,
    }


def coupon(**fields: Any) -> Json:
    return {
        "id": "WELCOME",
        "object": "coupon",
        "amount_off": None,
        "created": BORN,
        "currency": None,
        "duration": "forever",
        "percent_off": 12.5,
        "valid": True,
        **fields,
    }


def discount(**fields: Any) -> Json:
    return {
        "id": "di_1",
        "object": "discount",
        "customer": "cus_1",
        "end": None,
        "source": {"coupon": "WELCOME", "type": "coupon"},
        "start": BORN,
        "subscription": None,
        "subscription_item": None,
        **fields,
    }


def customer(**fields: Any) -> Json:
    return {
        "id": "cus_1",
        "object": "customer",
        "address": None,
        "email": None,
        "metadata": {},
        "name": None,
        "shipping": None,
        **fields,
    }


def line(product: str) -> Json:
    details = {"price": "price_1", "product": product}
    return {"id": "il_1", "object": "line_item", "pricing": {"price_details": details}}


def invoice(**fields: Any) -> Json:
    """Issued for 125.00, of which 25.00 tax, and not paid yet."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 12_500,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 12_500,
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "due_date": None,
        "ending_balance": 0,
        "lines": listed(line("prod_1"), line("prod_2"), line("prod_1")),
        "number": "N-0001",
        "parent": {"subscription_details": {"subscription": "sub_1"}, "type": "subscription_details"},
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "open",
        "status_transitions": marks(finalized_at=BORN + 3600),
        "total": 12_500,
        "total_taxes": [{"amount": 2_000}, {"amount": 500}],
        **fields,
    }


def marks(**times: int) -> Json:
    none = dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"))
    return {**none, **times}


def invoice_payment(**fields: Any) -> Json:
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 12_500,
        "created": BORN,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"payment_intent": "pi_1", "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": BORN + 60},
        **fields,
    }


def charge(**fields: Any) -> Json:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 12_500,
        "amount_captured": 12_500,
        "amount_refunded": 0,
        "captured": True,
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "failure_code": None,
        "payment_intent": "pi_1",
        "payment_method_details": {"card": {"brand": "visa"}, "type": "card"},
        "status": "succeeded",
        **fields,
    }


def payment_intent(**fields: Any) -> Json:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 12_500,
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "payment_method_types": ["card"],
        "status": "processing",
        **fields,
    }


def refund(**fields: Any) -> Json:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 5_000,
        "charge": "ch_1",
        "created": BORN,
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "succeeded",
        **fields,
    }


def dispute(**fields: Any) -> Json:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 12_500,
        "charge": "ch_1",
        "created": BORN,
        "currency": "usd",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
        **fields,
    }


def payout(**fields: Any) -> Json:
    return {
        "id": "po_1",
        "object": "payout",
        "amount": 100_000,
        "arrival_date": NOW + 86_400,
        "created": BORN,
        "currency": "usd",
        "failure_code": None,
        "status": "in_transit",
        **fields,
    }
