"""Top-ups: money from our bank into the provider's balance."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact


class TopUpStarted(Fact, frozen=True, tag="top-up-started"):
    """The provider was asked to take `amount` from our bank. Nothing has moved yet."""

    top_up: str
    amount: int
    currency: str
    expected_at: datetime | None = None


class TopUpReceived(Fact, frozen=True, tag="top-up-received"):
    """The top-up is in the provider's balance."""

    top_up: str
    amount: int
    currency: str


class TopUpFailed(Fact, frozen=True, tag="top-up-failed"):
    """The top-up did not arrive, or was cancelled before it did: nothing had moved."""

    top_up: str
    amount: int
    currency: str
    code: str | None = None


class TopUpReversed(Fact, frozen=True, tag="top-up-reversed"):
    """A top-up that had arrived went back to our bank."""

    top_up: str
    amount: int
    currency: str
