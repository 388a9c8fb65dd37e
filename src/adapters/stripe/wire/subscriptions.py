"""Subscriptions and their items, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.catalogue import Discount, Plan, Price
from ledgerstone.adapters.stripe.wire.fields import Count, Currency, Id, Page, Ref, Time, Wire


class Item(Wire, frozen=True):
    """`quantity` is absent where usage is metered."""

    id: Id
    price: Price | None = None
    plan: Plan | None = None  # instead of the price until 2020-08-27, and beside it since
    quantity: Count | None = None
    discounts: tuple[Id | Discount, ...] | None = None


class Items(Page, frozen=True, kw_only=True):
    data: tuple[Item, ...]


class PauseCollection(Wire, frozen=True):
    behavior: str
    resumes_at: Time | None = None


class PauseReason(Wire, frozen=True):
    type: str | None = None


class Paused(Wire, frozen=True):
    """Since 2026-09-30; before, only the end of a trial without a means of payment led here."""

    subscription: PauseReason | None = None
    transitioned_at: Time | None = None


class StatusDetails(Wire, frozen=True):
    paused: Paused | None = None


class PendingUpdate(Wire, frozen=True):
    expires_at: Time
    subscription_items: tuple[Item, ...] | None = None
    discounts: tuple[Id | Discount, ...] | None = None
    trial_end: Time | None = None
    cancel_at_period_end: bool | None = None


class CancellationDetails(Wire, frozen=True):
    reason: str | None = None
    feedback: str | None = None


class Subscription(Wire, frozen=True):
    id: Id
    customer: Ref
    status: str
    currency: Currency
    items: Items
    start_date: Time
    discounts: tuple[Id | Discount, ...] | None = None
    discount: Discount | None = None  # until 2025-03-31
    pause_collection: PauseCollection | None = None
    pending_update: PendingUpdate | None = None
    status_details: StatusDetails | None = None
    cancel_at_period_end: bool = False
    cancel_at: Time | None = None
    canceled_at: Time | None = None
    ended_at: Time | None = None
    trial_end: Time | None = None
    cancellation_details: CancellationDetails | None = None
