"""Bills: written as drafts, finalised, made smaller, voided or given up."""

from collections.abc import Iterable
from fractions import Fraction

from msgspec.structs import replace

from ledgerstone.demo.catalogue import gross
from ledgerstone.demo.clock import DAY
from ledgerstone.demo.discounts import in_force, off_the_bill, rounded, take_from_subscription
from ledgerstone.demo.records import CreditNote, Invoice, Item, Line, Refund, Subscription
from ledgerstone.demo.stripe_shapes.invoices import invoice_item
from ledgerstone.demo.world import World


def period_lines(world: World, sub: Subscription, start: int, end: int) -> tuple[Line, ...]:
    """One line per item for a whole period, after discounts. In a trial everything is free."""
    free = sub.status == "trialing"
    asked = [(item, 0 if free else rounded(gross(item.price, item.quantity))) for item in sub.items]
    taken = off_the_bill(asked, in_force(sub, world.now), world.now)
    return tuple(
        Line(
            world.ids("il"),
            f"{item.quantity or 0} × {item.price.nickname}",
            amount,
            item.quantity or 0,
            item.price,
            item.id,
            sub.id,
            start,
            end,
            discounts=off,
        )
        for (item, amount), off in zip(asked, taken, strict=True)
    )


def proration(
    world: World, sub: Subscription, items: Iterable[Item], part: Fraction, sign: int
) -> list[Line]:
    """Lines for the rest of a period: unused time (sign -1) or remaining time (+1), net of discounts."""
    whole = [(item, rounded(gross(item.price, item.quantity))) for item in items]
    held = tuple(each for each in in_force(sub, world.now) if each.coupon.duration != "once")
    said = "Unused time on" if sign < 0 else "Remaining time on"
    lines = []
    for (item, amount), off in zip(whole, off_the_bill(whole, held, world.now), strict=True):
        net = rounded((amount - sum(share for _, share in off)) * part)
        if net:
            text = f"{said} {item.quantity or 0} × {item.price.nickname}"
            line = Line(
                world.ids("il"),
                text,
                sign * net,
                item.quantity or 0,
                item.price,
                item.id,
                sub.id,
                world.now,
                sub.period_end,
                invoice_item=world.ids("ii"),
            )
            lines.append(line)
    return lines


def put_on_next_bill(world: World, sub: Subscription, lines: list[Line]) -> None:
    """Prorations that wait for the renewal."""
    sub.pending = (*sub.pending, *lines)
    for line in lines:
        shown = invoice_item(line, sub.customer.id, sub.currency, sub.tax_rate, world.livemode)
        world.tell("invoiceitem.created", shown)


def write(world: World, sub: Subscription, lines: Iterable[Line], reason: str) -> Invoice:
    """A bill with tax on every line, not yet on the books."""
    rate = sub.tax_rate
    taxed = tuple(
        line if rate is None else replace(line, tax=rounded(Fraction(line.net * rate.percentage, 100)))
        for line in lines
    )
    subtotal, tax = sum(line.amount for line in taxed), sum(line.tax for line in taxed)
    total = sum(line.net for line in taxed) + tax
    return Invoice(
        world.ids("in"),
        sub.customer,
        sub,
        taxed,
        reason,
        world.now,
        sub.period_start,
        sub.period_end,
        sub.customer.address,
        rate,
        in_force(sub, world.now),
        subtotal,
        tax,
        total,
        max(0, total),
        due_date=world.now + 30 * DAY if sub.offer.sent else None,
    )


def draft(world: World, sub: Subscription, lines: Iterable[Line], reason: str) -> Invoice:
    """A bill on the books. Nothing is told yet: the subscription names its latest invoice first."""
    bill = write(world, sub, lines, reason)
    world.invoices.append(bill)
    sub.bills.append(bill)
    return bill


def use_up_once(world: World, sub: Subscription, invoice: Invoice) -> None:
    """A `once` coupon is gone after the first bill that it reduced."""
    used = {each for line in invoice.lines for each, _ in line.discounts if each.coupon.duration == "once"}
    if gone := [each for each in sub.discounts if each in used]:
        take_from_subscription(world, sub, gone)


def finalise(world: World, invoice: Invoice) -> None:
    """From here on its amounts stand. Credit that we owe the customer pays first."""
    owner = invoice.customer
    after = invoice.total + owner.balance
    owner.invoices += 1
    world.amend(
        invoice,
        "finalized",
        status="open",
        number=f"{owner.prefix}-{owner.invoices:04}",
        finalized_at=world.now,
        starting_balance=owner.balance,
        ending_balance=min(0, after),
        amount_due=max(0, after),
    )
    if owner.balance != min(0, after):
        world.amend(owner, balance=min(0, after))
    if invoice.due_date is not None:
        world.tell_of(invoice, "sent")
    if invoice.amount_due == 0:
        settle(world, invoice)


def settle(world: World, invoice: Invoice) -> None:
    """Nothing more is due."""
    world.amend(invoice, "paid", "payment_succeeded", status="paid", paid_at=world.now, next_attempt=None)


def void(world: World, invoice: Invoice) -> None:
    """As if it had not been; credit that it used is given back."""
    world.amend(invoice, "voided", status="void", voided_at=world.now, next_attempt=None)
    used = (invoice.ending_balance or 0) - invoice.starting_balance
    if used and not invoice.customer.deleted:
        world.amend(invoice.customer, balance=invoice.customer.balance - used)


def give_up(world: World, invoice: Invoice) -> None:
    """We do not believe any more that it will be paid."""
    world.amend(
        invoice,
        "marked_uncollectible",
        status="uncollectible",
        uncollectible_at=world.now,
        next_attempt=None,
    )


def credit(world: World, invoice: Invoice, amount: int, refund: Refund | None = None) -> None:
    """Make the bill smaller: before payment what is due, after payment with the refund that goes with it."""
    tax = rounded(Fraction(invoice.tax * amount, invoice.total))
    number = f"{invoice.number}-CN-{len(world.credit_notes) + 1:02}"
    note = CreditNote(world.ids("cn"), number, invoice, amount, tax, world.now, refund)
    world.credit_notes.append(note)
    world.tell_of(note, "created")
    if refund is None:
        left = invoice.amount_due - amount
        world.amend(invoice, credited_before=invoice.credited_before + amount, amount_due=left)
    else:
        world.amend(invoice, credited_after=invoice.credited_after + amount)
