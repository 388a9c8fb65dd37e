"""Products and prices."""

from collections.abc import Iterator
from decimal import Decimal

from ledgerstone.adapters.stripe.currencies import minor_text
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, observed, states
from ledgerstone.adapters.stripe.wire import catalogue as wire
from ledgerstone.adapters.stripe.wire.fields import id_of
from ledgerstone.ledger.catalogue import Price, PriceSeen, Product, ProductSeen, Tier


def product_told(event: Envelope) -> Iterator[Told]:
    """`product.*`: the product is seen."""
    product, now, before = states(event, wire.Product, _product_terms)
    seen = ProductSeen(id=product.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "product", seen)


def price_told(event: Envelope) -> Iterator[Told]:
    """`price.*`: the price is seen."""
    price, now, before = states(event, wire.Price, price_terms)
    seen = PriceSeen(id=price.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "price", seen)


def item_price(price: wire.Price | None, plan: wire.Plan | None) -> wire.Price:
    """The price of a subscription's item: a plan is one in older words."""
    if price is not None:
        return price
    if plan is None:
        raise Unusable("data.object.items: an item has neither price nor plan")
    return _as_price(plan)


def price_terms(price: wire.Price) -> Price:
    """What we keep of a price: by itself, or within a subscription's item."""
    currency = price.currency.lower()
    recurring, transform = price.recurring, price.transform_quantity
    tiered = price.billing_scheme == "tiered"
    return Price(
        product=id_of(price.product),
        currency=currency,
        unit_amount=None if tiered else _unit(price.unit_amount_decimal, price.unit_amount, currency),
        interval=recurring.interval if recurring else None,
        interval_count=recurring.interval_count if recurring else 1,
        metered=recurring is not None and recurring.usage_type == "metered",
        tiering=price.tiers_mode if tiered else None,
        tiers=tuple(_tier(tier, currency) for tier in price.tiers) if tiered and price.tiers else None,
        divide_by=transform.divide_by if transform else 1,
        round_up=transform is not None and transform.round == "up",
    )


def _product_terms(product: wire.Product) -> Product:
    """The last that is told of a product may be no more than its id; then it has no name to show."""
    if product.name is None and not product.deleted:
        raise Unusable("data.object: a product without a name that is not deleted")
    return Product(name=product.name or "")


def _as_price(plan: wire.Plan) -> wire.Price:
    return wire.Price(
        id=plan.id,
        currency=plan.currency,
        product=plan.product,
        unit_amount=plan.amount,
        unit_amount_decimal=plan.amount_decimal,
        billing_scheme=plan.billing_scheme,
        tiers_mode=plan.tiers_mode,
        tiers=plan.tiers,
        recurring=wire.Recurring(
            interval=plan.interval, interval_count=plan.interval_count, usage_type=plan.usage_type
        ),
        transform_quantity=plan.transform_usage,
    )


def _tier(tier: wire.Tier, currency: str) -> Tier:
    return Tier(
        up_to=tier.up_to,
        unit=_unit(tier.unit_amount_decimal, tier.unit_amount, currency) or "0",
        flat=_unit(tier.flat_amount_decimal, tier.flat_amount, currency) or "0",
    )


def _unit(exact: Decimal | None, whole: int | None, currency: str) -> str | None:
    """`…_decimal` is there beside every amount; the integer is null where it would have to be rounded."""
    amount = whole if exact is None else exact
    return None if amount is None else minor_text(amount, currency)
