"""What is a subscription worth a month? Plain figures first, then the laws."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.catalogue import Coupon, Price, Tier
from ledgerstone.ledger.recurring import Charge, Grant, charges, counts, monthly
from ledgerstone.ledger.subscriptions import Item, Span, Subscription

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def price(amount: str | None = "4900", interval: str = "month", count: int = 1, **more: Any) -> Price:
    """A price of 49.00 usd a month, unless said otherwise."""
    return Price(
        product="prod_pro",
        currency="usd",
        unit_amount=amount,
        interval=interval,
        interval_count=count,
        **more,
    )


def item(terms: Price, quantity: int = 1, id: str = "si_1", discounts: tuple[str, ...] = ()) -> Item:
    return Item(id=id, price=f"price_{id}", terms=terms, quantity=quantity, discounts=discounts)


def coupon(percent: str | None = None, off: int = 0, duration: str = "forever") -> Coupon:
    amounts = (("usd", off),) if off else ()
    return Coupon(created=MAY, duration=duration, percent_off=percent, amounts_off=amounts)


def worth(
    *items: Item, of_items: Sequence[tuple[Coupon, ...]] = (), of_all: Sequence[Coupon] = ()
) -> list[int | None]:
    own = tuple(of_items) or ((),) * len(items)
    quantities = tuple(item.quantity for item in items)
    return list(monthly(quantities, tuple(item.terms for item in items), own, tuple(of_all)))


def agreed(status: str = "active", **more: Any) -> Subscription:
    terms: dict[str, Any] = {
        "customer": "cus_acme",
        "currency": "usd",
        "items": (item(price()),),
        "started_at": MAY,
        **more,
    }
    return Subscription(status=status, **terms)


@pytest.mark.parametrize(
    ("terms", "quantity", "expected"),
    [
        (price("4900"), 1, 4900),
        (price("4900"), 3, 14700),
        (price("12000", "year"), 1, 1000),
        (price("9000", "month", 3), 1, 3000),
        (price("2000", "week"), 1, 8667),
        (price("100", "day"), 1, 3042),
        (price("0.5"), 1001, 500),
        (price("1", "year"), 6, 0),
        (price("1", "year"), 18, 2),
        (price("4900", metered=True), 7, 0),
        (price("1000", divide_by=10, round_up=True), 11, 2000),
        (price("1000", divide_by=10), 19, 1000),
    ],
)
def test_an_item_is_worth_its_share_of_a_month_rounded_half_to_even(
    terms: Price, quantity: int, expected: int
) -> None:
    assert worth(item(terms, quantity)) == [expected]


TIERS = (Tier(up_to=10, unit="500", flat="1000"), Tier(up_to=None, unit="300", flat="2000"))


@pytest.mark.parametrize(
    ("tiering", "quantity", "expected"),
    [
        ("graduated", 10, 10 * 500 + 1000),
        ("graduated", 12, 10 * 500 + 1000 + 2 * 300 + 2000),
        ("volume", 10, 10 * 500 + 1000),
        ("volume", 12, 12 * 300 + 2000),
    ],
)
def test_a_tiered_price_is_asked_at_the_quantity(tiering: str, quantity: int, expected: int) -> None:
    assert worth(item(price(None, tiering=tiering, tiers=TIERS), quantity)) == [expected]


def test_unknown_tiers_make_the_figure_unknown_and_never_nothing() -> None:
    assert worth(item(price(None, tiering="graduated"), 3)) == [None]


def test_percents_are_each_taken_of_what_is_left() -> None:
    assert worth(item(price("10000")), of_all=[coupon("10"), coupon("50")]) == [4500]


def test_an_items_own_discount_comes_before_the_subscriptions() -> None:
    assert worth(item(price("10000")), of_items=[(coupon(off=1000),)], of_all=[coupon("50")]) == [4500]


def test_an_amount_off_is_spread_over_the_items_of_a_period_by_gross() -> None:
    base, seats = item(price("3000"), id="si_base"), item(price("1000"), 7, id="si_seats")

    assert worth(base, seats, of_all=[coupon(off=1000)]) == [2700, 6300]


def test_an_amount_off_is_per_billing_period() -> None:
    assert worth(item(price("12000", "year")), of_all=[coupon(off=1200)]) == [900]


def test_a_discount_never_goes_below_nothing() -> None:
    assert worth(item(price("4900")), of_all=[coupon(off=9900)]) == [0]


@pytest.mark.parametrize(
    ("status", "paused", "expected"),
    [
        ("active", None, True),
        ("past_due", None, True),
        ("trialing", None, False),
        ("unpaid", None, False),
        ("incomplete", None, False),
        ("canceled", None, False),
        ("active", "void", False),
    ],
)
def test_what_counts_as_recurring(status: str, paused: str | None, expected: bool) -> None:
    assert counts(agreed(status, paused_collection=paused)) is expected


def valued(span: Span, grants: Mapping[str, Sequence[Grant]] = {}) -> list[tuple[int, int | None]]:
    """Since which day, how much."""
    found: tuple[Charge, ...] = charges([span], grants, {})
    return [((charge.start - MAY).days, charge.mrr) for charge in found]


def test_a_repeating_discount_ends_by_time_without_any_message() -> None:
    terms = agreed(discounts=("di_1",))
    grant = Grant(MAY, MAY + timedelta(days=90), coupon("50", duration="repeating"))

    assert valued(Span(MAY, None, terms), {"di_1": [grant]}) == [(0, 2450), (90, 4900)]


def test_a_discount_for_once_is_no_recurring_discount() -> None:
    terms = agreed(discounts=("di_1",))

    assert valued(Span(MAY, None, terms), {"di_1": [Grant(MAY, None, coupon("50", duration="once"))]}) == [
        (0, 4900)
    ]


def test_a_discount_of_an_unknown_coupon_makes_the_figure_unknown() -> None:
    terms = agreed(discounts=("di_1",))

    assert valued(Span(MAY, None, terms), {"di_1": [Grant(MAY, None, None)]}) == [(0, None)]
    assert valued(Span(MAY, None, terms)) == [(0, None)]


def test_a_customers_discount_applies_where_the_subscription_has_none() -> None:
    given_to_customer = [Grant(MAY + timedelta(days=10), None, coupon("50"), for_customer=True)]

    assert valued(Span(MAY, None, agreed()), {"di_c": given_to_customer}) == [(0, 4900), (10, 2450)]
    own = {"di_c": given_to_customer, "di_1": [Grant(MAY, None, coupon("10"))]}
    assert valued(Span(MAY, None, agreed(discounts=("di_1",))), own)[0] == (0, 4410)


def test_a_customers_discount_applies_when_the_subscriptions_own_is_over_and_still_listed() -> None:
    given = {
        "di_1": [Grant(MAY, MAY + timedelta(days=10), coupon("10", duration="repeating"))],
        "di_c": [Grant(MAY, None, coupon("50"), for_customer=True)],
    }

    assert valued(Span(MAY, None, agreed(discounts=("di_1",))), given) == [(0, 4410), (10, 2450)]


def test_a_discount_for_once_does_not_stand_in_the_way_of_the_customers() -> None:
    given = {
        "di_1": [Grant(MAY, None, coupon("10", duration="once"))],
        "di_c": [Grant(MAY, None, coupon("50"), for_customer=True)],
    }

    assert valued(Span(MAY, None, agreed(discounts=("di_1",))), given) == [(0, 2450)]


def test_an_amount_off_in_another_currency_is_not_known() -> None:
    euros = Coupon(created=MAY, duration="forever", amounts_off=(("eur", 500),))

    assert worth(item(price()), of_all=[euros]) == [None]
    assert worth(item(price()), of_items=[(euros,)]) == [None]


amounts = st.integers(0, 100_000)


@given(st.lists(st.tuples(amounts, st.integers(0, 9)), min_size=1, max_size=4), st.lists(amounts, max_size=3))
def test_discounts_only_ever_take_away_and_leave_no_item_below_nothing(
    lines: list[tuple[int, int]], offs: list[int]
) -> None:
    items = [item(price(str(unit)), quantity, id=f"si_{n}") for n, (unit, quantity) in enumerate(lines)]
    full = worth(*items)

    for less, gross in zip(worth(*items, of_all=[coupon(off=off) for off in offs]), full, strict=True):
        assert less is not None
        assert gross is not None
        assert 0 <= less <= gross
