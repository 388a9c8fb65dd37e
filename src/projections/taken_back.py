"""What came off the payments that were used on invoices, and when did subscriptions end?

Refunds and disputes are of payments, and the tax in them is told by credit notes; the views here bring that
to the invoices, so that `recognition` finds it there."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued
from ledgerstone.ledger.payments import DisputeLost, PaymentApplied, RefundFailed, RefundRequested
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import Off, brought, ended_on, lost, order, refunded_tax, returned
from ledgerstone.ledger.subscriptions import SubscriptionSeen
from ledgerstone.projections.view import Look, Ref, Row, View


class EndingRow(Row, frozen=True):
    """A subscription ended on a day."""

    on: date
    at: datetime


class Endings(View[date, date]):
    """On which day did each subscription end, of those that did?"""

    name = "subscription_endings"
    version = 1
    hears = (SubscriptionSeen,)
    state = date
    row = EndingRow

    def keys(self, row: Recorded) -> Iterable[str]:
        seen = row.body
        return (seen.id,) if isinstance(seen, SubscriptionSeen) and ended_on(seen) is not None else ()

    def fold(self, state: date | None, row: Recorded, id: str) -> date:
        assert isinstance(row.body, SubscriptionSeen)
        day = ended_on(row.body)
        assert day is not None
        return day if state is None or day > state else state

    def alike(self, held: date, now: date) -> bool:
        return held == now

    def rows(self, id: str, part: date) -> Iterable[EndingRow]:
        return (EndingRow(part, midnight(part)),)


class Refunded(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one refund: `taxes` are those that credit notes tell of it."""

    asked: Off | None = None
    failed: date | None = None
    taxes: tuple[tuple[str, int], ...] = ()


class RefundRow(Row, frozen=True):
    """A refund was asked for on a day: `tax` is told by credit notes or null; it counts until `failed`."""

    on: date
    currency: str
    amount: int
    tax: int | None
    failed: date | None
    at: datetime


class Refunds(View[Refunded, Refunded]):
    """What was each refund of, and did it fail?"""

    name = "refunds"
    version = 1
    hears = (RefundRequested, RefundFailed, CreditNoteIssued)
    state = Refunded
    row = RefundRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case RefundRequested(refund=refund) | RefundFailed(refund=refund):
                return (refund,)
            case CreditNoteIssued(refunds=(refund,)):
                return (refund,)
        return ()

    def fold(self, state: Refunded | None, row: Recorded, id: str) -> Refunded:
        held, day = state or Refunded(), day_of(row.happened_at)
        match row.body:
            case RefundRequested() as refund:
                asked = returned(refund, day)
                return replace(held, asked=max(held.asked or asked, asked, key=order))
            case RefundFailed():
                return replace(held, failed=max(held.failed or day, day))
            case CreditNoteIssued() as note:
                told = (note.credit_note, refunded_tax(note))
                return replace(held, taxes=tuple(sorted((*held.taxes, told))))
        return held

    def rows(self, id: str, part: Refunded) -> Iterable[RefundRow]:
        if (asked := part.asked) is not None:
            tax = sum(tax for _, tax in part.taxes) if part.taxes else None
            at = midnight(asked.on)
            yield RefundRow(asked.on, asked.currency, asked.gross, tax, part.failed, at)


class Used(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one payment: on which invoices it was used, its refunds by id, and what was lost."""

    applied: tuple[tuple[str, int], ...] = ()
    refunds: tuple[str, ...] = ()
    lost: tuple[Off, ...] = ()


class UseRow(Row, frozen=True, order=True):
    """A part of what came off a payment, as it is of one invoice: with tax, minor units."""

    invoice: str
    name: str
    on: date
    currency: str
    gross: int
    tax: int | None
    lost: bool
    undone: date | None
    at: datetime


UsePart = tuple[Used, tuple[Off, ...], tuple[tuple[str, int], ...]]
UNTOUCHED: UsePart = Used(), (), ()
MIDNIGHT = time(tzinfo=UTC)


class PaymentUses(View[Used, UsePart]):
    """What came off the invoices on which each payment was used?"""

    name = "payment_uses"
    version = 1
    hears = (PaymentApplied, RefundRequested, DisputeLost)
    reads = (Refunds,)
    state = Used
    row = UseRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case PaymentApplied() | RefundRequested() | DisputeLost() as about:
                return (about.payment,)
        return ()

    def fold(self, state: Used | None, row: Recorded, id: str) -> Used:
        held = state or Used()
        match row.body:
            case PaymentApplied(invoice=invoice, amount=amount):
                if state is None:  # as of nearly all
                    return Used(((invoice, amount),))
                applied = dict(held.applied)
                applied[invoice] = applied.get(invoice, 0) + amount
                return replace(held, applied=tuple(sorted(applied.items())))
            case RefundRequested(refund=refund):
                return replace(held, refunds=tuple(sorted({*held.refunds, refund})))
            case DisputeLost() as dispute:
                offs = (*held.lost, lost(dispute, day_of(row.happened_at)))
                return replace(held, lost=tuple(sorted(offs, key=order)))
        return held

    def refs(self, id: str, state: Used) -> Iterable[Ref]:
        return [("refunds", refund) for refund in state.refunds]

    def points(self, row: Recorded) -> Iterable[Ref]:
        return (("refunds", row.body.refund),) if isinstance(row.body, RefundRequested) else ()

    def part(self, id: str, state: Used, look: Look) -> UsePart:
        if not (state.refunds or state.lost):
            return UNTOUCHED
        offs, taxes = list(state.lost), dict[str, int]()
        for refund in state.refunds:
            name = f"refund/{refund}"
            for given in look(("refunds", refund)):
                offs.append(Off(name, given.on, given.currency, given.amount, undone=given.failed))
                taxes |= {} if given.tax is None else {name: given.tax}
        return state, tuple(offs), tuple(taxes.items())

    def rows(self, id: str, part: UsePart) -> Iterable[UseRow]:
        used, offs, taxes = part
        if not offs:
            return ()
        told = dict(taxes)
        shares = [each for off in offs for each in brought(dict(used.applied), off, told.get(off.name))]
        return sorted(_used(invoice, off) for invoice, off in shares)


def midnight(day: date) -> datetime:
    """The first instant of a day (UTC)."""
    return datetime.combine(day, MIDNIGHT)


def off_of(row: UseRow) -> Off:
    """What a row says came off its invoice."""
    return Off(row.name, row.on, row.currency, row.gross, row.tax, row.lost, row.undone)


def _used(invoice: str, off: Off) -> UseRow:
    said = (off.name, off.on, off.currency, off.gross, off.tax, off.lost, off.undone)
    return UseRow(invoice, *said, midnight(off.on))
