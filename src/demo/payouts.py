"""Every Monday Stripe sends what it holds for us to our bank; once in a while the bank refuses."""

from ledgerstone.demo.clock import DAY, HOUR, WEEK
from ledgerstone.demo.records import Payout
from ledgerstone.demo.stripe_shapes.payments import balance
from ledgerstone.demo.world import World

MONDAY = 4 * DAY + 9 * HOUR  # 1970-01-05, nine o'clock


def begin(world: World) -> None:
    """From the first Monday on."""
    first = MONDAY + -(-(world.start - MONDAY) // WEEK) * WEEK
    world.at(first, monday, 1)


def monday(world: World, week: int) -> None:
    held = {currency: amount for currency, amount in world.balance.items() if amount > 0}
    if held:
        world.tell("balance.available", balance(held, world.livemode))
    for currency, amount in held.items():
        send(world, currency, amount, fails=week % 17 == 9)
    world.at(world.now + WEEK, monday, week + 1)


def send(world: World, currency: str, amount: int, fails: bool) -> None:
    id = world.ids("po")
    moved = world.move(-amount, 0, currency, id, "payout", "payout")
    payout = Payout(id, amount, currency, world.now, (world.now // DAY + 2) * DAY, moved.id)
    world.payouts.append(payout)
    world.tell_of(payout, "created")
    world.at(world.now + DAY, leave, payout)
    world.at(world.now + 2 * DAY, arrive, payout)
    if fails:
        world.at(world.now + 4 * DAY, bounce, payout)


def leave(world: World, payout: Payout) -> None:
    world.amend(payout, status="in_transit")


def arrive(world: World, payout: Payout) -> None:
    """`paid` is a forecast: the bank may still refuse."""
    payout.status, payout.reconciliation = "paid", "completed"
    world.tell_of(payout, "paid", "reconciliation_completed")


def bounce(world: World, payout: Payout) -> None:
    """The bank refused; the money is at Stripe again."""
    moved = world.move(payout.amount, 0, payout.currency, payout.id, "payout_failure", "payout_reversal")
    payout.status, payout.failure_transaction = "failed", moved.id
    world.tell_of(payout, "failed")
