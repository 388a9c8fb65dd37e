"""Charges, payment intents, refunds and disputes, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Page, Ref, Time, Wire


class MethodDetails(Wire, frozen=True):
    type: str | None = None


class Charge(Wire, frozen=True):
    id: Id
    status: str
    captured: bool
    amount: Amount
    amount_captured: Amount
    currency: Currency
    created: Time
    payment_intent: Ref | None = None
    invoice: Ref | None = None  # until 2025-03-31; since then `invoice_payment` links the two
    customer: Ref | None = None
    payment_method_details: MethodDetails | None = None
    failure_code: str | None = None


class PaymentIntent(Wire, frozen=True):
    id: Id
    status: str
    amount: Amount
    currency: Currency
    created: Time
    customer: Ref | None = None
    payment_method_types: tuple[str, ...] = ()


class Refund(Wire, frozen=True):
    id: Id
    amount: Amount
    currency: Currency
    created: Time
    status: str | None = None
    charge: Ref | None = None
    payment_intent: Ref | None = None
    failure_balance_transaction: Ref | None = None


class Refunds(Page, frozen=True, kw_only=True):
    data: tuple[Refund, ...]


class RefundedCharge(Wire, frozen=True):
    """A charge of which money was given back."""

    id: Id
    refunds: Refunds | None = None  # until 2022-11-15


class BalanceTransaction(Wire, frozen=True):
    """Below 0 where money left Stripe's balance."""

    id: Id
    amount: Amount
    currency: Currency
    created: Time


class Dispute(Wire, frozen=True):
    id: Id
    status: str
    amount: Amount
    currency: Currency
    created: Time
    charge: Ref | None = None
    payment_intent: Ref | None = None
    reason: str | None = None
    balance_transactions: tuple[Id | BalanceTransaction, ...] | None = None
