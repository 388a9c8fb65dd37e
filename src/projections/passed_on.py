"""What was passed on to connected accounts, of which charge, and what came back of it?

Which payment that is of, and what of it was theirs or a share, is worked out by whoever reads
(`reads.closed_lines`): nearly all payments are never passed on, so nothing is kept of those."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.platform import ConnectedTransferMade, ConnectedTransferReversed
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Row, View


class Moved(Struct, frozen=True, array_like=True, order=True, gc=False):
    """What a transfer, or a reversal (`id`) of it, moved."""

    at: datetime
    id: str
    amount: int
    currency: str


class Transferred(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one transfer."""

    charge: str | None = None
    moved: tuple[Moved, ...] = ()


class PassedOnRow(Row, frozen=True):
    """`amount` (minor units) of a `charge` was passed on by a transfer; below 0 it came back. The charge is
    null where none is named, or where the transfer itself is not told yet."""

    id: str
    charge: str | None
    amount: int
    currency: str
    at: datetime


class PassedOn(View[Transferred, Transferred]):
    """What was passed on to connected accounts, and what came back?"""

    name = "passed_on"
    version = 1
    hears = (ConnectedTransferMade, ConnectedTransferReversed)
    state = Transferred
    row = PassedOnRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case ConnectedTransferMade() | ConnectedTransferReversed() as moved:
                return (moved.transfer,)
        return ()

    def fold(self, state: Transferred | None, row: Recorded, id: str) -> Transferred:
        held, at = state or Transferred(), row.happened_at
        match row.body:
            case ConnectedTransferMade(amount=amount, currency=currency, charge=charge):
                moved = tuple(sorted((*held.moved, Moved(at, id, amount, currency))))
                return Transferred(charge, moved)
            case ConnectedTransferReversed(reversal=reversal, amount=amount, currency=currency):
                return replace(
                    held, moved=tuple(sorted((*held.moved, Moved(at, reversal, -amount, currency))))
                )
        return held

    def rows(self, id: str, part: Transferred) -> Iterable[PassedOnRow]:
        return [PassedOnRow(each.id, part.charge, each.amount, each.currency, each.at) for each in part.moved]
