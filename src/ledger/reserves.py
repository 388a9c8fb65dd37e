"""Reserves: money of ours that the provider holds back for a time."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact


class ReserveHeld(Fact, frozen=True, tag="reserve-held"):
    """`amount` of our balance is held back, because of `charge` where it is one's."""

    hold: str
    amount: int
    currency: str
    charge: str | None = None
    release_at: datetime | None = None


class ReserveReleased(Fact, frozen=True, tag="reserve-released"):
    """`amount` is ours to use again; `hold` is None where one release frees parts of several."""

    release: str
    amount: int
    currency: str
    hold: str | None = None
    reason: str | None = None
