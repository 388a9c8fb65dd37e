"""What customers change their minds about, and how often."""

from collections.abc import Callable

from msgspec.structs import replace

from ledgerstone.demo import altering, discounts, standing
from ledgerstone.demo.catalogue import choose_quantity
from ledgerstone.demo.clock import DAY
from ledgerstone.demo.newcomers import PLACES
from ledgerstone.demo.records import Behavior, Cancellation, Customer, Pause, Subscription
from ledgerstone.demo.world import World

BY_CARD = ("free", "starter-month", "starter-year", "pro-month", "pro-quarter", "pro-year")
SWITCHED = (*BY_CARD, "team-month", "team-year", "scale-month", "growth-month", "pulse-week")
BEHAVIORS: tuple[Behavior, ...] = ("void", "void", "keep_as_draft")


def resize(world: World, sub: Subscription) -> None:
    if sub.offer.quantities != (1, 1):
        altering.resize(world, sub, choose_quantity(world.rng, sub.offer))


def switch(world: World, sub: Subscription) -> None:
    """Up or down, or to another interval, among what is billed by card."""
    others = [key for key in SWITCHED if key != sub.offer.key]
    if sub.offer.key in SWITCHED:
        offer = world.catalogue.offers[world.rng.choice(others)]
        altering.switch(world, sub, offer, choose_quantity(world.rng, offer))


def pause(world: World, sub: Subscription) -> None:
    behavior = world.rng.choice(BEHAVIORS)
    days = world.rng.randrange(10, 75)
    timed = world.now + days * DAY if world.chance(0.5) else None
    altering.pause(world, sub, Pause(behavior, timed), days)


def cancel_at_period_end(world: World, sub: Subscription) -> None:
    altering.cancel_at_period_end(world, sub)
    if world.chance(0.3):
        world.later(1, 20, altering.stay_after_all, sub)


def win_over(world: World, sub: Subscription) -> None:
    """A discount in the middle of things: on the subscription, one item, or the customer."""
    world.asked()
    shelf, own = world.catalogue.coupons, sub.currency
    coupon = shelf[world.rng.choice(("launch", "spring", "autumn", f"fiver-{own}", f"tenner-{own}"))]
    where = world.rng.random()
    if where < 0.6 and discounts.suits(coupon, sub):
        discounts.give_to_subscription(world, sub, coupon)
    elif where < 0.85 and discounts.suits_item(coupon, sub):
        discounts.give_to_item(world, sub, coupon)
    elif can_have_its_own(sub.customer):
        discounts.give_to_customer(world, sub.customer, shelf[world.rng.choice(("vip", "loyal"))])


def can_have_its_own(customer: Customer) -> bool:
    """Only where nothing of the subscriptions' own can end under it."""
    on_subs = [each for sub in customer.subscriptions for each in sub.discounts]
    on_items = [each for sub in customer.subscriptions for item in sub.items for each in item.discounts]
    lasting = all(each.coupon.duration == "forever" for each in on_subs)
    return customer.discount is None and lasting and not on_items


def end_a_discount(world: World, sub: Subscription) -> None:
    if sub.discounts:
        world.asked()
        discounts.take_from_subscription(world, sub, sub.discounts[:1])


def move_abroad(world: World, sub: Subscription) -> None:
    customer = sub.customer
    country, city, code = world.rng.choice(PLACES["usd"] + PLACES["eur"])
    if country != customer.address.country:
        world.asked()
        world.amend(customer, address=replace(customer.address, country=country, city=city, postal_code=code))


def change_tenant(world: World, sub: Subscription) -> None:
    world.asked()
    world.amend(sub.customer, tenant_id=f"org-{world.ids.mark}-m{len(world.customers)}-{sub.customer.prefix}")


def delete(world: World, customer: Customer) -> None:
    """A deleted customer's subscriptions end at once."""
    if customer.deleted:
        return
    world.asked()
    for sub in customer.subscriptions:
        if sub.status not in standing.ENDED:
            standing.end(world, sub, Cancellation("cancellation_requested"))
    customer.deleted = True
    world.tell_of(customer, "deleted")


def delete_owner(world: World, sub: Subscription) -> None:
    delete(world, sub.customer)


Change = Callable[[World, Subscription], None]
CHANGES: tuple[tuple[float, Change], ...] = (
    (0.10, resize),
    (0.07, switch),
    (0.03, pause),
    (0.01, altering.cancel_now),
    (0.022, cancel_at_period_end),
    (0.04, win_over),
    (0.01, end_a_discount),
    (0.01, move_abroad),
    (0.005, change_tenant),
    (0.002, delete_owner),
)


def change_something(world: World, sub: Subscription) -> None:
    """At most one change at a time, by its odds per month."""
    dice = world.rng.random()
    for odds, change in CHANGES:
        if dice < odds:
            change(world, sub)
            return
        dice -= odds
