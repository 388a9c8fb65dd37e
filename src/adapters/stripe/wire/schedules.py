"""Subscription schedules and their phases, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Count, Id, Ref, Time, Wire


class Promise(Wire, frozen=True):
    coupon: Ref | None = None
    discount: Ref | None = None
    promotion_code: Ref | None = None


class Item(Wire, frozen=True):
    """`quantity` is absent where usage is metered."""

    price: Ref | None = None
    plan: Ref | None = None  # instead of the price until 2020-08-27, and beside it since
    quantity: Count | None = None
    discounts: tuple[Promise, ...] | None = None


class Phase(Wire, frozen=True):
    start_date: Time
    end_date: Time
    items: tuple[Item, ...] | None = None
    plans: tuple[Item, ...] | None = None  # until 2020-08-27
    discounts: tuple[Promise, ...] | None = None
    coupon: Ref | None = None  # until 2025-03-31
    proration_behavior: str | None = None
    trial: bool | None = None
    trial_end: Time | None = None


class Progress(Wire, frozen=True):
    """How far a pause or its end has come: `scheduled`, `succeeded`, `error` …"""

    type: str | None = None


class Pause(Wire, frozen=True):
    pause_at: Time
    status: Progress | None = None


class Resume(Wire, frozen=True):
    resume_at: Time
    status: Progress | None = None


class PauseSchedule(Wire, frozen=True):
    """Since 2026-09-30."""

    pause: Pause
    resume: Resume | None = None


class Schedule(Wire, frozen=True):
    """`subscription` is null before there is one, and again when it was released."""

    id: Id
    status: str
    created: Time
    phases: tuple[Phase, ...]
    end_behavior: str
    customer: Ref | None = None
    subscription: Ref | None = None
    released_subscription: Ref | None = None
    pause_schedules: tuple[PauseSchedule, ...] | None = None
    canceled_at: Time | None = None
    completed_at: Time | None = None
    released_at: Time | None = None
