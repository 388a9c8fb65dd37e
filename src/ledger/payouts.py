"""Payouts: the provider sends what it holds to our bank."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact


class PayoutSent(Fact, frozen=True, tag="payout-sent"):
    """`amount` left the provider's balance for our bank, expected at `arrives_at`; negative: was taken from
    our bank."""

    payout: str
    amount: int
    currency: str
    arrives_at: datetime | None = None


class PayoutFailed(Fact, frozen=True, tag="payout-failed"):
    """The payout came back, or was cancelled: it can do so after it was shown as paid."""

    payout: str
    amount: int
    currency: str
    code: str | None = None
