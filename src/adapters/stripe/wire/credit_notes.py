"""Credit notes, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Ref, Time, Wire
from ledgerstone.adapters.stripe.wire.invoices import Tax


class WholeRefund(Wire, frozen=True):
    """A refund, where only its id could stand: then it says its amount."""

    id: Id
    amount: Amount


class CreditedRefund(Wire, frozen=True):
    """Of a payment that was recorded and not made at Stripe, there is no refund with an id."""

    amount_refunded: Amount
    refund: Ref | None = None


class BalanceTransaction(Wire, frozen=True):
    """A change of the customer's balance, which is below 0 where the customer has credit."""

    id: Id
    amount: Amount


class CreditNote(Wire, frozen=True):
    id: Id
    invoice: Ref
    currency: Currency
    created: Time
    amount: Amount
    status: str
    total: Amount | None = None
    type: str | None = None
    pre_payment_amount: Amount | None = None  # since 2025-03-31
    post_payment_amount: Amount | None = None  # since 2025-03-31
    refunds: tuple[CreditedRefund, ...] | None = None  # since 2025-03-31
    refund: Id | WholeRefund | None = None  # until 2025-03-31
    out_of_band_amount: Amount | None = None
    customer_balance_transaction: Id | BalanceTransaction | None = None
    total_taxes: tuple[Tax, ...] | None = None
    tax_amounts: tuple[Tax, ...] | None = None  # until 2025-03-31
    customer: Ref | None = None
    customer_account: Id | None = None
    voided_at: Time | None = None
