"""Giving coupons, taking them back, and what they take off a bill."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from ledgerstone.demo.catalogue import Coupon
from ledgerstone.demo.clock import add_months
from ledgerstone.demo.records import Customer, Discount, Item, Subscription
from ledgerstone.demo.stripe_shapes.catalogue import discount as shape
from ledgerstone.demo.world import World


def give(
    world: World, coupon: Coupon, customer: Customer, sub: str | None = None, item: str | None = None
) -> Discount:
    """A new discount from the coupon as it is today; nothing tells when a repeating one is over."""
    coupon.redeemed += 1
    end = None if coupon.months is None else add_months(world.now, coupon.months)
    given = Discount(world.ids("di"), coupon, customer.id, world.now, end, sub, item)
    if end is not None:
        world.at(end, ran_out, customer)
    return given


def ran_out(world: World, customer: Customer) -> None:
    """Silent: time alone ends a repeating discount."""
    world.stir(customer)


def tell_given(world: World, discounts: Iterable[Discount]) -> None:
    for each in discounts:
        world.tell("customer.discount.created", shape(each, world.livemode))


def tell_taken(world: World, discounts: Iterable[Discount]) -> None:
    for each in discounts:
        world.tell("customer.discount.deleted", shape(each, world.livemode))


def give_to_customer(world: World, customer: Customer, coupon: Coupon) -> None:
    given = give(world, coupon, customer)
    world.amend(customer, discount=given)
    tell_given(world, [given])


def give_to_subscription(world: World, sub: Subscription, coupon: Coupon) -> None:
    given = give(world, coupon, sub.customer, sub.id)
    world.amend(sub, discounts=(*sub.discounts, given))
    tell_given(world, [given])


def give_to_item(world: World, sub: Subscription, coupon: Coupon) -> None:
    """To the subscription's first item."""
    first, *others = sub.items
    given = give(world, coupon, sub.customer, sub.id, first.id)
    world.amend(sub, items=(replace(first, discounts=(*first.discounts, given)), *others))
    tell_given(world, [given])


def take_from_subscription(world: World, sub: Subscription, gone: Sequence[Discount]) -> None:
    world.amend(sub, discounts=tuple(each for each in sub.discounts if each not in gone))
    tell_taken(world, gone)


def suits(coupon: Coupon, sub: Subscription) -> bool:
    """Whether the combination means one thing only.

    Stripe allows more. Left out is what nobody defines: a subscription's discount that ends while its
    customer has another, and an amount off several items of which one has a discount of its own.
    """
    if coupon.deleted or (coupon.amount is not None and coupon.currency != sub.currency):
        return False
    if sub.customer.discount is not None and coupon.duration != "forever":
        return False
    on_items = any(item.discounts for item in sub.items)
    return coupon.amount is None or not on_items


def suits_item(coupon: Coupon, sub: Subscription) -> bool:
    return (
        not coupon.deleted
        and coupon.duration != "once"
        and (coupon.amount is None or coupon.currency == sub.currency)
        and sub.customer.discount is None
        and all(each.coupon.amount is None for each in sub.discounts)
    )


def in_force(sub: Subscription, now: int) -> tuple[Discount, ...]:
    """What reduces the next bill besides the items' own: the subscription's, or else the customer's."""
    held = sub.discounts
    if not held and sub.customer.discount is not None:
        held = (sub.customer.discount,)
    return tuple(each for each in held if each.end is None or now < each.end)


def off_the_bill(
    items: Sequence[tuple[Item, int]], held: tuple[Discount, ...], now: int
) -> list[tuple[tuple[Discount, int], ...]]:
    """What each discount takes off each item's amount (minor units): the item's own first."""
    taken: list[list[tuple[Discount, int]]] = [[] for _ in items]
    left = [amount for _, amount in items]
    for at, (item, _) in enumerate(items):
        for each in item.discounts:
            if each.end is None or now < each.end:
                take(each, [at], left, taken)
    for each in held:
        take(each, range(len(left)), left, taken)
    return [tuple(each) for each in taken]


def take(
    each: Discount, where: Sequence[int], left: list[int], taken: list[list[tuple[Discount, int]]]
) -> None:
    """A percentage of every line, or an amount shared out in proportion; the odd units on the last."""
    total = sum(left[at] for at in where)
    if total <= 0:
        return
    if each.coupon.amount is None:
        shares = [rounded(left[at] * Fraction(each.coupon.percent or 0) / 100) for at in where]
    else:
        off = min(each.coupon.amount, total)
        shares = [off * left[at] // total for at in where]
        shares[max(i for i, at in enumerate(where) if left[at])] += off - sum(shares)
    for at, share in zip(where, shares, strict=True):
        if share:
            left[at] -= share
            taken[at].append((each, share))


def rounded(amount: Fraction) -> int:
    """Half up, as on a bill."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
