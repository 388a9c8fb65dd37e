"""The cash that Stripe holds for customers who pay by bank transfer, as Stripe writes it."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Ref, Time, Wire


class Paid(Wire, frozen=True):
    payment_intent: Ref | None = None


class CashTransaction(Wire, frozen=True):
    id: Id
    type: str
    net_amount: Amount
    currency: Currency
    created: Time
    customer: Ref | None = None
    customer_account: Id | None = None
    applied_to_payment: Paid | None = None
    unapplied_from_payment: Paid | None = None
