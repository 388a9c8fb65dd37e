"""Subscriptions in the middle of their lives: other plans and quantities, pauses, cancellations."""

from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from ledgerstone.demo import standing
from ledgerstone.demo.catalogue import Offer, gross
from ledgerstone.demo.clock import DAY, step
from ledgerstone.demo.invoicing import (
    draft,
    period_lines,
    proration,
    put_on_next_bill,
)
from ledgerstone.demo.records import Cancellation, Item, Line, Pause, Subscription
from ledgerstone.demo.subscribing import bill_at_once, expect_renewal, make_items
from ledgerstone.demo.world import World

FEEDBACK = ("too_expensive", "missing_features", "switched_service", "unused", "low_quality", "other")


def revenue(items: Sequence[Item]) -> Fraction:
    """Per month, roughly: to tell up from down."""
    months = {"week": Fraction(3, 13), "month": Fraction(1), "year": Fraction(12)}
    return sum(
        (gross(i.price, i.quantity) / (months[i.price.interval] * i.price.interval_count) for i in items),
        Fraction(0),
    )


def switch(world: World, sub: Subscription, offer: Offer, quantity: int) -> None:
    """Another plan. The first item stays and gets the new price; further items come and go."""
    world.asked()
    fresh = make_items(world, offer, sub.currency, quantity)
    kept = replace(sub.items[0], price=fresh[0].price, quantity=fresh[0].quantity)
    alter(world, sub, offer, (kept, *fresh[1:]))


def resize(world: World, sub: Subscription, quantity: int) -> None:
    """More or fewer units of what is counted."""
    world.asked()
    counted = [item for item in sub.items if item.quantity is not None][-1]
    if counted.quantity != quantity:
        items = (replace(i, quantity=quantity) if i is counted else i for i in sub.items)
        alter(world, sub, sub.offer, tuple(items))


def alter(world: World, sub: Subscription, offer: Offer, items: tuple[Item, ...]) -> None:
    """New items. Upgrades and new intervals are billed now; less of the same waits for the next bill."""
    same_period, up = sub.offer.same_period(offer), revenue(items) > revenue(sub.items)
    if sub.status == "trialing":
        world.amend(sub, offer=offer, items=items)
        return
    part = Fraction(sub.period_end - world.now, sub.period_end - sub.period_start)
    lines = proration(world, sub, sub.items, part, -1)
    if not same_period:
        begin_anew(world, sub, offer, items, lines)
        return
    before, sub.items = sub.items, items
    lines += proration(world, sub, items, part, +1)
    sub.items = before
    if up and lines:
        change_and_bill(world, sub, offer, items, lines)
    else:
        world.amend(sub, offer=offer, items=items)
        put_on_next_bill(world, sub, lines)


def change_and_bill(
    world: World, sub: Subscription, offer: Offer, items: tuple[Item, ...], lines: Sequence[Line]
) -> None:
    bill = draft(world, sub, lines, "subscription_update")
    world.amend(sub, offer=offer, items=items, latest_invoice=bill.id)
    bill_at_once(world, bill)


def begin_anew(
    world: World, sub: Subscription, offer: Offer, items: tuple[Item, ...], credits: list[Line]
) -> None:
    """Another interval: a whole new period begins now, less what was unused of the old one."""
    price = items[0].price
    ends = step(world.now, price.interval, price.interval_count)
    before, sub.items = sub.items, items
    lines = (*credits, *period_lines(world, sub, world.now, ends), *sub.pending)
    sub.items = before
    bill = draft(world, sub, lines, "subscription_update")
    sub.pending = ()
    world.amend(
        sub,
        offer=offer,
        items=items,
        anchor=world.now,
        cycles=0,
        period_start=world.now,
        period_end=ends,
        latest_invoice=bill.id,
    )
    bill_at_once(world, bill)
    expect_renewal(world, sub)


def pause(world: World, sub: Subscription, behavior: Pause, days: int) -> None:
    """Stop collecting; it resumes by itself at `resumes_at`, or when somebody says so."""
    world.asked()
    world.amend(sub, pause=behavior)
    world.at(behavior.resumes_at or world.now + days * DAY, resume, sub)


def resume(world: World, sub: Subscription) -> None:
    if sub.pause is not None and sub.status not in standing.ENDED:
        world.amend(sub, pause=None)


def cancel_now(world: World, sub: Subscription) -> None:
    world.asked()
    standing.end(world, sub, Cancellation("cancellation_requested", world.rng.choice(FEEDBACK)))


def cancel_at_period_end(world: World, sub: Subscription) -> None:
    world.asked()
    why = Cancellation("cancellation_requested", world.rng.choice(FEEDBACK), "We will miss you")
    world.amend(sub, cancel_at_period_end=True, canceled_at=world.now, cancellation=why)


def stay_after_all(world: World, sub: Subscription) -> None:
    """The cancellation is taken back before it takes effect."""
    if sub.cancel_at_period_end and sub.status in ("active", "trialing"):
        world.asked()
        world.amend(sub, cancel_at_period_end=False, canceled_at=None, cancellation=Cancellation())
