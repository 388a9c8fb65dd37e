"""Subscriptions: what a customer has agreed to pay, again and again."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

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


AFTER_A_TRIAL = ("active", "past_due", "unpaid", "paused")
"""What a subscription becomes when its trial is over and it goes on."""


class Item(Terms, frozen=True):
    """One line of a subscription; `price` is its id, `terms` what that price says (without its tiers)."""

    id: str
    price: str
    terms: Price
    quantity: int = 1
    discounts: tuple[str, ...] = ()


class PendingUpdate(Terms, frozen=True):
    """What a subscription will be once an invoice is paid, if that is before `expires_at`; until then nothing
    of it is true. `items` and `discounts` are None where they stay as they are."""

    expires_at: datetime
    items: tuple[Item, ...] | None = None
    discounts: tuple[str, ...] | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool | None = None


class Subscription(Terms, frozen=True):
    """A subscription at one moment. `reason` and `feedback` say why it was cancelled, in the provider's
    words. `whole` False: the message listed the first items only, and what it is worth is not known.

    There are two kinds of pauses. While collection is paused, invoices are made and not collected:
    `paused_collection` is what becomes of them (kept as drafts, void, uncollectible), `collection_resumes_at`
    when that ends by itself. And the subscription may have the status `paused`, and then makes none: since
    `paused_at`, for `pause_reason` in the provider's words, until it is resumed."""

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
    collection_resumes_at: datetime | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    pending: PendingUpdate | None = None


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
    its trial at `trial_end`, is paused at `paused_at`, ends at `ended_at`; else when the provider made the
    message. What was true before the first message is what that message says it was, or else the same. And
    without any message its collection resumes, and a pending update expires, at the time that was told."""
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
        part
        for span, end in zip(marks, ends, strict=True)
        if end is None or span.start < end
        for part in _aged(Span(span.start, end, span.terms, span.sure))
    )


def _effective(at: datetime, terms: Subscription, held: Subscription) -> datetime:
    if terms.ended_at is not None and terms.status in ("canceled", "incomplete_expired"):
        return max(terms.ended_at, terms.started_at)
    left_trial = held.status == "trialing" and terms.status in AFTER_A_TRIAL
    if left_trial and terms.trial_end is not None and terms.trial_end < at:
        return terms.trial_end
    if terms.status == "paused" != held.status and terms.paused_at is not None:
        return min(at, max(terms.paused_at, terms.started_at))
    return at


def _aged(span: Span) -> Iterable[Span]:
    """A span in parts, cut where time alone ends what its terms say; few have such an end."""
    terms = span.terms
    ends = terms.ended_at is None and (terms.paused_collection is not None or terms.pending is not None)
    return _cut(span, _endings(terms)) if ends else (span,)


def _cut(span: Span, endings: Iterable[tuple[datetime, dict[str, Any]]]) -> Iterator[Span]:
    start, terms = span.start, span.terms
    for at, gone in endings:
        if span.end is not None and at >= span.end:
            break
        if at > start:
            yield Span(start, at, terms, span.sure)
            start = at
        terms = replace(terms, **gone)
    yield Span(start, span.end, terms, span.sure)


def _endings(terms: Subscription) -> list[tuple[datetime, dict[str, Any]]]:
    found: list[tuple[datetime, dict[str, Any]]] = []
    if terms.paused_collection is not None and terms.collection_resumes_at is not None:
        resumed = {"paused_collection": None, "collection_resumes_at": None}
        found.append((terms.collection_resumes_at, resumed))
    if terms.pending is not None:
        found.append((terms.pending.expires_at, {"pending": None}))
    return sorted(found, key=itemgetter(0))
