"""Subscriptions and their items."""

from functools import lru_cache

from ledgerstone.demo.catalogue import Price
from ledgerstone.demo.records import Item, Subscription
from ledgerstone.demo.stripe_shapes import catalogue
from ledgerstone.demo.stripe_shapes.envelope import Json, listed


@lru_cache(maxsize=4096)
def price_and_plan(price: Price, livemode: bool) -> tuple[Json, Json]:
    """The same in every subscription that has the price."""
    return catalogue.price(price, livemode), catalogue.plan(price, livemode)


def item(it: Item, sub: Subscription, livemode: bool) -> Json:
    price, plan = price_and_plan(it.price, livemode)
    said = {
        "id": it.id,
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": it.created,
        "current_period_end": sub.period_end,
        "current_period_start": sub.period_start,
        "current_trial": None,
        "discounts": [each.id for each in it.discounts],
        "metadata": {},
        "plan": plan,
        "price": price,
        "quantity": it.quantity,
        "subscription": sub.id,
        "tax_rates": [],
    }
    if it.quantity is None:
        del said["quantity"]
    return said


def subscription(it: Subscription, livemode: bool) -> Json:
    items = [item(each, it, livemode) for each in it.items]
    only = it.items[0] if len(it.items) == 1 else None
    return {
        "id": it.id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": it.anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": it.period_end if it.cancel_at_period_end else None,
        "cancel_at_period_end": it.cancel_at_period_end,
        "canceled_at": it.canceled_at,
        "cancellation_details": {
            "comment": it.cancellation.comment,
            "feedback": it.cancellation.feedback,
            "feedback_option": None,
            "reason": it.cancellation.reason,
        },
        "collection_method": "send_invoice" if it.offer.sent else "charge_automatically",
        "created": it.created,
        "currency": it.currency,
        "customer": it.customer.id,
        "customer_account": None,
        "days_until_due": 30 if it.offer.sent else None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [catalogue.tax_rate(it.tax_rate, livemode)] if it.tax_rate else [],
        "description": None,
        "discounts": [each.id for each in it.discounts],
        "ended_at": it.ended_at,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listed(items, f"/v1/subscription_items?subscription={it.id}"),
        "latest_invoice": it.latest_invoice,
        "livemode": livemode,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": {"behavior": it.pause.behavior, "resumes_at": it.pause.resumes_at}
        if it.pause
        else None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "plan": price_and_plan(only.price, livemode)[1] if only else None,
        "quantity": only.quantity if only else None,
        "schedule": None,
        "start_date": it.created,
        "status": it.status,
        "status_details": status_details(it),
        "test_clock": None,
        "transfer_data": None,
        "trial_end": it.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        "trial_start": it.trial_start,
    }


def status_details(it: Subscription) -> Json | None:
    """Why it is paused; null otherwise."""
    if it.paused_at is None:
        return None
    why = {"type": "trial_end_without_payment_method"}
    return {"paused": {"subscription": why, "transitioned_at": it.paused_at, "type": "subscription"}}
