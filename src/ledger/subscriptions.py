"""Subscriptions: what a customer has agreed to pay, again and again."""

from datetime import datetime

from msgspec import Struct

from ledgerstone.ledger.catalogue import Price
from ledgerstone.ledger.fact import Fact, Terms
from ledgerstone.ledger.timeline import TERMINAL, Course

RANK = {
    "incomplete": 0,
    "trialing": 1,
    "active": 2,
    "past_due": 3,
    "unpaid": 4,
    "paused": 5,
    "incomplete_expired": TERMINAL,
    "canceled": TERMINAL + 1,
}


class Item(Terms, frozen=True):
    """One line of a subscription; `price` is its id, `terms` what that price says (without its tiers)."""

    id: str
    price: str
    terms: Price
    quantity: int = 1
    discounts: tuple[str, ...] = ()


class Subscription(Terms, frozen=True):
    """A subscription at one moment. `paused_collection` is the behaviour set while invoices are held back;
    `reason` and `feedback` say why it was cancelled, in the provider's words. `whole` False: the message
    listed the first items only, and what the subscription is worth is not known."""

    customer: str
    status: str
    currency: str
    items: tuple[Item, ...]
    started_at: datetime
    discounts: tuple[str, ...] = ()
    paused_collection: str | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    trial_end: datetime | None = None
    reason: str | None = None
    feedback: str | None = None
    whole: bool = True


class SubscriptionSeen(Fact, frozen=True, tag="subscription-seen"):
    """A message showed a subscription; `before` when it says what changed, `last` when it ended."""

    id: str
    now: Subscription
    before: Subscription | None = None
    first: bool = False
    last: bool = False


class Span(Struct, frozen=True, gc=False):
    """A subscription was as in `terms` from `start` to `end` (half-open, None: still)."""

    start: datetime
    end: datetime | None
    terms: Subscription
    sure: bool = True


def rank(subscription: Subscription) -> int:
    """Which of two states of one second came later, when the messages do not say."""
    return RANK.get(subscription.status, 2)


def spans(course: Course[Subscription]) -> tuple[Span, ...]:
    """The life of a subscription, from its own dates where it has them: it begins at `started_at`, leaves
    its trial at `trial_end`, ends at `ended_at`; else when the provider made the message. What was true
    before the first message is what that message says it was, or else the same."""
    first = course.contents[course.steps[0].value]
    marks = [Span(min(first.started_at, course.steps[0].at), None, course.before or first)]
    for step in course.steps:
        terms = course.contents[step.value]
        start = _effective(step.at, terms, marks[-1].terms)
        while marks and marks[-1].start > start:
            marks.pop()
        marks.append(Span(start, None, terms, step.sure))
    ends = [*(mark.start for mark in marks[1:]), None]
    return tuple(
        Span(span.start, end, span.terms, span.sure)
        for span, end in zip(marks, ends, strict=True)
        if end is None or span.start < end
    )


def _effective(at: datetime, terms: Subscription, held: Subscription) -> datetime:
    if terms.ended_at is not None and terms.status in ("canceled", "incomplete_expired"):
        return max(terms.ended_at, terms.started_at)
    left_trial = held.status == "trialing" and terms.status in ("active", "past_due")
    if left_trial and terms.trial_end is not None and terms.trial_end < at:
        return terms.trial_end
    return at
