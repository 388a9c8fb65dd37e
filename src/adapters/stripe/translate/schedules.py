"""Subscription schedules: what subscriptions are agreed to become."""

from collections.abc import Iterable, Iterator

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, observed, states
from ledgerstone.adapters.stripe.wire import schedules as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.schedules import (
    Phase,
    PlannedItem,
    PlannedPause,
    Promise,
    Schedule,
    SubscriptionScheduleSeen,
)

FAILED = "error"
"""What is to be and cannot: it will not happen by itself."""


def told(event: Envelope) -> Iterator[Told]:
    """`subscription_schedule.*`: the schedule is seen."""
    schedule, now, before = states(event, wire.Schedule, _terms)
    seen = SubscriptionScheduleSeen(
        id=schedule.id, now=now, before=before, first=event.first, last=event.last
    )
    yield observed(event, "schedule", seen)


def _terms(schedule: wire.Schedule) -> Schedule:
    ends = (schedule.canceled_at, schedule.completed_at, schedule.released_at)
    return Schedule(
        status=schedule.status,
        created_at=moment(schedule.created),
        phases=tuple(_phase(phase) for phase in schedule.phases),
        end_behavior=schedule.end_behavior,
        customer=maybe_id(schedule.customer),
        subscription=maybe_id(schedule.subscription or schedule.released_subscription),
        pauses=tuple(_pauses(schedule.pause_schedules or ())),
        ended_at=maybe_moment(min((end for end in ends if end is not None), default=None)),
    )


def _phase(phase: wire.Phase) -> Phase:
    items = phase.items if phase.items is not None else phase.plans
    if items is None:
        raise Unusable("data.object.phases: a phase without items")
    discounts = phase.discounts or ()
    if not discounts and phase.coupon is not None:
        discounts = (wire.Promise(coupon=phase.coupon),)
    return Phase(
        start=moment(phase.start_date),
        end=moment(phase.end_date),
        items=tuple(_item(item) for item in items),
        discounts=_promises(discounts),
        trial_end=moment(phase.end_date) if phase.trial else maybe_moment(phase.trial_end),
        proration=phase.proration_behavior,
    )


def _item(item: wire.Item) -> PlannedItem:
    price = item.price or item.plan
    if price is None:
        raise Unusable("data.object.phases: an item has neither price nor plan")
    return PlannedItem(
        price=id_of(price),
        quantity=1 if item.quantity is None else item.quantity,
        discounts=_promises(item.discounts or ()),
    )


def _promises(discounts: Iterable[wire.Promise]) -> tuple[Promise, ...]:
    return tuple(
        Promise(
            coupon=maybe_id(promise.coupon),
            code=maybe_id(promise.promotion_code),
            discount=maybe_id(promise.discount),
        )
        for promise in discounts
    )


def _pauses(schedules: Iterable[wire.PauseSchedule]) -> Iterator[PlannedPause]:
    for each in schedules:
        if not _failed(each.pause):
            resume = None if each.resume is None or _failed(each.resume) else each.resume.resume_at
            yield PlannedPause(at=moment(each.pause.pause_at), resumes_at=maybe_moment(resume))


def _failed(step: wire.Pause | wire.Resume) -> bool:
    return step.status is not None and step.status.type == FAILED
