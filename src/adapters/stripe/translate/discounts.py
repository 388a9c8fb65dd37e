"""Coupons, and the discounts that were given with them."""

from collections.abc import Iterable, Iterator

from ledgerstone.adapters.stripe.currencies import minor, text
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, observed, states
from ledgerstone.adapters.stripe.wire import catalogue as wire
from ledgerstone.adapters.stripe.wire.fields import maybe_id
from ledgerstone.ledger.catalogue import Coupon, CouponSeen, Discount, DiscountSeen


def coupon_told(event: Envelope) -> Iterator[Told]:
    """`coupon.*`: the coupon is seen."""
    coupon, now, before = states(event, wire.Coupon, _coupon_terms)
    seen = CouponSeen(id=coupon.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "coupon", seen)


def discount_told(event: Envelope) -> Iterator[Told]:
    """`customer.discount.*`: the discount is seen, and its coupon where the message shows that too."""
    discount, now, before = states(event, wire.Discount, _discount_terms)
    seen = DiscountSeen(id=discount.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "discount", seen)
    if coupon := _shown_coupon(discount):
        yield observed(event, "coupon", CouponSeen(id=coupon.id, now=_coupon_terms(coupon)))


def expanded_told(
    event: Envelope, discounts: Iterable[str | wire.Discount], *, last: bool = False
) -> Iterator[Told]:
    """The discounts and coupons that another object shows in full; `last` when it has them no more."""
    for discount in discounts:
        if isinstance(discount, str) or discount.start is None or _coupon(discount) is None:
            continue
        seen = DiscountSeen(id=discount.id, now=_discount_terms(discount), last=last)
        yield observed(event, f"discount/{discount.id}", seen)
        if coupon := _shown_coupon(discount):
            seen_coupon = CouponSeen(id=coupon.id, now=_coupon_terms(coupon))
            yield observed(event, f"coupon/{coupon.id}", seen_coupon)


def ids(discounts: Iterable[str | wire.Discount] | None) -> tuple[str, ...]:
    """The discounts' ids, in their order, whether they were expanded or not."""
    return tuple(each if isinstance(each, str) else each.id for each in discounts or ())


def _coupon(discount: wire.Discount) -> str | wire.Coupon | None:
    newest = discount.source.coupon if discount.source else None
    return newest or discount.coupon


def _shown_coupon(discount: wire.Discount) -> wire.Coupon | None:
    """The coupon with its terms: neither its id alone, nor what is left of a deleted one."""
    coupon = _coupon(discount)
    return coupon if isinstance(coupon, wire.Coupon) and coupon.created is not None else None


def _discount_terms(discount: wire.Discount) -> Discount:
    customer, coupon = maybe_id(discount.customer) or discount.customer_account, _coupon(discount)
    if customer is None or coupon is None or discount.start is None:
        raise Unusable(f"the discount {discount.id} is without a customer, a coupon or a start")
    return Discount(
        customer=customer,
        coupon=coupon if isinstance(coupon, str) else coupon.id,
        start=moment(discount.start),
        end=maybe_moment(discount.end),
        subscription=maybe_id(discount.subscription),
        item=discount.subscription_item,
    )


def _coupon_terms(coupon: wire.Coupon) -> Coupon:
    if coupon.created is None or coupon.duration is None:
        raise Unusable(f"the coupon {coupon.id} is without its creation or its duration")
    return Coupon(
        created=moment(coupon.created),
        duration=coupon.duration,
        percent_off=None if coupon.percent_off is None else text(coupon.percent_off),
        amounts_off=_amounts_off(coupon),
    )


def _amounts_off(coupon: wire.Coupon) -> tuple[tuple[str, int], ...]:
    amounts = {currency: option.amount_off for currency, option in (coupon.currency_options or {}).items()}
    if coupon.amount_off is not None:
        if coupon.currency is None:
            raise Unusable(f"the coupon {coupon.id} takes an amount off and names no currency")
        amounts[coupon.currency] = coupon.amount_off
    return tuple(
        sorted((currency.lower(), minor(off, currency.lower())) for currency, off in amounts.items())
    )
