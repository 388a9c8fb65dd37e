"""The catalogue: products, prices, coupons, and the discounts that customers were given."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact, Terms


class Product(Terms, frozen=True):
    """What is sold; finance calls it the plan."""

    name: str


class ProductSeen(Fact, frozen=True, tag="product-seen"):
    """A message showed a product; `last` when it was deleted."""

    id: str
    now: Product
    before: Product | None = None
    first: bool = False
    last: bool = False


class Tier(Terms, frozen=True):
    """A step of a tiered price: up to and including `up_to` units (None: without end), `unit` a unit and
    `flat` once, as decimal strings of minor units."""

    up_to: int | None = None
    unit: str = "0"
    flat: str = "0"


class Price(Terms, frozen=True):
    """What one unit costs in a billing period of `interval_count` × `interval` (day, week, month, year).

    `unit_amount` is a decimal string of minor units (a provider may price a unit at 0.5 cents), None when
    `tiering` is `graduated` or `volume`. `tiers` may be unknown (None): a subscription shows its price
    without them. Quantity is first divided by `divide_by`, rounded up or down. `metered` usage is not
    recurring revenue; `interval` None is a one-off price."""

    product: str
    currency: str
    unit_amount: str | None = None
    interval: str | None = None
    interval_count: int = 1
    metered: bool = False
    tiering: str | None = None
    tiers: tuple[Tier, ...] | None = None
    divide_by: int = 1
    round_up: bool = False


class PriceSeen(Fact, frozen=True, tag="price-seen"):
    """A message showed a price."""

    id: str
    now: Price
    before: Price | None = None
    first: bool = False
    last: bool = False


class Coupon(Terms, frozen=True):
    """The terms of a coupon in one of its lives: an id may be deleted and used again, `created` tells the
    lives apart. `duration` is `forever`, `once` or `repeating`; `percent_off` a decimal string; `amounts_off`
    minor units by currency."""

    created: datetime
    duration: str
    percent_off: str | None = None
    amounts_off: tuple[tuple[str, int], ...] = ()


class CouponSeen(Fact, frozen=True, tag="coupon-seen"):
    """A message showed a coupon; `last` when it was deleted (discounts already given live on)."""

    id: str
    now: Coupon
    before: Coupon | None = None
    first: bool = False
    last: bool = False


class Discount(Terms, frozen=True):
    """A coupon given: to a customer, to a subscription, or to one item of it, from `start` to `end`."""

    customer: str
    coupon: str
    start: datetime
    end: datetime | None = None
    subscription: str | None = None
    item: str | None = None


class DiscountSeen(Fact, frozen=True, tag="discount-seen"):
    """A message showed a discount; `last` when it was taken away."""

    id: str
    now: Discount
    before: Discount | None = None
    first: bool = False
    last: bool = False


def rank(terms: Terms) -> int:
    """Nothing in the catalogue has statuses: all rank alike."""
    return 0
