"""Products, prices, plans, coupons, discounts and tax rates."""

from typing import Any

from ledgerstone.demo.catalogue import Coupon, Price, Product, TaxRate, Tier
from ledgerstone.demo.records import Discount
from ledgerstone.demo.stripe_shapes.envelope import Json


def product(it: Product, livemode: bool) -> Json:
    return {
        "id": it.id,
        "object": "product",
        "active": True,
        "created": it.created,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": livemode,
        "marketing_features": [],
        "metadata": {},
        "name": it.name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": None,
        "updated": it.updated,
        "url": None,
    }


def price(it: Price, livemode: bool) -> Json:
    """As embedded in a subscription's item: without its tiers, which Stripe shows on request only."""
    return {
        "id": it.id,
        "object": "price",
        "active": True,
        "billing_scheme": "tiered" if it.tiers else "per_unit",
        "created": it.created,
        "currency": it.currency,
        "custom_unit_amount": None,
        "livemode": livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": it.nickname,
        "product": it.product,
        "recurring": {
            "interval": it.interval,
            "interval_count": it.interval_count,
            "meter": f"mtr_{it.id[6:]}" if it.metered else None,
            "trial_period_days": None,
            "usage_type": "metered" if it.metered else "licensed",
        },
        "tax_behavior": "exclusive",
        "tiers_mode": it.tiers_mode,
        "transform_quantity": transform(it),
        "type": "recurring",
        "unit_amount": whole(it.unit),
        "unit_amount_decimal": it.unit,
    }


def price_with_tiers(it: Price, livemode: bool) -> Json:
    """As in `price.created`."""
    said = price(it, livemode)
    return {**said, "tiers": [tier(each) for each in it.tiers]} if it.tiers else said


def plan(it: Price, livemode: bool) -> Json:
    """The price in Stripe's older words."""
    packed = transform(it)
    return {
        "id": it.id,
        "object": "plan",
        "active": True,
        "amount": whole(it.unit),
        "amount_decimal": it.unit,
        "billing_scheme": "tiered" if it.tiers else "per_unit",
        "created": it.created,
        "currency": it.currency,
        "interval": it.interval,
        "interval_count": it.interval_count,
        "livemode": livemode,
        "metadata": {},
        "meter": f"mtr_{it.id[6:]}" if it.metered else None,
        "nickname": it.nickname,
        "product": it.product,
        "tiers_mode": it.tiers_mode,
        "transform_usage": packed,
        "trial_period_days": None,
        "usage_type": "metered" if it.metered else "licensed",
    }


def tier(it: Tier) -> dict[str, Any]:
    return {
        "flat_amount": it.flat or None,
        "flat_amount_decimal": str(it.flat) if it.flat else None,
        "unit_amount": it.unit,
        "unit_amount_decimal": str(it.unit),
        "up_to": it.up_to,
    }


def transform(it: Price) -> Json | None:
    return {"divide_by": it.divide_by, "round": it.round} if it.divide_by is not None else None


def whole(amount: str | None) -> int | None:
    """`unit_amount` is null where the amount has decimals."""
    return int(amount) if amount is not None and "." not in amount else None


def coupon(it: Coupon, livemode: bool) -> Json:
    said: Json = {
        "id": it.id,
        "object": "coupon",
        "amount_off": it.amount,
        "created": it.created,
        "currency": it.currency,
        "duration": it.duration,
        "duration_in_months": it.months,
        "livemode": livemode,
        "max_redemptions": None,
        "metadata": {},
        "name": it.name,
        "percent_off": None if it.percent is None else float(it.percent),
        "redeem_by": None,
        "times_redeemed": it.redeemed,
        "valid": not it.deleted,
    }
    return {**said, "deleted": True} if it.deleted else said


def discount(it: Discount, livemode: bool) -> Json:
    return {
        "id": it.id,
        "object": "discount",
        "checkout_session": None,
        "customer": it.customer,
        "customer_account": None,
        "end": it.end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": it.coupon.id, "type": "coupon"},
        "start": it.start,
        "subscription": it.subscription,
        "subscription_item": it.item,
    }


def tax_rate(it: TaxRate, livemode: bool) -> Json:
    return {
        "id": it.id,
        "object": "tax_rate",
        "active": True,
        "country": it.country,
        "created": it.created,
        "description": None,
        "display_name": "JCT" if it.country == "JP" else "VAT",
        "effective_percentage": float(it.percentage),
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": it.country,
        "jurisdiction_level": "country",
        "livemode": livemode,
        "metadata": {},
        "percentage": float(it.percentage),
        "rate_type": "percentage",
        "state": None,
        "tax_type": "jct" if it.country == "JP" else "vat",
    }
