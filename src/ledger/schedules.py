"""Schedules: what a subscription is agreed to become, and when. None of it is true before its time."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from ledgerstone.ledger.fact import Fact, Terms
from ledgerstone.ledger.timeline import TERMINAL, Course

RANK = {
    "not_started": 0,
    "active": 1,
    "released": TERMINAL,
    "completed": TERMINAL + 1,
    "canceled": TERMINAL + 2,
}


class Promise(Terms, frozen=True):
    """A discount that will be given with a coupon or with a code for one, or that was given and goes on."""

    coupon: str | None = None
    code: str | None = None
    discount: str | None = None


class PlannedItem(Terms, frozen=True):
    """One line of what a subscription will be; `price` is an id."""

    price: str
    quantity: int = 1
    discounts: tuple[Promise, ...] = ()


class Phase(Terms, frozen=True):
    """From `start` to `end` a subscription will have these items. `proration` says, in the provider's words,
    what becomes of a period that the change cuts."""

    start: datetime
    end: datetime
    items: tuple[PlannedItem, ...]
    discounts: tuple[Promise, ...] = ()
    trial_end: datetime | None = None
    proration: str | None = None


class PlannedPause(Terms, frozen=True):
    """A subscription will be paused at a time, and resumed at another (None: until somebody says so)."""

    at: datetime
    resumes_at: datetime | None = None


class Schedule(Terms, frozen=True):
    """A schedule at one moment. `subscription` is None until it makes one; `end_behavior` says whether that
    goes on after the last phase (`release`) or ends (`cancel`); `ended_at` when it was completed, cancelled,
    or let go of its subscription."""

    status: str
    created_at: datetime
    phases: tuple[Phase, ...]
    end_behavior: str
    customer: str | None = None
    subscription: str | None = None
    pauses: tuple[PlannedPause, ...] = ()
    ended_at: datetime | None = None


class SubscriptionScheduleSeen(Fact, frozen=True, tag="subscription-schedule-seen"):
    """A message showed a subscription's schedule: changes that are agreed on and not yet true."""

    id: str
    now: Schedule
    before: Schedule | None = None
    first: bool = False
    last: bool = False


class Agreed(Struct, frozen=True, gc=False):
    """A schedule was as in `terms` from `start` to `end` (half-open, None: still)."""

    start: datetime
    end: datetime | None
    terms: Schedule
    sure: bool = True


class Change(Struct, frozen=True, gc=False):
    """Something that is to happen at `at`: a `phase` begins (and lasts until `until`), a `pause` or its end
    (`resume`), or the `end` of the subscription."""

    kind: str
    at: datetime
    until: datetime | None = None
    phase: Phase | None = None


def rank(schedule: Schedule) -> int:
    """Which of two states of one second came later, when the messages do not say."""
    return RANK.get(schedule.status, 1)


def agreements(course: Course[Schedule]) -> tuple[Agreed, ...]:
    """What was agreed, and since when: from the making of the schedule, which ends when it says that it did;
    all else from the provider's messages."""
    first = course.contents[course.steps[0].value]
    marks = [Agreed(min(first.created_at, course.steps[0].at), None, course.before or first)]
    for step in course.steps:
        terms = course.contents[step.value]
        start = step.at if terms.ended_at is None else min(step.at, max(terms.ended_at, terms.created_at))
        while marks and marks[-1].start >= start:
            marks.pop()
        if not marks or (marks[-1].terms, marks[-1].sure) != (terms, step.sure):
            marks.append(Agreed(start, None, terms, step.sure))
    ends = [*(mark.start for mark in marks[1:]), None]
    return tuple(Agreed(m.start, end, m.terms, m.sure) for m, end in zip(marks, ends, strict=True))


def changes(schedule: Schedule) -> Iterator[Change]:
    """What a schedule says will happen; one that has ended says nothing any more."""
    if rank(schedule) >= TERMINAL:
        return
    for phase in schedule.phases:
        yield Change("phase", phase.start, phase.end, phase)
    for pause in schedule.pauses:
        yield Change("pause", pause.at, pause.resumes_at)
        if pause.resumes_at is not None:
            yield Change("resume", pause.resumes_at)
    if schedule.end_behavior == "cancel" and schedule.phases:
        yield Change("end", max(phase.end for phase in schedule.phases))
