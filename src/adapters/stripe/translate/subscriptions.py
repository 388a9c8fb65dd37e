"""Subscriptions, with their items, and the discounts that they show in full."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate import discounts
from ledgerstone.adapters.stripe.translate.catalogue import item_price, price_terms
from ledgerstone.adapters.stripe.translate.reading import (
    Told,
    maybe_moment,
    moment,
    observed,
    refetch,
    states,
)
from ledgerstone.adapters.stripe.wire import subscriptions as wire
from ledgerstone.adapters.stripe.wire.catalogue import Discount
from ledgerstone.adapters.stripe.wire.fields import id_of
from ledgerstone.ledger.subscriptions import Item, PendingUpdate, Subscription, SubscriptionSeen


def told(event: Envelope) -> Iterator[Told]:
    """`customer.subscription.*`: the subscription is seen; with more items than are listed, its state is
    known, but not what it is worth."""
    subscription, now, before = states(event, wire.Subscription, _terms)
    seen = SubscriptionSeen(id=subscription.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "subscription", seen)
    yield from refetch(event, "subscription", subscription.id, items=subscription.items)
    yield from discounts.expanded_told(event, _discounts(subscription))
    for item in subscription.items.data:
        yield from discounts.expanded_told(event, item.discounts or ())


def _terms(subscription: wire.Subscription) -> Subscription:
    held, cancellation = subscription.pause_collection, subscription.cancellation_details
    paused = _paused(subscription)
    return Subscription(
        customer=id_of(subscription.customer),
        status=subscription.status,
        currency=subscription.currency.lower(),
        items=tuple([_item(item) for item in subscription.items.data]),
        started_at=moment(subscription.start_date),
        discounts=discounts.ids(_discounts(subscription)),
        paused_collection=held.behavior if held else None,
        cancel_at_period_end=subscription.cancel_at_period_end,
        cancel_at=maybe_moment(subscription.cancel_at),
        canceled_at=maybe_moment(subscription.canceled_at),
        ended_at=maybe_moment(subscription.ended_at),
        trial_end=maybe_moment(subscription.trial_end),
        reason=cancellation.reason if cancellation else None,
        feedback=cancellation.feedback if cancellation else None,
        whole=not subscription.items.has_more,
        collection_resumes_at=maybe_moment(held.resumes_at) if held else None,
        paused_at=maybe_moment(paused.transitioned_at) if paused else None,
        pause_reason=paused.subscription.type if paused and paused.subscription else None,
        pending=_pending(subscription.pending_update),
    )


def _paused(subscription: wire.Subscription) -> wire.Paused | None:
    """Since when and why it is paused; of a pause that is over nothing is kept."""
    details = subscription.status_details
    return details.paused if details and subscription.status == "paused" else None


def _pending(update: wire.PendingUpdate | None) -> PendingUpdate | None:
    if update is None:
        return None
    items = update.subscription_items
    return PendingUpdate(
        expires_at=moment(update.expires_at),
        items=None if items is None else tuple(_item(item) for item in items),
        discounts=None if update.discounts is None else discounts.ids(update.discounts),
        trial_end=maybe_moment(update.trial_end),
        cancel_at_period_end=update.cancel_at_period_end,
    )


def _item(item: wire.Item) -> Item:
    price = item_price(item.price, item.plan)
    return Item(
        id=item.id,
        price=price.id,
        terms=price_terms(price),
        quantity=1 if item.quantity is None else item.quantity,
        discounts=discounts.ids(item.discounts),
    )


def _discounts(subscription: wire.Subscription) -> tuple[str | Discount, ...]:
    if subscription.discounts is None and subscription.discount is not None:
        return (subscription.discount,)
    return subscription.discounts or ()
