"""What becomes of a subscription when its bills are paid, or are not."""

from ledgerstone.demo.records import Cancellation, Subscription
from ledgerstone.demo.world import World

ENDED = ("canceled", "incomplete_expired")


def paid(world: World, sub: Subscription) -> None:
    """Money came: whatever was wrong is right again."""
    if sub.status in ("incomplete", "past_due", "unpaid"):
        world.amend(sub, status="active")
    if sub.customer.delinquent and not sub.customer.deleted:
        world.amend(sub.customer, delinquent=False)


def fall_behind(world: World, sub: Subscription) -> None:
    if sub.status == "active":
        world.amend(sub, status="past_due")
    if sub.status == "past_due" and not sub.customer.delinquent:
        world.amend(sub.customer, delinquent=True)


def leave_unpaid(world: World, sub: Subscription) -> None:
    if sub.status == "past_due":
        world.amend(sub, status="unpaid")


def end(world: World, sub: Subscription, why: Cancellation | None = None) -> None:
    """It is over now. A cancellation at the period's end keeps the time at which it was asked for."""
    sub.status, sub.ended_at, sub.pause = "canceled", world.now, None
    sub.canceled_at = sub.canceled_at or world.now
    sub.cancellation = why or sub.cancellation
    world.tell_of(sub, "deleted")
    world.stir(sub)
