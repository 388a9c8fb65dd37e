"""Payouts, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Time, Wire


class Payout(Wire, frozen=True):
    id: Id
    status: str
    amount: Amount
    currency: Currency
    created: Time
    arrival_date: Time | None = None
    failure_code: str | None = None
