"""What became of the money of each payment: received, given back, disputed? Folded first, so that invoices
and payments can tell how they stand."""

from bisect import insort
from collections.abc import Iterable, Sequence
from datetime import datetime

from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    PaymentReceived,
    RefundFailed,
    RefundSettled,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Row, View

SIGN = {"received": 1, "refunded": 1, "refund_returned": -1, "disputed": 1, "reinstated": -1}


class MoneyRow(Row, frozen=True, order=True):
    """`amount` (minor units, positive) of a payment was `received`, `refunded`, `refund_returned`,
    `disputed` or `reinstated`; `id` is the charge, the refund or the dispute."""

    at: datetime
    kind: str
    id: str
    payment: str
    amount: int
    currency: str


Moves = tuple[MoneyRow, ...]
Moved = PaymentReceived | RefundSettled | RefundFailed | DisputeFundsWithdrawn | DisputeFundsReinstated


class Money(View[Moves, Moves]):
    """What became of the money of each payment?"""

    name = "money"
    version = 1
    hears = (PaymentReceived, RefundSettled, RefundFailed, DisputeFundsWithdrawn, DisputeFundsReinstated)
    state = Moves
    row = MoneyRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (row.body.payment,) if isinstance(row.body, Moved) else ()

    def fold(self, state: Moves | None, row: Recorded, id: str) -> Moves:
        moves = list(state or ())
        if (move := _move(row)) is not None:
            insort(moves, move)
        return tuple(moves)

    def rows(self, id: str, part: Moves) -> Iterable[MoneyRow]:
        return part


def standing(moves: Sequence[MoneyRow], at: datetime) -> tuple[int, int]:
    """How much of a payment is refunded, and how much disputed, at a time."""
    refunded = disputed = 0
    for move in moves:
        if move.at > at:
            continue
        if move.kind.startswith("refund"):
            refunded += SIGN[move.kind] * move.amount
        elif move.kind != "received":
            disputed += SIGN[move.kind] * move.amount
    return refunded, disputed


def _move(row: Recorded) -> MoneyRow | None:
    at = row.happened_at
    match row.body:
        case PaymentReceived(charge=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "received", id, payment, amount, currency)
        case RefundSettled(refund=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "refunded", id, payment, amount, currency)
        case RefundFailed(refund=id, payment=payment, returned=amount, currency=currency) if amount:
            return MoneyRow(at, "refund_returned", id, payment, amount, currency)
        case DisputeFundsWithdrawn(dispute=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "disputed", id, payment, amount, currency)
        case DisputeFundsReinstated(dispute=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "reinstated", id, payment, amount, currency)
    return None
