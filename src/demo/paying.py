"""How bills are paid: by card with retries, by bank transfer in their own time, or not at all."""

from fractions import Fraction

from ledgerstone.demo import reversals, standing
from ledgerstone.demo.clock import DAY
from ledgerstone.demo.invoicing import credit, give_up, void
from ledgerstone.demo.records import Cancellation, Intent, Invoice, Payment
from ledgerstone.demo.stripe_shapes.invoices import invoice_payment
from ledgerstone.demo.stripe_shapes.payments import payment_intent
from ledgerstone.demo.world import World

FAILS_FIRST, FAILS_AGAIN = 0.05, 0.55
RETRY_DAYS = (3, 5, 7)
DECLINES = ("insufficient_funds", "generic_decline", "do_not_honor", "expired_card")


def collect(world: World, invoice: Invoice, sure: bool = False) -> None:
    """Ask for the money in the way that was agreed."""
    if invoice.status != "open":
        return
    if invoice.due_date is not None:
        expect_transfer(world, invoice)
    else:
        charge(world, invoice, sure)


def charge(world: World, invoice: Invoice, sure: bool) -> None:
    """Try the card; the answer comes within two seconds."""
    if invoice.intent is None:
        invoice.intent = intend(world, invoice, invoice.amount_remaining)
    fails = not sure and world.chance(FAILS_AGAIN if invoice.attempts else FAILS_FIRST)
    world.at(world.now + world.rng.choice((0, 0, 1, 2)), failed if fails else succeeded, invoice)


def intend(world: World, invoice: Invoice, amount: int, by_bank: bool = False) -> Intent:
    intent = Intent(world.ids("pi"), invoice, amount, world.now, by_bank)
    world.tell("payment_intent.created", payment_intent(intent, world.livemode))
    return intent


def succeeded(world: World, invoice: Invoice) -> None:
    if invoice.status != "open" or invoice.intent is None:
        return
    payment = take(world, invoice.intent)
    receive(world, invoice, payment, attempts=invoice.attempts + 1)
    reversals.consider(world, payment)


def take(world: World, intent: Intent) -> Payment:
    """The money is ours, less the fee."""
    invoice, card = intent.invoice, None if intent.by_bank else intent.invoice.customer.card
    payment = Payment(world.ids("ch"), intent, intent.amount, world.now, "succeeded", card, None)
    fee = int(Fraction(29, 1000) * payment.amount) + 30 if card else min(500, payment.amount // 200)
    moved = world.move(
        payment.amount, min(fee, payment.amount), payment.currency, payment.id, "charge", "charge"
    )
    payment.transaction = moved.id
    intent.status, intent.latest = "succeeded", payment
    world.payments.append(payment)
    invoice.payments.append(payment)
    world.tell_of(payment, "succeeded")
    world.tell("payment_intent.succeeded", payment_intent(intent, world.livemode))
    return payment


def receive(world: World, invoice: Invoice, payment: Payment, attempts: int) -> None:
    """Apply the payment to the bill; what is too much becomes the customer's credit."""
    applied = min(payment.amount, invoice.amount_remaining)
    first = len([each for each in invoice.payments if each.status == "succeeded"]) == 1
    shown = invoice_payment(world.ids("inpay"), payment, first, world.livemode)
    world.tell("invoice_payment.paid", shown)
    paid, over = invoice.amount_paid + applied, payment.amount - applied
    if over:
        world.amend(invoice, "overpaid", overpaid=invoice.overpaid + over)
        world.amend(invoice.customer, balance=invoice.customer.balance - over)
    elif paid < invoice.amount_due:
        world.amend(invoice, amount_paid=paid, attempts=attempts)
    else:
        invoice_paid(world, invoice, paid, attempts)


def invoice_paid(world: World, invoice: Invoice, paid: int, attempts: int) -> None:
    fields = {"status": "paid", "amount_paid": paid, "attempts": attempts, "paid_at": world.now}
    world.amend(invoice, "paid", "payment_succeeded", next_attempt=None, **fields)
    standing.paid(world, invoice.subscription)


def failed(world: World, invoice: Invoice) -> None:
    """The bank says no. There are three more tries; after them the subscription ends, or stays unpaid."""
    intent, sub = invoice.intent, invoice.subscription
    if invoice.status != "open" or intent is None:
        return
    why = world.rng.choice(DECLINES)
    card = invoice.customer.card
    intent.latest = Payment(world.ids("ch"), intent, intent.amount, world.now, "failed", card, None, why)
    intent.status = "requires_payment_method"
    world.payments.append(intent.latest)
    world.tell_of(intent.latest, "failed")
    world.tell("payment_intent.payment_failed", payment_intent(intent, world.livemode))
    again = next_try(world, invoice)
    world.amend(invoice, "payment_failed", attempts=invoice.attempts + 1, next_attempt=again)
    standing.fall_behind(world, sub)
    if again is None and sub.status == "incomplete":
        first_payment_failed(world, invoice)
    elif again is None:
        last_try_failed(world, invoice)


def next_try(world: World, invoice: Invoice) -> int | None:
    """When Stripe tries again, if it does: never for a first bill or for a subscription that has ended."""
    alive = invoice.subscription.status in ("active", "past_due")
    if not alive or invoice.attempts >= len(RETRY_DAYS):
        return None
    when = world.now + RETRY_DAYS[invoice.attempts] * DAY + world.rng.randrange(3600)
    world.at(when, retry, invoice)
    return when


def retry(world: World, invoice: Invoice) -> None:
    if invoice.subscription.status in ("past_due", "active"):
        collect(world, invoice)
    elif invoice.status == "open":
        world.amend(invoice, next_attempt=None)


def first_payment_failed(world: World, invoice: Invoice) -> None:
    """The customer has 23 hours to try another card."""
    if world.chance(0.4):
        world.at(world.now + world.rng.randrange(600, 20 * 3600), collect, invoice, True)
    else:
        world.at(world.now + 23 * 3600, never_began, invoice)


def never_began(world: World, invoice: Invoice) -> None:
    sub = invoice.subscription
    if sub.status == "incomplete":
        world.amend(sub, status="incomplete_expired", ended_at=world.now)
        void(world, invoice)


def last_try_failed(world: World, invoice: Invoice) -> None:
    sub = invoice.subscription
    if sub.status not in ("past_due", "active"):
        return
    if world.chance(0.65):
        standing.end(world, sub, Cancellation("payment_failed"))
    else:
        standing.leave_unpaid(world, sub)
    if world.chance(0.5):
        give_up(world, invoice)


def expect_transfer(world: World, invoice: Invoice) -> None:
    """What becomes of a bill that was sent: paid, paid in parts, late, twice, credited in part, or never."""
    due = invoice.amount_due
    story = world.rng.choices(
        ("whole", "parts", "half", "late", "never", "twice", "credited"), (60, 10, 6, 9, 5, 4, 6)
    )[0]
    world.at(invoice.due_date or 0, overdue, invoice)
    if story in ("whole", "twice"):
        world.later(4, 28, transfer, invoice, due)
    if story == "twice":
        world.later(29, 34, transfer, invoice, due // 2)
    if story in ("parts", "half"):
        world.later(4, 15, transfer, invoice, due // 2)
    if story == "parts":
        world.later(16, 40, transfer, invoice, due - due // 2)
    if story == "late":
        world.later(35, 60, transfer, invoice, due)
    if story == "credited":
        world.later(1, 4, reduce, invoice, due // 10)
        world.later(5, 28, transfer, invoice, due - due // 10)
    if story == "never":
        world.later(70, 100, write_off, invoice)


def reduce(world: World, invoice: Invoice, amount: int) -> None:
    if invoice.status == "open" and invoice.amount_remaining > amount > 0:
        world.asked()
        credit(world, invoice, amount)


def transfer(world: World, invoice: Invoice, amount: int) -> None:
    """Money by bank; also for a bill that is paid already (then it is too much)."""
    if invoice.status not in ("open", "paid") or invoice.customer.deleted or amount == 0:
        return
    payment = take(world, intend(world, invoice, amount, by_bank=True))
    receive(world, invoice, payment, attempts=invoice.attempts)


def overdue(world: World, invoice: Invoice) -> None:
    if invoice.status == "open":
        world.tell_of(invoice, "overdue")
        standing.fall_behind(world, invoice.subscription)


def write_off(world: World, invoice: Invoice) -> None:
    """Nobody will pay this. The subscription ends with it, if it has not yet."""
    if invoice.status != "open":
        return
    give_up(world, invoice)
    if invoice.subscription.status == "past_due":
        standing.end(world, invoice.subscription, Cancellation("payment_failed"))
