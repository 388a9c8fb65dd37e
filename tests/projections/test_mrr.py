"""Recurring revenue where messages are missing: what any message has told is known."""

from itertools import permutations

from tests.plain.history import Json
from tests.second_opinion import Shown, read
from tests.stripe_objects import (
    BORN,
    NOW,
    coupon,
    customer,
    discount,
    event,
    invoice,
    item,
    listed,
    price,
    subscription,
)

TIERED: Json = {"billing_scheme": "tiered", "tiers_mode": "graduated", "unit_amount_decimal": None}
TIERS = [{"up_to": None, "unit_amount_decimal": "1000", "flat_amount_decimal": None}]
BOUGHT = event("customer.subscription.created", subscription(discounts=["di_1"]), id="evt_1", created=BORN)
HALF = event("coupon.created", coupon(percent_off=50), id="evt_2", created=BORN)
GIVEN = discount(subscription="sub_1")


def now(*told: Json) -> list[int | None]:
    """What the items are worth at the end, the same in every order of the messages."""
    found = [
        [row.mrr for row in Shown(map(read, order)).rows["mrr"] if row.valid_to is None]
        for order in permutations(told)
    ]
    assert all(each == found[0] for each in found)
    return found[0]


def test_a_discount_that_was_only_heard_of_when_it_was_taken_away_is_known_until_then() -> None:
    gone = event("customer.discount.deleted", GIVEN, id="evt_3", created=NOW)
    rows = Shown(map(read, [BOUGHT, HALF, gone])).rows["mrr"]

    assert sorted((row.valid_from.timestamp(), row.mrr) for row in rows) == [(BORN, 4900), (NOW, 9800)]


def test_a_message_that_shows_no_tiers_does_not_make_them_unknown() -> None:
    whole, bare = price(**TIERED, tiers=TIERS), price(**TIERED)
    bought = subscription(items=listed(item(price=bare)))
    told = [
        event("customer.subscription.created", bought, id="evt_1", created=BORN),
        event("price.created", whole, id="evt_2", created=BORN),
        event("price.updated", bare, {"nickname": "old"}, id="evt_3", created=NOW),
    ]

    assert now(*told) == [2000]


def test_a_coupon_made_anew_in_the_second_in_which_it_was_deleted_is_known() -> None:
    again = coupon(percent_off=10, created=NOW)
    later = discount(subscription="sub_1", start=NOW + 60)
    told = [
        BOUGHT,
        event("coupon.deleted", {**coupon(percent_off=50), "deleted": True}, id="evt_3", created=NOW),
        event("coupon.created", again, id="evt_4", created=NOW),
        event("customer.discount.created", later, id="evt_5", created=NOW + 60),
    ]

    assert now(*told) == [8820]


def test_a_customers_discount_is_known_from_the_customer() -> None:
    bought = event("customer.subscription.created", subscription(), id="evt_1", created=BORN)
    rich = event(
        "customer.updated", customer(discount=discount()), {"discount": None}, id="evt_3", created=NOW
    )
    poor = event(
        "customer.updated", customer(discount=None), {"discount": discount()}, id="evt_4", created=NOW + 9
    )

    assert now(bought, HALF, rich) == [4900]
    assert now(bought, HALF, rich, poor) == [9800]


def test_an_upgrade_within_a_month_moves_it_once_whatever_is_invoiced_for_the_rest() -> None:
    """From 10.00 to 20.00 halfway: -5.00 and +10.00 are invoiced, and it is worth 20.00 from then on."""
    before, after = (
        subscription(items=listed(item(quantity=1, price=price(unit_amount=n, unit_amount_decimal=str(n)))))
        for n in (1_000, 2_000)
    )
    rest = invoice(
        billing_reason="subscription_update",
        lines=listed(
            {"id": "il_1", "object": "line_item", "amount": -500, "proration": True},
            {"id": "il_2", "object": "line_item", "amount": 1_000, "proration": True},
        ),
        amount_due=500,
        amount_remaining=500,
        total=500,
        total_taxes=[],
    )
    told = [
        event("customer.subscription.created", before, id="evt_1", created=BORN),
        event("customer.subscription.updated", after, {"items": before["items"]}, id="evt_2", created=NOW),
        event("invoice.finalized", rest, id="evt_3", created=NOW),
    ]

    assert now(*told) == [20_00]
    assert sorted((row.valid_from.timestamp(), row.mrr) for row in Shown(map(read, told)).rows["mrr"]) == [
        (BORN, 10_00),
        (NOW, 20_00),
    ]
