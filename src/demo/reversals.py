"""Money that goes back: refunds (one in a while fails), disputes (won, lost), inquiries."""

from msgspec.structs import replace

from ledgerstone.demo import standing
from ledgerstone.demo.clock import DAY, HOUR
from ledgerstone.demo.invoicing import credit
from ledgerstone.demo.records import Cancellation, Dispute, Payment, Refund
from ledgerstone.demo.stripe_shapes.payments import refund as shape
from ledgerstone.demo.world import World

DISPUTE_FEE = 1500
REFUND_REASONS = ("requested_by_customer", "duplicate", "fraudulent")


def consider(world: World, payment: Payment) -> None:
    """Most payments have no afterlife. Refunds are asked for only while they can settle in this history."""
    fate = world.rng.random()
    if fate < 0.03 and world.now < world.end - 40 * DAY:
        world.later(1, 25, refund, payment)
    elif 0.03 <= fate < 0.042:
        world.later(2, 45, dispute, payment)
    elif 0.042 <= fate < 0.046:
        world.later(2, 45, inquire, payment)


def refund(world: World, payment: Payment) -> None:
    """All of it, or a part; some with a credit note."""
    if payment.claimed:
        return
    world.asked()
    payment.claimed = True
    whole = world.chance(0.5) or payment.amount < 4
    amount = payment.amount if whole else world.rng.randrange(1, payment.amount // 2 + 1)
    reason = world.rng.choice(REFUND_REASONS)
    fails, at_once = world.chance(0.12), world.chance(0.6)
    moved = world.move(-amount, 0, payment.currency, payment.id, "refund", "refund")
    status = "succeeded" if at_once or fails else "pending"
    it = Refund(world.ids("re"), payment, amount, world.now, reason, moved.id, status)
    world.transactions[-1] = replace(moved, source=it.id)
    world.refunds.append(it)
    payment.refunded += amount
    world.tell_of(it, "created")
    world.tell_of(payment, "refunded")
    if fails:
        world.later(2, 9, refund_failed, it)
    else:
        finish(world, it, at_once)


def finish(world: World, it: Refund, at_once: bool) -> None:
    invoice = it.payment.invoice
    if not at_once:
        world.later(1, 6, refund_settled, it)
    if world.chance(0.3) and invoice.status == "paid" and invoice.total >= it.amount:
        credit(world, invoice, it.amount, it)


def refund_settled(world: World, it: Refund) -> None:
    world.amend(it, status="succeeded")
    world.tell("charge.refund.updated", shape(it, world.livemode), {"status": "pending"})


def refund_failed(world: World, it: Refund) -> None:
    """The customer's bank sends it back: the money is ours again."""
    payment = it.payment
    moved = world.move(it.amount, 0, payment.currency, it.id, "refund_failure", "refund_failure")
    world.amend(it, "failed", status="failed", failure_transaction=moved.id)
    world.amend(payment, refunded=payment.refunded - it.amount)


def dispute(world: World, payment: Payment) -> None:
    """The bank takes the money and a fee at once, and asks afterwards."""
    if payment.claimed:
        return
    payment.claimed = True
    it = Dispute(world.ids("du"), payment, world.now, "fraudulent", "needs_response")
    moved = world.move(-payment.amount, DISPUTE_FEE, payment.currency, it.id, "adjustment", "dispute")
    it.transactions = (moved,)
    payment.disputed = payment.amount
    world.disputes.append(it)
    world.tell_of(it, "created", "funds_withdrawn")
    world.amend(payment, contested=True)
    world.later(1, 8, answer, it)


def answer(world: World, it: Dispute) -> None:
    """We send our evidence and wait."""
    world.asked()
    world.amend(it, status="under_review", submitted=1)
    world.later(10, 50, won if world.chance(0.4) else lost, it)


def won(world: World, it: Dispute) -> None:
    """The money comes back, with the fee."""
    payment = it.payment
    moved = world.move(
        payment.amount, -DISPUTE_FEE, payment.currency, it.id, "adjustment", "dispute_reversal"
    )
    payment.disputed = 0
    world.amend(it, "closed", "funds_reinstated", status="won", transactions=(*it.transactions, moved))


def lost(world: World, it: Dispute) -> None:
    """The money is gone, and sometimes the subscription with it."""
    world.amend(it, "closed", status="lost")
    sub = it.payment.invoice.subscription
    if world.chance(0.5) and sub.status in ("active", "past_due"):
        standing.end(world, sub, Cancellation("payment_disputed"))


def inquire(world: World, payment: Payment) -> None:
    """A question only: no money moves."""
    if payment.claimed:
        return
    payment.claimed = True
    it = Dispute(world.ids("du"), payment, world.now, "general", "warning_needs_response")
    world.disputes.append(it)
    world.tell_of(it, "created")
    world.amend(payment, contested=True)
    world.at(world.now + 30 * DAY + HOUR, close_inquiry, it)


def close_inquiry(world: World, it: Dispute) -> None:
    world.amend(it, "closed", status="warning_closed")
