"""Platforms: our share of what connected accounts are paid, and money passed on to them."""

from ledgerstone.ledger.fact import Fact


class PlatformFeeEarned(Fact, frozen=True, tag="platform-fee-earned"):
    """`amount` of a payment (or payout) of a connected `account` is ours."""

    fee: str
    amount: int
    currency: str
    account: str | None = None
    charge: str | None = None


class PlatformFeeRefunded(Fact, frozen=True, tag="platform-fee-refunded"):
    """`amount` of a fee was given back to the account that had paid it."""

    refund: str
    fee: str
    amount: int
    currency: str


class ConnectedTransferMade(Fact, frozen=True, tag="connected-transfer-made"):
    """`amount` went out of our balance at the provider into that of a connected `account`; `charge` is the
    payment that it is a share of."""

    transfer: str
    amount: int
    currency: str
    account: str | None = None
    charge: str | None = None


class ConnectedTransferReversed(Fact, frozen=True, tag="connected-transfer-reversed"):
    """`amount` of a transfer came back."""

    reversal: str
    transfer: str
    amount: int
    currency: str
    account: str | None = None
