"""Which subscriptions are there, what is each worth, and how did it come to that?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct

from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads.asked import (
    TENANT,
    List,
    Moment,
    Place,
    Query,
    ask,
    counted,
    known,
    listing,
    relation,
)
from ledgerstone.projections.schedules import Schedules
from ledgerstone.projections.subscriptions import Subscriptions


class Subscription(Struct, frozen=True):
    """A subscription; `mrr` in minor units of `currency` a month, 0 while it does not count, None when not
    all is known. `items` are its lines: id, price, plan, quantity, interval, interval_count, unit_amount.

    While `collection_paused`, invoices are made and not collected: `pause_behavior` says what becomes of them
    (`keep_as_draft`, `mark_uncollectible`, `void`), `resumes_at` when that ends by itself. With the status
    `paused` there are none, for the `pause_reason` that the provider gives. Not `sure`: messages are missing
    that would say what its terms were, or only some of its items were shown."""

    id: str
    customer: str
    tenant: str
    status: str
    collection_paused: bool
    currency: str
    mrr: int | None
    items: Raw
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
    sure: bool


class Chapter(Struct, frozen=True):
    """How a subscription stood for a time, half-open; `mrr` as it was when that time began."""

    status: str
    collection_paused: bool
    mrr: int | None
    items: Raw
    plans: tuple[str, ...]
    trial_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    pause_behavior: str | None
    pause_reason: str | None
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


class Change(Struct, frozen=True, rename={"from_": "from"}):
    """What a subscription is agreed to become: a `phase` with other items from then on (and for how long that
    is agreed), a `pause`, its end (`resume`), or the `end` of the subscription. `discounts` are what will be
    given: a coupon, a promotion code, or a discount that goes on; `proration` is in the provider's words."""

    kind: str
    from_: datetime
    to: datetime | None
    items: Raw | None
    discounts: Raw | None
    trial_end: datetime | None
    proration: str | None
    schedule: str


class SubscriptionDetail(Subscription, frozen=True):
    """A subscription with its timeline. `pending_update` is what it will be once an invoice is paid, if that
    is before its `expires_at`: nothing of it is true yet, and what of it is null stays as it is. `scheduled`
    is what it will be without anybody doing more, from `as_of` on."""

    pending_update: Raw | None
    scheduled: tuple[Change, ...]
    timeline: tuple[Chapter, ...]


def _mrr(during: str) -> str:
    return (
        "(select case when bool_or(m.mrr is null) then null else coalesce(sum(m.mrr), 0)::bigint end"
        f" from {relation(Mrr)} m where m.key = r.customer and m.subscription = r.id and {known('m')}"
        f" and {during})"
    )


AT_ITS_START = "m.valid_from <= r.valid_from and (m.valid_to is null or m.valid_to > r.valid_from)"
COMPUTED = {"tenant": TENANT, "mrr": _mrr(counted("m"))}
COLUMNS = [COMPUTED.get(name, f"r.{name}") for name in Subscription.__struct_fields__]
ITEMS = Subscription.__struct_fields__.index("items")
PLANNED = ("kind", "starts_at", "ends_at", "items", "discounts", "trial_end", "proration", "schedule")
"""The columns of what is agreed on, in the order of a `Change`."""
FILTERS = {
    "status": "r.status = %(status)s",
    "customer": "r.customer = %(customer)s",
    "tenant": f"{TENANT} = %(tenant)s",
    "plan": "%(plan)s = any(r.plans)",
    "currency": "r.currency = %(currency)s",
}
"""What may be asked of a subscription."""


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """A list of subscriptions, those begun last first."""
    return listing(moment, Subscriptions, COLUMNS, FILTERS, given, "started_at", after, limit)


def shape(row: Sequence[Any]) -> Subscription:
    """A row of `rows`."""
    return Subscription(*_with_items(row, ITEMS))


def place(subscription: Subscription) -> Place:
    """Where a subscription stands in the list."""
    return subscription.started_at, subscription.id


LIST = List(rows, shape, place)


def one(moment: Moment, id: str) -> Query:
    """A subscription by its id."""
    text = f"select {', '.join([*COLUMNS, 'r.pending'])} from {relation(Subscriptions)} r"
    return ask(moment, f"{text} where r.key = %(id)s and {known()} and {counted()}", id=id)


def timeline(moment: Moment, id: str) -> Query:
    """All that is known of a subscription's life, in the order of its time."""
    columns = ", ".join(
        _mrr(AT_ITS_START) if name == "mrr" else f"r.{name}" for name in Chapter.__struct_fields__
    )
    where = f"r.key = %(id)s and {known()} order by r.valid_from"
    return ask(moment, f"select {columns} from {relation(Subscriptions)} r where {where}", id=id)


def scheduled(moment: Moment, id: str) -> Query:
    """What was agreed on and still to come at the instant, in the order of its time; nothing of one that had
    ended."""
    columns = ", ".join(f"r.{name}" for name in PLANNED)
    ended = f"s.key = %(id)s and {known('s')} and {counted('s')} and s.ended_at < %(at)s"
    where = (
        f"r.key = %(id)s and {known()} and {counted()} and r.starts_at >= %(at)s"
        f" and not exists (select from {relation(Subscriptions)} s where {ended})"
        " order by r.starts_at, r.kind, r.schedule"
    )
    return ask(moment, f"select {columns} from {relation(Schedules)} r where {where}", id=id)


def detail(
    row: Sequence[Any], chapters: Sequence[Sequence[Any]], changes: Sequence[Sequence[Any]]
) -> SubscriptionDetail:
    """A subscription from the rows of `one`, `timeline` and `scheduled`."""
    at = Chapter.__struct_fields__.index("items")
    timeline = tuple(Chapter(*_with_items(chapter, at)) for chapter in chapters)
    *facts, pending = row
    agreed = tuple(_change(change) for change in changes)
    return SubscriptionDetail(*[*_with_items(facts, ITEMS), _raw(pending), agreed, timeline])


def _change(row: Sequence[Any]) -> Change:
    kind, since, until, items, discounts, *rest = row
    return Change(kind, since, until, _raw(items), _raw(discounts), *rest)


def _with_items(row: Sequence[Any], at: int) -> list[Any]:
    return [*row[:at], _raw(row[at]), *row[at + 1 :]]


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text.encode())
