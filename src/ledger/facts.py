"""Every fact there is, by its tag."""

from typing import get_args

from ledgerstone.ledger.catalogue import CouponSeen, DiscountSeen, PriceSeen, ProductSeen
from ledgerstone.ledger.customers import CustomerDetails, CustomerSeen
from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    FactConflict,
    MessageRefused,
    RefetchWanted,
    StripeEventHeard,
)
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceSeen, InvoiceVoided, InvoiceWrittenOff
from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    PaymentApplied,
    PaymentFailed,
    PaymentReceived,
    PaymentSeen,
    RefundFailed,
    RefundRequested,
    RefundSeen,
    RefundSettled,
)
from ledgerstone.ledger.payouts import PayoutFailed, PayoutSent
from ledgerstone.ledger.subscriptions import SubscriptionSeen

AnyFact = (
    StripeEventHeard
    | EvidenceConflict
    | EvidenceConfirmed
    | FactConflict
    | MessageRefused
    | RefetchWanted
    | CustomerSeen
    | CustomerDetails
    | ProductSeen
    | PriceSeen
    | CouponSeen
    | DiscountSeen
    | SubscriptionSeen
    | InvoiceSeen
    | InvoiceIssued
    | InvoiceVoided
    | InvoiceWrittenOff
    | PaymentSeen
    | PaymentReceived
    | PaymentFailed
    | PaymentApplied
    | RefundSeen
    | RefundRequested
    | RefundSettled
    | RefundFailed
    | DisputeOpened
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeLost
    | PayoutSent
    | PayoutFailed
)


def tag(fact: type[Fact]) -> str:
    """The stable name under which a fact is stored."""
    return str(fact.__struct_config__.tag)


BY_TAG: dict[str, type[Fact]] = {tag(fact): fact for fact in get_args(AnyFact)}
