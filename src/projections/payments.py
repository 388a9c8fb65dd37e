"""Which payments were tried, which succeeded, what were they for, and did the money stay?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import astuple, replace

from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    Payment,
    PaymentApplied,
    PaymentFailed,
    PaymentReceived,
    PaymentSeen,
    RefundSeen,
    rank,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import Course, History, course, repeats
from ledgerstone.projections import money
from ledgerstone.projections.histories import told
from ledgerstone.projections.money import REVERSALS, MoneyRow, standing
from ledgerstone.projections.view import Look, Row, View


class Tried(Struct, frozen=True, array_like=True, order=True, gc=False):
    """A charge that was captured, or declined with a `code`."""

    at: datetime
    charge: str
    amount: int
    currency: str
    captured: bool
    customer: str | None = None
    method: str | None = None
    code: str | None = None


class Used(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Money of the payment that was used for an invoice."""

    at: datetime
    invoice: str


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one payment, and of its money."""

    seen: History[Payment] = History()
    tried: tuple[Tried, ...] = ()
    used: tuple[Used, ...] = ()
    moved: money.Told = money.Told()


class Dated(Protocol):
    """Something that happened."""

    @property
    def at(self) -> datetime: ...


D = TypeVar("D", bound=Dated)
Part = tuple[Course[Payment], tuple[Tried, ...], tuple[Used, ...], tuple[MoneyRow, ...]]


class PaymentRow(Row, frozen=True):
    """A payment for a time, amounts in minor units. `status` is the provider's, and `failed` after a charge
    was declined until the next try; `provider_reference` is the last charge."""

    id: str
    customer: str | None
    invoice: str | None
    currency: str
    amount: int
    refunded: int
    disputed: int
    status: str
    method: str | None
    provider_reference: str | None
    failure_code: str | None
    at: datetime
    valid_from: datetime
    valid_to: datetime | None


class Payments(View[Told, Part]):
    """Which payments were tried, and what became of them?"""

    name = "payments"
    version = 2
    hears = (PaymentSeen, PaymentReceived, PaymentFailed, PaymentApplied, *REVERSALS)
    weight = 11
    state = Told
    row = PaymentRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case PaymentSeen() as seen:
                return (seen.id,)
            case (
                PaymentReceived()
                | PaymentFailed()
                | PaymentApplied()
                | RefundSeen()
                | DisputeFundsWithdrawn()
                | DisputeFundsReinstated() as moved
            ):
                return (moved.payment,)
        return ()

    def fold(self, state: Told | None, row: Recorded, id: str) -> Told:
        held, body = state or Told(), row.body
        if isinstance(body, PaymentSeen):
            return replace(held, seen=told(held.seen, row, rank))
        if isinstance(body, PaymentApplied):
            return replace(held, used=tuple(sorted((*held.used, Used(row.happened_at, body.invoice)))))
        if isinstance(body, (PaymentReceived, PaymentFailed)):
            return replace(held, tried=tuple(sorted((*held.tried, _tried(row.happened_at, body)))))
        return replace(held, moved=money.heard(held.moved, row))

    def alike(self, held: Told, now: Told) -> bool:
        rest = held.tried is now.tried and held.used is now.used and held.moved is now.moved
        return rest and repeats(held.seen, now.seen)

    def part(self, id: str, state: Told, look: Look) -> Part:
        return course(state.seen), state.tried, state.used, tuple(money.moves(id, state.moved))

    def rows(self, id: str, part: Part) -> Iterable[PaymentRow]:
        seen, tried, used, moves = part
        if not seen.steps and not tried:
            return
        marks = sorted(
            {
                *[step.at for step in seen.steps],
                *[charge.at for charge in tried],
                *[one.at for one in used],
                *[move.at for move in moves],
            }
        )
        told_of = [_row(id, part, at, marks[0]) for at in marks]
        firsts = [told_of[0], *(row for held, row in pairwise(told_of) if not _same(row, held))]
        for row, then in pairwise(firsts):
            yield replace(row, valid_to=then.valid_from)
        yield firsts[-1]


def _row(id: str, part: Part, at: datetime, first: datetime) -> PaymentRow:
    seen, tried, used, moves = part
    terms = _as_of(seen, at)
    charge, use = _latest(tried, at), _latest(used, at)
    refunded, disputed = standing(moves, at) if moves else (0, 0)
    return PaymentRow(
        id,
        (terms.customer if terms else None) or (charge.customer if charge else None),  # customer
        use.invoice if use else None,  # invoice
        charge.currency if charge else terms.currency if terms else "",  # currency
        charge.amount if charge else terms.amount if terms else 0,  # amount
        refunded,
        disputed,
        _status(terms, charge),  # status
        (charge.method if charge else None) or (terms.method if terms else None),  # method
        charge.charge if charge else None,  # provider_reference
        charge.code if charge else None,  # failure_code
        terms.created_at if terms else first,  # at
        at,  # valid_from
        None,  # valid_to
    )


def _status(terms: Payment | None, charge: Tried | None) -> str:
    if charge is not None and charge.captured:
        return "succeeded"
    if charge is not None and (terms is None or terms.status == "requires_payment_method"):
        return "failed"
    return terms.status if terms else "processing"


def _as_of(seen: Course[Payment], at: datetime) -> Payment | None:
    if not seen.steps:
        return None
    step = _latest(seen.steps, at) or seen.steps[0]
    return seen.contents[step.value]


def _latest(some: Sequence[D], at: datetime) -> D | None:
    """Of what is in order the last at or before a time."""
    for one in reversed(some):
        if one.at <= at:
            return one
    return None


def _same(row: PaymentRow, held: PaymentRow) -> bool:
    return astuple(row)[:-2] == astuple(held)[:-2]


def _tried(at: datetime, charge: PaymentReceived | PaymentFailed) -> Tried:
    return Tried(
        at,
        charge.charge,
        charge.amount,
        charge.currency,
        isinstance(charge, PaymentReceived),
        charge.customer,
        charge.method,
        charge.code if isinstance(charge, PaymentFailed) else None,
    )
