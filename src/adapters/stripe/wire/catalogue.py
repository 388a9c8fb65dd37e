"""Products, prices, coupons and discounts, as Stripe writes them."""

from decimal import Decimal

from ledgerstone.adapters.stripe.wire.fields import Amount, Count, Currency, Id, Ref, Several, Time, Wire


class Product(Wire, frozen=True):
    """Of a deleted one, Stripe may show no more than its id."""

    id: Id
    name: str | None = None
    deleted: bool = False


class Recurring(Wire, frozen=True):
    interval: str
    interval_count: Several = 1
    usage_type: str = "licensed"


class TransformQuantity(Wire, frozen=True):
    divide_by: Several
    round: str


class Tier(Wire, frozen=True):
    up_to: Count | None = None
    unit_amount: Amount | None = None
    unit_amount_decimal: Decimal | None = None
    flat_amount: Amount | None = None
    flat_amount_decimal: Decimal | None = None


class Price(Wire, frozen=True):
    """Tiers are there only when they were expanded, and never inside a subscription."""

    id: Id
    currency: Currency
    product: Ref
    unit_amount: Amount | None = None
    unit_amount_decimal: Decimal | None = None
    billing_scheme: str = "per_unit"
    tiers_mode: str | None = None
    tiers: tuple[Tier, ...] | None = None
    recurring: Recurring | None = None
    transform_quantity: TransformQuantity | None = None


class Plan(Wire, frozen=True):
    """A price in the words of before there were prices (May 2020); many versions show both."""

    id: Id
    currency: Currency
    product: Ref
    interval: str
    interval_count: Several = 1
    amount: Amount | None = None
    amount_decimal: Decimal | None = None
    billing_scheme: str = "per_unit"
    tiers_mode: str | None = None
    tiers: tuple[Tier, ...] | None = None
    transform_usage: TransformQuantity | None = None
    usage_type: str = "licensed"


class AmountOff(Wire, frozen=True):
    amount_off: Amount


class Coupon(Wire, frozen=True):
    """Of a deleted one that stands where its id could, Stripe shows no more than that id."""

    id: Id
    created: Time | None = None
    duration: str | None = None
    percent_off: Decimal | None = None
    amount_off: Amount | None = None
    currency: Currency | None = None
    currency_options: dict[str, AmountOff] | None = None


class DiscountSource(Wire, frozen=True):
    coupon: Id | Coupon | None = None


class Discount(Wire, frozen=True):
    id: Id
    start: Time | None = None
    end: Time | None = None
    customer: Ref | None = None
    customer_account: Id | None = None
    subscription: Ref | None = None
    subscription_item: Id | None = None
    source: DiscountSource | None = None
    coupon: Id | Coupon | None = None  # until 2025-09-30
