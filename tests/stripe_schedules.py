"""Subscription schedules as JSON, as in `stripe_objects`."""

from typing import Any

from tests.stripe_objects import BORN, Json


def phase(start: int, end: int, **fields: Any) -> Json:
    return {
        "add_invoice_items": [],
        "currency": "usd",
        "discounts": [],
        "end_date": end,
        "items": [{"discounts": [], "price": "price_1", "quantity": 2}],
        "proration_behavior": "create_prorations",
        "start_date": start,
        "trial_end": None,
        **fields,
    }


def schedule(*phases: Json, **fields: Any) -> Json:
    return {
        "id": "sub_sched_1",
        "object": "subscription_schedule",
        "canceled_at": None,
        "completed_at": None,
        "created": BORN,
        "customer": "cus_1",
        "end_behavior": "release",
        "pause_schedules": [],
        "phases": list(phases),
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": "sub_1",
        **fields,
    }
