"""Products, prices, coupons and discounts, as Stripe writes them."""

from decimal import Decimal

from ledgerstone.adapters.stripe.wire.fields import Amount, Count, Currency, Id, Ref, Several, Time, Wire


class Product(Wire, frozen=True):
    id: Id
    name: str


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


class AmountOff(Wire, frozen=True):
    amount_off: Amount


class Coupon(Wire, frozen=True):
    id: Id
    created: Time
    duration: str
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
