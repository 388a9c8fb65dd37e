"""The oracle's arithmetic, on numbers that can be checked in the head."""

from ledgerstone.demo.catalogue import Coupon, Offer, Price, Tier, gross
from ledgerstone.demo.records import Address, Customer, Discount, Item, Subscription
from ledgerstone.demo.truth import per_item

NOON = 1_000_000


def a_price(unit: str | None = "1000", interval: str = "month", count: int = 1, **more: object) -> Price:
    return Price("price_1", "prod_1", "usd", interval, count, 0, "A price", unit, **more)  # type: ignore[arg-type]


def a_subscription(*items: tuple[Price, int | None], discounts: tuple[Discount, ...] = ()) -> Subscription:
    address = Address("SE", "Malmö", "1 Main Street", "211 22")
    owner = Customer("cus_1", 0, "Acme", "acme@example.com", address, "usd", None, "A")
    held = tuple(Item(f"si_{n}", price, quantity, 0) for n, (price, quantity) in enumerate(items))
    offer = Offer("test", {"usd": tuple(price for price, _ in items)})
    return Subscription("sub_1", owner, offer, held, "active", 0, 0, 0, 0, discounts=discounts)


def off(percent: str | None = None, amount: int | None = None, end: int | None = None) -> Discount:
    coupon = Coupon("C", "C", 0, "repeating" if end else "forever", percent=percent, amount=amount)
    return Discount("di_1", coupon, "cus_1", 0, end)


def test_a_year_a_quarter_and_a_week_in_months() -> None:
    year, quarter, week = a_price("12000", "year"), a_price("3000", count=3), a_price("1200", "week")
    assert per_item(a_subscription((year, 1), (quarter, 2), (week, 1)), NOON) == [1000, 2000, 5200]


def test_halves_go_to_the_even_unit() -> None:
    assert per_item(a_subscription((a_price("6", "year"), 1)), NOON) == [0]
    assert per_item(a_subscription((a_price("18", "year"), 1)), NOON) == [2]


def test_an_amount_off_is_spread_in_proportion() -> None:
    sub = a_subscription((a_price("3000"), 1), (a_price("1000"), 1), discounts=(off(amount=400),))
    assert per_item(sub, NOON) == [2700, 900]


def test_an_amount_off_is_per_period_and_stops_at_nothing() -> None:
    assert per_item(a_subscription((a_price("12000", "year"), 1), discounts=(off(amount=1200),)), NOON) == [
        900
    ]
    assert per_item(a_subscription((a_price("100"), 1), discounts=(off(amount=400),)), NOON) == [0]


def test_discounts_apply_in_their_order() -> None:
    percent, amount = off(percent="50"), off(amount=200)
    assert per_item(a_subscription((a_price(), 1), discounts=(percent, amount)), NOON) == [300]
    assert per_item(a_subscription((a_price(), 1), discounts=(amount, percent)), NOON) == [400]


def test_a_repeating_discount_ends_by_time_alone() -> None:
    sub = a_subscription((a_price(), 1), discounts=(off(percent="50", end=NOON),))
    assert per_item(sub, NOON) == [500]
    assert per_item(sub, NOON + 1) == [1000]


def test_the_customers_discount_counts_only_where_the_subscription_has_none() -> None:
    plain, own = (
        a_subscription((a_price(), 1)),
        a_subscription((a_price(), 1), discounts=(off(percent="10"),)),
    )
    plain.customer.discount = own.customer.discount = off(percent="50")
    assert per_item(plain, NOON) == [500]
    assert per_item(own, NOON) == [900]


def test_tiers_packages_and_meters() -> None:
    tiers = (Tier(10, 100, 50), Tier(None, 60, 5))
    assert gross(a_price(None, tiers=tiers, tiers_mode="graduated"), 15) == 10 * 100 + 50 + 5 * 60 + 5
    assert gross(a_price(None, tiers=tiers, tiers_mode="graduated"), 10) == 10 * 100 + 50
    assert gross(a_price(None, tiers=tiers, tiers_mode="volume"), 15) == 15 * 60 + 5
    assert gross(a_price(divide_by=10, round="up"), 11) == 2000
    assert gross(a_price(divide_by=10, round="down"), 19) == 1000
    assert gross(a_price("0.04", metered=True), None) == 0
