"""What has each customer agreed to pay, and how did that change? The rows of a key are its timeline."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.subscriptions import (
    Item,
    PendingUpdate,
    Subscription,
    SubscriptionSeen,
    rank,
    spans,
)
from ledgerstone.ledger.timeline import Course, History, course, repeats
from ledgerstone.projections.histories import told
from ledgerstone.projections.view import Look, Row, View


class SubscriptionRow(Row, frozen=True):
    """A subscription for a time. `items` is JSON, and so is `pending`, an update that is not true yet;
    `plans` are the products on it. `pause_behavior` and `resumes_at` are of a pause of collection,
    `pause_reason` of the status `paused`. `sure` False when messages are missing that would say what its
    state was, or the items are not all of them."""

    id: str
    customer: str
    status: str
    collection_paused: bool
    currency: str
    items: str
    plans: tuple[str, ...]
    started_at: datetime
    trial_end: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    feedback: str | None
    pause_behavior: str | None
    resumes_at: datetime | None
    pause_reason: str | None
    pending: str | None
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


class Subscriptions(View[History[Subscription], Course[Subscription]]):
    """What has each customer agreed to pay, and how did that change?"""

    name = "subscriptions"
    version = 2
    weight = 6
    hears = (SubscriptionSeen,)
    state = History[Subscription]
    row = SubscriptionRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (row.body.id,) if isinstance(row.body, SubscriptionSeen) else ()

    def fold(self, state: History[Subscription] | None, row: Recorded, id: str) -> History[Subscription]:
        return told(state, row, rank)

    def alike(self, held: History[Subscription], now: History[Subscription]) -> bool:
        return repeats(held, now)

    def part(self, id: str, state: History[Subscription], look: Look) -> Course[Subscription]:
        return course(state)

    def rows(self, id: str, part: Course[Subscription]) -> Iterable[SubscriptionRow]:
        for span in spans(part):
            yield _row(id, span.terms, span.sure, span.start, span.end)


def _row(
    id: str, terms: Subscription, sure: bool, valid_from: datetime, valid_to: datetime | None
) -> SubscriptionRow:
    items, plans = _items(terms.items)
    return SubscriptionRow(
        id,
        terms.customer,
        terms.status,
        terms.paused_collection is not None,  # collection_paused
        terms.currency,
        items,
        plans,
        terms.started_at,
        terms.trial_end,
        terms.cancel_at,
        terms.cancel_at_period_end,
        terms.canceled_at,
        terms.ended_at,
        terms.reason,
        terms.feedback,
        terms.paused_collection,  # pause_behavior
        terms.collection_resumes_at,  # resumes_at
        terms.pause_reason,
        None if terms.pending is None else _pending(terms.pending),  # pending
        sure and terms.whole,
        valid_from,
        valid_to,
    )


@lru_cache(1 << 12)
def _items(items: tuple[Item, ...]) -> tuple[str, tuple[str, ...]]:
    """Items as JSON, and the products on them."""
    told = msgspec.json.encode(
        [
            {
                "id": item.id,
                "price": item.price,
                "plan": item.terms.product,
                "quantity": item.quantity,
                "interval": item.terms.interval,
                "interval_count": item.terms.interval_count,
                "unit_amount": item.terms.unit_amount,
            }
            for item in items
        ]
    )
    return told.decode(), tuple(dict.fromkeys([item.terms.product for item in items]))


def _pending(update: PendingUpdate) -> str:
    told: dict[str, Any] = {
        "expires_at": update.expires_at,
        "items": None if update.items is None else msgspec.Raw(_items(update.items)[0]),
        "discounts": update.discounts,
        "trial_end": update.trial_end,
        "cancel_at_period_end": update.cancel_at_period_end,
    }
    return msgspec.json.encode(told).decode()
