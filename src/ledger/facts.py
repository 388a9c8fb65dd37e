"""Every fact there is, by its tag; and the one that corrects another, which can hold any that is read."""

from datetime import datetime
from typing import get_args

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.catalogue import CouponSeen, DiscountSeen, PriceSeen, ProductSeen
from ledgerstone.ledger.connect import (
    AccountAuthorized,
    AccountDeauthorized,
    CapabilitySeen,
    ConnectedAccountSeen,
)
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.customer_balances import (
    CustomerBalanceSeen,
    CustomerCashChanged,
    CustomerCashTransferred,
)
from ledgerstone.ledger.customers import CustomerDetails, CustomerSeen
from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    EvidenceRead,
    FactConflict,
    MessageRefused,
    RefetchWanted,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.fx import FxRatePublished
from ledgerstone.ledger.invoices import (
    InvoiceIssued,
    InvoiceOverpaid,
    InvoiceSeen,
    InvoiceVoided,
    InvoiceWrittenOff,
)
from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    PaidElsewhere,
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
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.platform import (
    ConnectedTransferMade,
    ConnectedTransferReversed,
    PlatformFeeEarned,
    PlatformFeeRefunded,
)
from ledgerstone.ledger.reserves import ReserveHeld, ReserveReleased
from ledgerstone.ledger.schedules import SubscriptionScheduleSeen
from ledgerstone.ledger.subscriptions import SubscriptionSeen
from ledgerstone.ledger.topups import TopUpFailed, TopUpReceived, TopUpReversed, TopUpStarted
from ledgerstone.ledger.transfers import (
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
    TransferUnassigned,
)

Correctable = (
    RefetchWanted
    | CustomerSeen
    | CustomerDetails
    | ProductSeen
    | PriceSeen
    | CouponSeen
    | DiscountSeen
    | SubscriptionSeen
    | SubscriptionScheduleSeen
    | InvoiceSeen
    | InvoiceIssued
    | InvoiceVoided
    | InvoiceWrittenOff
    | InvoiceOverpaid
    | CreditNoteIssued
    | CreditNoteVoided
    | CustomerBalanceSeen
    | CustomerCashChanged
    | CustomerCashTransferred
    | PaymentSeen
    | PaymentReceived
    | PaymentFailed
    | PaymentApplied
    | PaidElsewhere
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
    | BalanceTransactionSeen
    | TransferReceived
    | TopUpStarted
    | TopUpReceived
    | TopUpFailed
    | TopUpReversed
    | ReserveHeld
    | ReserveReleased
    | PlatformFeeEarned
    | PlatformFeeRefunded
    | ConnectedTransferMade
    | ConnectedTransferReversed
    | ConnectedAccountSeen
    | CapabilitySeen
    | AccountAuthorized
    | AccountDeauthorized
    | FxRatePublished
)
"""What is read from evidence, and so may have been read wrongly."""


class Superseded(Fact, frozen=True, kw_only=True, tag="superseded"):
    """The fact named `first` was told wrongly: what was in force until now, as it happened at `was_at`, and
    what is in force from here on. The first `undone` movements of this row undo those of what was in force;
    the rest are those of what is."""

    first: str
    was: Correctable
    was_at: datetime
    now: Correctable
    undone: int = 0


AnyFact = (
    StripeEventHeard
    | StripeObjectListed
    | EvidenceRead
    | EvidenceConflict
    | EvidenceConfirmed
    | FactConflict
    | MessageRefused
    | Superseded
    | TransferAssigned
    | TransferUnassigned
    | TransferIgnored
    | TransferReturned
    | PeriodClosed
    | PeriodReopened
    | Correctable
)


def tag(fact: type[Fact]) -> str:
    """The stable name under which a fact is stored."""
    return str(fact.__struct_config__.tag)


BY_TAG: dict[str, type[Fact]] = {tag(fact): fact for fact in get_args(AnyFact)}
