"""Payments: money asked for and received by card or debit, given back, and disputed.

A payment is known by its intent's id, or by its charge's where there is no intent."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact, Terms
from ledgerstone.ledger.timeline import TERMINAL

RANK = {
    "requires_payment_method": 0,
    "requires_confirmation": 1,
    "requires_action": 2,
    "processing": 3,
    "requires_capture": 4,
    "canceled": TERMINAL,
    "succeeded": TERMINAL + 1,
}


class Payment(Terms, frozen=True):
    """An attempt to be paid `amount`, at one moment; `method` is card, sepa_debit …"""

    status: str
    amount: int
    currency: str
    created_at: datetime
    customer: str | None = None
    method: str | None = None


class PaymentSeen(Fact, frozen=True, tag="payment-seen"):
    """A message showed a payment."""

    id: str
    now: Payment
    before: Payment | None = None
    first: bool = False
    last: bool = False


class PaymentReceived(Fact, frozen=True, tag="payment-received"):
    """A charge was captured: the provider holds `amount` for us."""

    charge: str
    payment: str
    amount: int
    currency: str
    customer: str | None = None
    method: str | None = None


class PaymentFailed(Fact, frozen=True, tag="payment-failed"):
    """A charge was declined, with the provider's `code`. No money moved."""

    charge: str
    payment: str
    amount: int
    currency: str
    customer: str | None = None
    method: str | None = None
    code: str | None = None


class PaymentApplied(Fact, frozen=True, tag="payment-applied"):
    """`amount` of a payment was used for an invoice."""

    invoice: str
    payment: str
    amount: int
    currency: str


class PaidElsewhere(Fact, frozen=True, tag="paid-elsewhere"):
    """The provider was told that `amount` of an invoice was paid outside of it. The money itself is not found
    by that: it comes as a bank transfer, or in cash. `payment` is the provider's record, if there is one.

    Older messages tell it once for the whole invoice, newer ones record by record. With the first record it
    is said under the name of the whole that it is told `in_parts`, which takes the place of what the whole
    came to (`corrections.outgrown`)."""

    invoice: str
    amount: int
    currency: str
    payment: str | None = None
    in_parts: bool = False


class Refund(Terms, frozen=True):
    """A refund at one moment; `returned` when it had left the provider's balance and came back."""

    status: str
    amount: int
    currency: str
    returned: bool = False


class RefundSeen(Fact, frozen=True, tag="refund-seen"):
    """A message showed a refund of a payment: what it was at which time. What it moved, and that only once,
    is said by the facts that follow."""

    id: str
    payment: str
    now: Refund
    before: Refund | None = None
    first: bool = False
    last: bool = False


class RefundRequested(Fact, frozen=True, tag="refund-requested"):
    """The customer is to have `amount` back."""

    refund: str
    payment: str
    amount: int
    currency: str
    charge: str | None = None


class RefundSettled(Fact, frozen=True, tag="refund-settled"):
    """The refund left the provider's balance."""

    refund: str
    payment: str
    amount: int
    currency: str


class RefundFailed(Fact, frozen=True, tag="refund-failed"):
    """The refund did not reach the customer, or was cancelled: we do not owe it as a refund any more.
    `returned` is what had left the provider's balance and came back (0 or the amount)."""

    refund: str
    payment: str
    amount: int
    currency: str
    returned: int = 0


class DisputeOpened(Fact, frozen=True, tag="dispute-opened"):
    """A customer's bank asks about a payment. An inquiry moves no money, and no money moves here."""

    dispute: str
    payment: str
    amount: int
    currency: str
    reason: str | None = None


class DisputeFundsWithdrawn(Fact, frozen=True, tag="dispute-funds-withdrawn"):
    """The disputed amount was taken out of the provider's balance."""

    dispute: str
    payment: str
    amount: int
    currency: str


class DisputeFundsReinstated(Fact, frozen=True, tag="dispute-funds-reinstated"):
    """The disputed amount was put back: the dispute was won, or ended early. It may be a part, where the
    payment had been refunded in part; what was lost is the rest."""

    dispute: str
    payment: str
    amount: int
    currency: str


class DisputeLost(Fact, frozen=True, tag="dispute-lost"):
    """The bank decided for the customer: what was withdrawn and not put back is gone."""

    dispute: str
    payment: str
    amount: int
    currency: str


REFUND_RANK = {
    "pending": 0,
    "requires_action": 1,
    "succeeded": 2,
    "canceled": TERMINAL,
    "failed": TERMINAL + 1,
}


def refund_rank(refund: Refund) -> int:
    """Which of two states of one second came later, when the messages do not say."""
    return REFUND_RANK.get(refund.status, 0)


def rank(payment: Payment) -> int:
    """Which of two states of one second came later, when the messages do not say."""
    return RANK.get(payment.status, 0)
