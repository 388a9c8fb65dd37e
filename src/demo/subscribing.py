"""Subscriptions: how they begin, are billed, and roll over."""

from collections.abc import Sequence

from msgspec.structs import replace

from ledgerstone.demo import discounts, paying, standing
from ledgerstone.demo.catalogue import Coupon, Offer
from ledgerstone.demo.clock import DAY, HOUR, step
from ledgerstone.demo.invoicing import (
    draft,
    finalise,
    period_lines,
    use_up_once,
    void,
    write,
)
from ledgerstone.demo.records import Customer, Invoice, Item, Subscription
from ledgerstone.demo.stripe_shapes.customers import checkout_session
from ledgerstone.demo.stripe_shapes.invoices import upcoming
from ledgerstone.demo.world import World


def make_items(world: World, offer: Offer, currency: str, quantity: int) -> tuple[Item, ...]:
    """One item per price: the quantity is of the last price that counts units (seats, not the base)."""
    prices = offer.prices[currency]
    counted = [price for price in prices if not price.metered][-1]
    return tuple(
        Item(
            world.ids("si"),
            price,
            None if price.metered else quantity if price is counted else 1,
            world.now,
        )
        for price in prices
    )


def period_after(sub: Subscription, cycles: int) -> int:
    """The end of the period that begins so many whole periods after the anchor."""
    price = sub.items[0].price
    return step(sub.anchor, price.interval, (cycles + 1) * price.interval_count)


def start(
    world: World,
    customer: Customer,
    offer: Offer,
    quantity: int,
    trial_days: int = 0,
    coupons: Sequence[Coupon] = (),
    item_coupon: Coupon | None = None,
) -> Subscription:
    """A new subscription with its first bill; with a trial the first bill is of nothing."""
    items = make_items(world, offer, customer.currency, quantity)
    trial_end = world.now + trial_days * DAY if trial_days else None
    sub = Subscription(
        world.ids("sub"),
        customer,
        offer,
        items,
        "trialing" if trial_days else "active",
        world.now,
        trial_end or world.now,
        world.now,
        trial_end or 0,
        trial_start=world.now if trial_days else None,
        trial_end=trial_end,
        tax_rate=world.catalogue.tax_rates.get(customer.address.country),
    )
    sub.period_end = trial_end or period_after(sub, 0)
    give_at_start(world, sub, coupons, item_coupon)
    customer.subscriptions.append(sub)
    world.subscriptions.append(sub)
    begin(world, sub)
    return sub


def give_at_start(
    world: World, sub: Subscription, coupons: Sequence[Coupon], item_coupon: Coupon | None
) -> None:
    owner, (first, *others) = sub.customer, sub.items
    if item_coupon is not None and discounts.suits_item(item_coupon, sub):
        given = discounts.give(world, item_coupon, owner, sub.id, first.id)
        sub.items = (replace(first, discounts=(given,)), *others)
    for coupon in coupons:
        if discounts.suits(coupon, sub):
            sub.discounts = (*sub.discounts, discounts.give(world, coupon, owner, sub.id))


def begin(world: World, sub: Subscription) -> None:
    """Tell of it, bill it, and collect; some are told as incomplete until the card has been charged."""
    first = draft(
        world, sub, period_lines(world, sub, sub.period_start, sub.period_end), "subscription_create"
    )
    sub.latest_invoice = first.id
    careful = first.total + sub.customer.balance > 0 and not sub.offer.sent and world.chance(0.5)
    if careful:
        sub.status = "incomplete"
    world.tell_of(sub, "created")
    world.stir(sub)
    discounts.tell_given(world, [*(each for item in sub.items for each in item.discounts), *sub.discounts])
    first_bill(world, first, sure=not careful)
    expect_renewal(world, sub)
    if sub.trial_end is not None:
        world.at(sub.trial_end - 3 * DAY, trial_will_end, sub)


def first_bill(world: World, invoice: Invoice, sure: bool) -> None:
    """Billed, finalised and charged at once."""
    world.tell_of(invoice, "created")
    use_up_once(world, invoice.subscription, invoice)
    if not invoice.customer.billed:
        world.amend(invoice.customer, billed=True)
    finalise(world, invoice)
    paying.collect(world, invoice, sure)


def tell_checkout(world: World, sub: Subscription) -> None:
    id = world.ids("cs_live" if world.livemode else "cs_test")
    shown = checkout_session(id, sub, sub.bills[0], world.livemode)
    world.tell("checkout.session.completed", shown)


def trial_will_end(world: World, sub: Subscription) -> None:
    if sub.status == "trialing":
        world.tell_of(sub, "trial_will_end")


def expect_renewal(world: World, sub: Subscription) -> None:
    """When this period is over; long periods are announced a week before."""
    world.at(sub.period_end, renew, sub, sub.period_end)
    if sub.period_end - sub.period_start > 80 * DAY:
        world.at(sub.period_end - 7 * DAY, announce, sub, sub.period_end)


def announce(world: World, sub: Subscription, expected: int) -> None:
    """A preview of the next bill, under an id that never becomes an invoice."""
    if sub.status != "active" or sub.period_end != expected or sub.cancel_at_period_end:
        return
    preview = write(world, sub, period_lines(world, sub, expected, expected), "upcoming")
    world.tell("invoice.upcoming", upcoming(preview, world.livemode))


def renew(world: World, sub: Subscription, expected: int) -> None:
    """The period is over: the next begins, or the subscription ends."""
    if sub.status not in ("active", "past_due", "unpaid", "trialing") or sub.period_end != expected:
        return
    if sub.cancel_at_period_end:
        standing.end(world, sub)
    elif sub.status == "trialing" and sub.customer.card is None:
        world.amend(sub, "paused", status="paused", paused_at=world.now)
    else:
        roll(world, sub)


def roll(world: World, sub: Subscription) -> None:
    """The next period, with its bill as a draft for an hour."""
    cycles = 0 if sub.period_end == sub.anchor else sub.cycles + 1
    begins, ends = sub.period_end, period_after(sub, cycles)
    status = "active" if sub.status == "trialing" else sub.status
    was, sub.status = sub.status, status  # the lines ask whether it is a trial still
    lines = (*period_lines(world, sub, begins, ends), *sub.pending)
    bill = draft(world, sub, lines, "subscription_cycle")
    sub.status, sub.pending = was, ()
    world.amend(
        sub, status=status, cycles=cycles, period_start=begins, period_end=ends, latest_invoice=bill.id
    )
    bill.auto_advance = sub.status != "unpaid" and not (sub.pause and sub.pause.behavior == "keep_as_draft")
    world.tell_of(bill, "created")
    use_up_once(world, sub, bill)
    forget_ended(world, sub)
    if bill.auto_advance:
        world.at(world.now + HOUR, bill_now, bill)
    expect_renewal(world, sub)


def forget_ended(world: World, sub: Subscription) -> None:
    """Of the discounts that ended some are taken off the subscription; others stay on it, without effect."""
    ended = [each for each in sub.discounts if each.end is not None and each.end <= world.now]
    if ended and world.chance(0.3):
        discounts.take_from_subscription(world, sub, ended)


def bill_now(world: World, bill: Invoice) -> None:
    """The hour is over. While collection is paused, bills are voided instead."""
    if bill.customer.deleted or bill.status != "draft":
        return
    finalise(world, bill)
    if bill.subscription.pause is not None and bill.status == "open":
        void(world, bill)
    else:
        paying.collect(world, bill)


def bill_at_once(world: World, bill: Invoice) -> None:
    world.tell_of(bill, "created")
    use_up_once(world, bill.subscription, bill)
    finalise(world, bill)
    paying.collect(world, bill)


def add_card_and_resume(world: World, sub: Subscription) -> None:
    """A subscription that paused at the end of its trial goes on: a new period from now."""
    world.asked()
    sub_end = step(world.now, sub.items[0].price.interval, sub.items[0].price.interval_count)
    bill = draft(world, sub, period_lines(world, sub, world.now, sub_end), "subscription_cycle")
    world.amend(
        sub,
        "resumed",
        status="active",
        paused_at=None,
        anchor=world.now,
        cycles=0,
        period_start=world.now,
        period_end=sub_end,
        latest_invoice=bill.id,
    )
    bill_at_once(world, bill)
    expect_renewal(world, sub)
