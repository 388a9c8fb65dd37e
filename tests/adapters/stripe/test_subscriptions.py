"""Subscriptions as Stripe tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.catalogue import CouponSeen, DiscountSeen, Price
from ledgerstone.ledger.subscriptions import Item, Subscription, SubscriptionSeen
from tests.stripe_objects import (
    BORN,
    NOW,
    coupon,
    discount,
    event,
    facts,
    item,
    listed,
    parked,
    price,
    read,
    subscription,
)


def seen(object: Any, previous: Any = None, type: str = "customer.subscription.updated") -> SubscriptionSeen:
    fact = facts(type, object, previous)["stripe/evt_1/subscription"]
    assert isinstance(fact, SubscriptionSeen)
    return fact


def test_a_subscription_is_seen_with_its_items_and_what_they_cost() -> None:
    monthly = Price(product="prod_1", currency="usd", unit_amount="4900", interval="month")
    assert seen(subscription()) == SubscriptionSeen(
        id="sub_1",
        now=Subscription(
            customer="cus_1",
            status="active",
            currency="usd",
            items=(Item(id="si_1", price="price_1", terms=monthly, quantity=2),),
            started_at=datetime.fromtimestamp(BORN, UTC),
        ),
    )


def test_an_observation_is_true_from_when_stripe_made_the_event() -> None:
    evidence, observation = read(event("customer.subscription.created", subscription())).rows
    assert observation.happened_at == evidence.happened_at == datetime.fromtimestamp(NOW, UTC)
    assert observation.cause == evidence.name == "stripe/evt_1"


@pytest.mark.parametrize(
    "type", ["created", "updated", "deleted", "paused", "resumed", "trial_will_end", "pending_update_applied"]
)
def test_creation_comes_first_and_deletion_last(type: str) -> None:
    fact = seen(subscription(), None, f"customer.subscription.{type}")
    assert (fact.first, fact.last) == (type == "created", type == "deleted")


def test_the_end_and_its_reason_are_kept() -> None:
    gone = subscription(
        status="canceled",
        canceled_at=NOW - 60,
        ended_at=NOW,
        cancellation_details={
            "comment": "bye",
            "feedback": "too_complex",
            "reason": "cancellation_requested",
        },
    )
    now = seen(gone, None, "customer.subscription.deleted").now
    assert (now.status, now.reason, now.feedback) == ("canceled", "cancellation_requested", "too_complex")
    assert (now.canceled_at, now.ended_at) == (
        datetime.fromtimestamp(NOW - 60, UTC),
        datetime.fromtimestamp(NOW, UTC),
    )


def test_metered_usage_has_no_quantity_and_counts_as_one() -> None:
    metered = price(recurring={"interval": "month", "interval_count": 1, "usage_type": "metered"})
    without = item(price=metered)
    del without["quantity"]
    (kept,) = seen(subscription(items=listed(without))).now.items
    assert (kept.quantity, kept.terms.metered) == (1, True)


def test_a_tiered_price_stands_in_a_subscription_without_its_tiers() -> None:
    tiered = price(
        billing_scheme="tiered", tiers_mode="graduated", unit_amount=None, unit_amount_decimal=None
    )
    terms = seen(subscription(items=listed(item(price=tiered)))).now.items[0].terms
    assert (terms.tiering, terms.tiers, terms.unit_amount) == ("graduated", None, None)


def test_discounts_keep_their_order_expanded_or_not() -> None:
    now = seen(
        subscription(discounts=["di_2", discount(id="di_1")], items=listed(item(discounts=["di_3"])))
    ).now
    assert now.discounts == ("di_2", "di_1")
    assert now.items[0].discounts == ("di_3",)


def test_a_discount_shown_in_full_is_seen_and_so_is_its_coupon() -> None:
    full = discount(source={"coupon": coupon(), "type": "coupon"}, subscription="sub_1")
    told = facts("customer.subscription.created", subscription(discounts=[full]))
    assert isinstance(told["stripe/evt_1/discount/di_1"], DiscountSeen)
    assert isinstance(told["stripe/evt_1/coupon/WELCOME"], CouponSeen)
    assert not told["stripe/evt_1/discount/di_1"].first


def test_a_discount_shown_by_halves_is_an_id_only() -> None:
    told = facts(
        "customer.subscription.created", subscription(discounts=[{"id": "di_1", "object": "discount"}])
    )
    assert told.keys() == {"stripe/evt_1/subscription"}


def test_the_discount_of_older_versions_is_read_too() -> None:
    older = subscription(discount=discount(source=None, coupon=coupon()))
    del older["discounts"]
    told = facts("customer.subscription.created", older)
    assert seen(older).now.discounts == ("di_1",)
    assert "stripe/evt_1/coupon/WELCOME" in told


def test_ids_may_come_as_objects() -> None:
    expanded = item(price=price(product={"id": "prod_1", "object": "product", "name": "Team"}))
    now = seen(subscription(customer={"id": "cus_1", "object": "customer"}, items=listed(expanded))).now
    assert (now.customer, now.items[0].terms.product) == ("cus_1", "prod_1")


def test_words_that_are_not_known_yet_pass() -> None:
    assert seen(subscription(status="hibernating", moon="full")).now.status == "hibernating"


@pytest.mark.parametrize("quantity", [2.0, True, "2", -1, 10**16])
def test_a_quantity_that_is_no_count_parks_the_event(quantity: Any) -> None:
    reason = parked("customer.subscription.updated", subscription(items=listed(item(quantity=quantity))))
    assert reason.startswith("data.object.items.data[0].quantity: expected")


@pytest.mark.parametrize("field", ["id", "customer", "status", "currency", "items", "start_date"])
@pytest.mark.parametrize("value", [None, 7.5, [], True])
def test_what_a_subscription_cannot_be_without_parks_the_event(field: str, value: Any) -> None:
    assert f"data.object.{field}" in parked("customer.subscription.updated", subscription(**{field: value}))
