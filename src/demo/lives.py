"""The lives of customers: when they come, stay, leave and come back."""

from ledgerstone.demo import altering, discounts, paying, shop, standing, subscribing
from ledgerstone.demo.catalogue import Coupon, Offer, choose_quantity
from ledgerstone.demo.changes import SWITCHED, change_something, delete, switch
from ledgerstone.demo.newcomers import add_card, join
from ledgerstone.demo.records import Customer, Subscription
from ledgerstone.demo.world import World

WANTED = {  # how many in a hundred-odd arrivals
    "starter-month": 20,
    "pro-month": 20,
    "team-month": 12,
    "scale-month": 8,
    "growth-month": 7,
    "packs-month": 5,
    "bulk-month": 4,
    "lots-month": 3,
    "mail-month": 4,
    "starter-year": 4,
    "pro-year": 5,
    "team-year": 3,
    "pro-quarter": 4,
    "pulse-week": 3,
    "free": 3,
    "enterprise-quarter": 4,
    "enterprise-year": 2,
}


def open_shop(world: World, customers: int) -> None:
    """The catalogue goes up, and every customer's arrival is set: early months see fewer than late ones."""
    world.at(world.start, shop.tell_catalogue)
    world.at(world.start + (world.end - world.start) * 2 // 5, shop.withdraw_coupon, "autumn")
    world.at(world.start + (world.end - world.start) // 3, shop.rename_product)
    for number in range(1, customers + 1):
        share = 0.1 * world.rng.random() if world.chance(0.2) else world.rng.random() ** 0.8
        world.at(world.start + 600 + int((world.end - world.start - 1200) * share), arrive, number)


def arrive(world: World, number: int) -> None:
    """A new customer, with a card (mostly), an organisation (often) and a first subscription."""
    world.asked()
    customer = join(world, number)
    offer = world.catalogue.offers[world.rng.choices(list(WANTED), list(WANTED.values()))[0]]
    cardless = offer.sent or (world.chance(0.05) and not offer.key.startswith("free"))
    if not cardless:
        add_card(world, customer)
    if world.chance(0.06):
        discounts.give_to_customer(
            world, customer, world.catalogue.coupons[world.rng.choice(("vip", "loyal"))]
        )
    trial = (
        14
        if cardless and not offer.sent
        else world.rng.choice((7, 14, 14, 30))
        if trial_wanted(world, offer)
        else 0
    )
    begin(world, customer, offer, trial, checkout=not cardless and world.chance(0.5))
    if world.chance(0.07):
        world.later(5, 120, one_more, customer)


def trial_wanted(world: World, offer: Offer) -> bool:
    return not offer.sent and offer.key not in ("free", "pulse-week") and world.chance(0.3)


def begin(world: World, customer: Customer, offer: Offer, trial: int = 0, checkout: bool = False) -> None:
    """Subscribe, perhaps with coupons, and think it over now and then."""
    quantity = choose_quantity(world.rng, offer)
    coupons = pick_coupons(world, customer)
    on_item = world.catalogue.coupons[world.rng.choice(on_items(customer))] if world.chance(0.06) else None
    sub = subscribing.start(world, customer, offer, quantity, trial, coupons, on_item)
    if checkout:
        subscribing.tell_checkout(world, sub)
    if trial and world.chance(0.3):
        world.later(1, max(2, trial - 2), leave_in_trial, sub)
    world.later(5, 45, think, sub)


def pick_coupons(world: World, customer: Customer) -> list[Coupon]:
    """None for most; one for some; two for a few."""
    keys = ("launch", "partner", "autumn", "welcome", "spring", "pilot", "loyal")
    own = (f"fiver-{customer.currency}", f"tenner-{customer.currency}")
    number = world.rng.choices((0, 1, 2), (65, 29, 6))[0]
    return [world.catalogue.coupons[key] for key in world.rng.sample(keys + own, number)]


def on_items(customer: Customer) -> tuple[str, ...]:
    return "partner", "spring", f"fiver-{customer.currency}"


def leave_in_trial(world: World, sub: Subscription) -> None:
    if sub.status != "trialing":
        return
    if world.chance(0.5):
        altering.cancel_now(world, sub)
    else:
        altering.cancel_at_period_end(world, sub)


def one_more(world: World, customer: Customer) -> None:
    """A second subscription beside the first."""
    if customer.deleted or customer.card is None:
        return
    world.asked()
    begin(
        world,
        customer,
        world.catalogue.offers[world.rng.choice(("starter-month", "mail-month", "packs-month"))],
    )


def think(world: World, sub: Subscription) -> None:
    """About once a month: leave, stay as it is, or change something."""
    if sub.status in standing.ENDED:
        afterwards(world, sub)
        return
    if sub.status == "paused":
        come_to_life(world, sub)
    elif sub.status == "unpaid":
        face_the_bill(world, sub)
    elif sub.status == "trialing" and world.chance(0.2):
        switch(world, sub)
    elif sub.status == "active" and not sub.cancel_at_period_end and sub.pause is None:
        change_something(world, sub)
    world.later(20, 40, think, sub)


def afterwards(world: World, sub: Subscription) -> None:
    """Some come back, some ask to be forgotten, most are not heard of again."""
    customer, fate = sub.customer, world.rng.random()
    if customer.deleted or any(each.status not in standing.ENDED for each in customer.subscriptions):
        return
    if fate < 0.3 and customer.card is not None:
        world.later(10, 150, come_back, customer)
    elif fate < 0.4:
        world.later(5, 60, delete, customer)


def come_back(world: World, customer: Customer) -> None:
    if not customer.deleted:
        world.asked()
        begin(world, customer, world.catalogue.offers[world.rng.choice(SWITCHED[1:])])


def come_to_life(world: World, sub: Subscription) -> None:
    """Paused since its trial: a card is added, or that was it."""
    if world.chance(0.6):
        world.asked()
        add_card(world, sub.customer)
        subscribing.add_card_and_resume(world, sub)
    else:
        altering.cancel_now(world, sub)


def face_the_bill(world: World, sub: Subscription) -> None:
    """Unpaid: some pay what is open, some give up."""
    bills = [each for each in sub.bills if each.status == "open"]
    if bills and world.chance(0.35):
        world.asked()
        paying.collect(world, bills[-1], sure=True)
    elif world.chance(0.3):
        altering.cancel_now(world, sub)
