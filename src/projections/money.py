"""What became of the money of each payment: received, given back, disputed? Folded first, so that invoices
and payments can tell how they stand."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    PaymentReceived,
    Refund,
    RefundSeen,
    refund_rank,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import Course, History, course
from ledgerstone.projections.histories import told
from ledgerstone.projections.view import Look, Row, View

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


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of the money of one payment."""

    moves: tuple[MoneyRow, ...] = ()
    refunds: dict[str, History[Refund]] = {}


Part = tuple[tuple[MoneyRow, ...], tuple[tuple[str, Course[Refund]], ...]]
REVERSALS = (RefundSeen, DisputeFundsWithdrawn, DisputeFundsReinstated)


class Money(View[Told, Part]):
    """What became of the money of each payment?

    Refunds are read from what was seen of them, not from `RefundSettled`: a provider gives no time of its
    own for that, and the message that came first says another time than the one that was made first."""

    name = "money"
    version = 2
    hears = (PaymentReceived, *REVERSALS)
    state = Told
    row = MoneyRow
    sought = ("at",)

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case (
                PaymentReceived() | RefundSeen() | DisputeFundsWithdrawn() | DisputeFundsReinstated() as moved
            ):
                return (moved.payment,)
        return ()

    def fold(self, state: Told | None, row: Recorded, id: str) -> Told:
        return heard(state or Told(), row)

    def part(self, id: str, state: Told, look: Look) -> Part:
        return _part(state)

    def rows(self, id: str, part: Part) -> Iterable[MoneyRow]:
        return _moves(id, part)


def heard(held: Told, row: Recorded) -> Told:
    """What is known of a payment's money with one more row about it."""
    if isinstance(row.body, RefundSeen):
        seen = told(held.refunds.get(row.body.id), row, refund_rank)
        return Told(held.moves, {**held.refunds, row.body.id: seen})
    return Told(tuple(sorted((*held.moves, _move(row)))), held.refunds)


def moves(payment: str, held: Told) -> list[MoneyRow]:
    """How the money of a payment moved, in order."""
    return _moves(
        payment, (held.moves, tuple((id, course(seen)) for id, seen in sorted(held.refunds.items())))
    )


def _part(held: Told) -> Part:
    return held.moves, tuple((id, course(seen)) for id, seen in sorted(held.refunds.items()))


def _moves(payment: str, part: Part) -> list[MoneyRow]:
    moved, refunds = part
    if not refunds:
        return list(moved)
    return sorted([*moved, *(row for refund, seen in refunds for row in _refund(refund, payment, seen))])


def standing(moves: Sequence[MoneyRow], at: datetime) -> tuple[int, int]:
    """How much of a payment is refunded, and how much disputed, at a time. What came back of a dispute had
    been taken, though the message of that be missing."""
    refunded = 0
    disputed: dict[str, int] = {}
    for move in moves:
        if move.at > at:
            continue
        if move.kind.startswith("refund"):
            refunded += SIGN[move.kind] * move.amount
        elif move.kind != "received":
            disputed[move.id] = disputed.get(move.id, 0) + SIGN[move.kind] * move.amount
    return refunded, sum(max(0, amount) for amount in disputed.values())


def _refund(id: str, payment: str, seen: Course[Refund]) -> Iterator[MoneyRow]:
    """A refund counts from when it succeeded; what came back counts from when it failed."""
    states = [(step.at, seen.contents[step.value]) for step in seen.steps]
    settled = next((one for one in states if one[1].status == "succeeded" or one[1].returned), None)
    returned = next((one for one in states if one[1].returned), None)
    for kind, found in (("refunded", settled), ("refund_returned", returned)):
        if found is not None:
            at, refund = found
            yield MoneyRow(at, kind, id, payment, refund.amount, refund.currency)


def _move(row: Recorded) -> MoneyRow:
    at = row.happened_at
    match row.body:
        case PaymentReceived(charge=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "received", id, payment, amount, currency)
        case DisputeFundsWithdrawn(dispute=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "disputed", id, payment, amount, currency)
        case DisputeFundsReinstated(dispute=id, payment=payment, amount=amount, currency=currency):
            return MoneyRow(at, "reinstated", id, payment, amount, currency)
    raise TypeError(f"{type(row.body).__name__} moves no money of a payment")
