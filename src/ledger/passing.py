"""What of a payment was passed on to connected accounts: was it theirs, or a share of what we sold?

A transfer to a connected account that names its charge is of that payment. What of the payment was used on no
invoice of ours was received for the other, and passing it on settles that (`theirs`); what is more than
that is a share of what we sold, and a cost (`shared`). A transfer that names no charge, or is in another
currency than the payment, waits: nobody tells of what it is.

Pure functions of what happened by the end of a day, in whichever order it was told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.platform import ConnectedTransferMade, ConnectedTransferReversed
from ledgerstone.ledger.recognition import Standing
from ledgerstone.ledger.recorded import Recorded

HEARD: tuple[type[Fact], ...] = (
    PaymentReceived,
    PaymentApplied,
    ConnectedTransferMade,
    ConnectedTransferReversed,
)
"""The facts that this asks for."""

Days = Mapping[date, int]
"""What changed on each day, minor units."""


class Passed(Struct, frozen=True):
    """A payment of which something was passed on: what was `received`, `applied` to invoices of ours, and
    `passed` on, by day."""

    payment: str
    currency: str
    received: Days
    applied: Days
    passed: Days

    def at(self, day: date) -> Standing:
        """What was theirs and what was shared by the end of a day; nothing before it is told as received."""
        received, applied, passed = (_upto(each, day) for each in (self.received, self.applied, self.passed))
        if not received:
            return Standing()
        theirs = min(passed, max(received - applied, 0))
        return Standing(theirs=theirs, shared=passed - theirs)

    def days(self) -> list[date]:
        """The days on which it changed."""
        return sorted({*self.received, *self.applied, *self.passed})


def passed(rows: Iterable[Recorded]) -> list[Passed]:
    """Payments of which something was passed on, by rows in force (`corrections.corrected`)."""
    received: dict[str, tuple[PaymentReceived, date]] = {}
    applied: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    made: dict[str, ConnectedTransferMade] = {}
    moved: list[tuple[str, date, int]] = []
    for row in rows:
        day = day_of(row.happened_at)
        match row.body:
            case PaymentReceived(charge=charge) as told:
                received[charge] = told, day
            case PaymentApplied(payment=payment, currency=currency, amount=amount):
                applied[payment, currency][day] += amount
            case ConnectedTransferMade(transfer=transfer, amount=amount) as told_of:
                made[transfer] = told_of
                moved.append((transfer, day, amount))
            case ConnectedTransferReversed(transfer=transfer, amount=amount):
                moved.append((transfer, day, -amount))
            case _:
                pass
    return _passed(received, applied, _by_charge(made, moved))


def _by_charge(
    made: Mapping[str, ConnectedTransferMade], moved: Iterable[tuple[str, date, int]]
) -> dict[tuple[str, str], Counter[date]]:
    """What was passed on of each charge, by currency too."""
    found: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    for transfer, day, amount in moved:
        told = made.get(transfer)
        if told is not None and told.charge is not None:
            found[told.charge, told.currency][day] += amount
    return found


def _passed(
    received: Mapping[str, tuple[PaymentReceived, date]],
    applied: Mapping[tuple[str, str], Counter[date]],
    by_charge: Mapping[tuple[str, str], Counter[date]],
) -> list[Passed]:
    """By payment: a payment may have several charges."""
    came: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    went: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    for charge, (told, day) in received.items():
        came[told.payment, told.currency][day] += told.amount
        if (charge, told.currency) in by_charge:
            went[told.payment, told.currency].update(by_charge[charge, told.currency])
    return [
        Passed(*cell, came[cell], applied.get(cell, {}), days) for cell, days in sorted(went.items()) if days
    ]


def _upto(days: Days, day: date) -> int:
    return sum(amount for on, amount in days.items() if on <= day)
