"""Payouts, top-ups and reserves, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Ref, Time, Wire


class Payout(Wire, frozen=True):
    id: Id
    status: str
    amount: Amount
    currency: Currency
    created: Time
    arrival_date: Time | None = None
    failure_code: str | None = None


class TopUp(Wire, frozen=True):
    id: Id
    status: str
    amount: Amount
    currency: Currency
    created: Time
    expected_availability_date: Time | None = None
    failure_code: str | None = None


class ReleaseSchedule(Wire, frozen=True):
    scheduled_release: Time | None = None
    release_after: Time | None = None


class ReserveHold(Wire, frozen=True):
    id: Id
    amount: Amount
    currency: Currency
    created: Time
    source_charge: Ref | None = None
    release_schedule: ReleaseSchedule | None = None


class ReserveRelease(Wire, frozen=True):
    id: Id
    amount: Amount
    currency: Currency
    created: Time
    released_at: Time | None = None
    reserve_hold: Ref | None = None
    reason: str | None = None
