"""Products, prices, coupons and discounts as Stripe tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.catalogue import (
    Coupon,
    CouponSeen,
    Discount,
    DiscountSeen,
    Price,
    PriceSeen,
    Product,
    ProductSeen,
    Tier,
)
from tests.stripe_objects import BORN, coupon, discount, event, facts, parked, price, read

THEN = datetime.fromtimestamp(BORN, UTC)


def the_price(**fields: Any) -> Price:
    fact = facts("price.created", price(**fields))["stripe/evt_1/price"]
    assert isinstance(fact, PriceSeen)
    return fact.now


def the_coupon(**fields: Any) -> Coupon:
    fact = facts("coupon.created", coupon(**fields))["stripe/evt_1/coupon"]
    assert isinstance(fact, CouponSeen)
    return fact.now


def the_discount(type: str = "created", **fields: Any) -> DiscountSeen:
    fact = facts(f"customer.discount.{type}", discount(**fields))["stripe/evt_1/discount"]
    assert isinstance(fact, DiscountSeen)
    return fact


def test_a_product_has_a_name_and_had_another() -> None:
    told = facts("product.updated", {"id": "prod_1", "name": "Team"}, {"name": "Group"})
    assert told == {
        "stripe/evt_1/product": ProductSeen(
            id="prod_1", now=Product(name="Team"), before=Product(name="Group")
        )
    }


def test_a_price_is_by_unit_and_period() -> None:
    yearly = {"interval": "year", "interval_count": 2, "usage_type": "licensed"}
    assert the_price(recurring=yearly) == Price(
        product="prod_1", currency="usd", unit_amount="4900", interval="year", interval_count=2
    )


def test_a_price_without_a_period_is_one_off() -> None:
    assert the_price(recurring=None, type="one_time").interval is None


@pytest.mark.parametrize(
    ("whole", "exact", "kept"),
    [(None, "0.5", "0.5"), (4900, None, "4900"), (None, None, None), (0, "0", "0"), (1, "1.0", "1")],
)
def test_a_unit_may_cost_a_fraction(whole: int | None, exact: str | None, kept: str | None) -> None:
    assert the_price(unit_amount=whole, unit_amount_decimal=exact).unit_amount == kept


def test_prices_are_in_minor_units_of_the_standard() -> None:
    assert the_price(currency="isk", unit_amount_decimal="4900").unit_amount == "49"


def test_tiers_are_kept_where_the_message_has_them() -> None:
    tiers = [
        {"up_to": 10, "unit_amount": 500, "unit_amount_decimal": "500", "flat_amount": 1000},
        {"up_to": None, "unit_amount": None, "unit_amount_decimal": "0.25", "flat_amount_decimal": None},
    ]
    tiered = the_price(billing_scheme="tiered", tiers_mode="volume", tiers=tiers, unit_amount=None)
    assert (tiered.tiering, tiered.unit_amount) == ("volume", None)
    assert tiered.tiers == (Tier(up_to=10, unit="500", flat="1000"), Tier(unit="0.25"))


def test_packages_are_divided_and_rounded() -> None:
    packed = the_price(transform_quantity={"divide_by": 5, "round": "up"})
    assert (packed.divide_by, packed.round_up) == (5, True)


@pytest.mark.parametrize("field", ["unit_amount", "unit_amount_decimal"])
@pytest.mark.parametrize("amount", [True, [], "NaN", "4,9", 10**400])
def test_a_price_that_is_no_number_parks_the_event(field: str, amount: Any) -> None:
    parked("price.updated", price(unit_amount_decimal=None) | {field: amount})


def test_a_coupon_takes_a_percentage_off_to_its_last_digit() -> None:
    assert the_coupon() == Coupon(created=THEN, duration="forever", percent_off="12.5")
    assert the_coupon(percent_off=25.0).percent_off == "25"


def test_a_coupon_takes_an_amount_off_in_each_of_its_currencies() -> None:
    options = {"usd": {"amount_off": 1000}, "isk": {"amount_off": 10_000}}
    several = the_coupon(percent_off=None, amount_off=1000, currency="usd", currency_options=options)
    assert several.amounts_off == (("isk", 100), ("usd", 1000))


def test_a_coupon_of_no_currency_parks_the_event() -> None:
    assert "names no currency" in parked("coupon.created", coupon(amount_off=1000))


def test_a_discount_says_whose_it_is_and_how_long() -> None:
    assert the_discount(end=BORN + 60, subscription="sub_1", subscription_item="si_1") == DiscountSeen(
        id="di_1",
        now=Discount(
            customer="cus_1",
            coupon="WELCOME",
            start=THEN,
            end=datetime.fromtimestamp(BORN + 60, UTC),
            subscription="sub_1",
            item="si_1",
        ),
        first=True,
    )


def test_a_discount_taken_away_is_the_last_of_it_but_not_of_its_coupon() -> None:
    message = read(event("customer.discount.deleted", discount(source={"coupon": coupon()})))
    _, gone, shown = [row.body for row in message.rows]
    assert isinstance(gone, DiscountSeen)
    assert isinstance(shown, CouponSeen)
    assert (gone.last, shown.last) == (True, False)


def test_a_discount_of_older_versions_carries_its_coupon() -> None:
    assert the_discount(source=None, coupon=coupon(id="OLD")).now.coupon == "OLD"


@pytest.mark.parametrize("missing", ["customer", "source", "start"])
def test_a_discount_by_halves_parks_the_event(missing: str) -> None:
    assert "di_1 is without" in parked("customer.discount.created", discount(**{missing: None}))
