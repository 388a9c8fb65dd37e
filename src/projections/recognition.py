"""Which part of each invoice is earned, and which is deferred, on any day?

What came off an invoice is told of payments and refunds too, and what ends its days of subscriptions: small
views bring that together. The rules are those of `ledger.recognition`; a close works from the same."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.recognition import Course, Sale, Schedule, course
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import Off, latest, order, own, reductions, void
from ledgerstone.projections.taken_back import Endings, PaymentUses, midnight, off_of
from ledgerstone.projections.view import Look, Ref, Row, View


class Sold(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one invoice itself: that it was `issued` on a day, what came `off` it, which credit
    notes were voided when, and which payments were used on it."""

    issued: InvoiceIssued | None = None
    on: date = date.min
    off: tuple[Off, ...] = ()
    voided: tuple[tuple[str, date], ...] = ()
    payments: tuple[str, ...] = ()


class RecognitionRow(Row, frozen=True):
    """A line of an invoice for a time, minor units of `currency` without tax: `net` was asked for the days
    from `service_start` to `service_end` (half-open; null: no days). What is `deferred` here is earned
    straight-line by day from `spread_from` to `spread_to` (half-open; null: its days are not told yet), and
    beside it the other figures are those of `ledger.recognition.Standing`. `line` is its place in the
    invoice; -1 is the rest of which nobody told the days, -2 what is of no line."""

    line: int
    plan: str
    currency: str
    customer: str | None
    subscription: str
    net: int
    issued_on: date
    service_start: date | None
    service_end: date | None
    spread_from: date | None
    spread_to: date | None
    earned: int
    returned: int
    lost: int
    freed: int
    deferred: int
    taxed: int
    valid_from: datetime
    valid_to: datetime | None


RecognitionPart = tuple[InvoiceIssued | None, date, tuple[Off, ...], tuple[tuple[str, date], ...]]


class Recognition(View[Sold, RecognitionPart]):
    """Which part of each line of an invoice is earned, and which is deferred, on any day?"""

    name = "recognition"
    version = 2
    weight = 9
    hears = (InvoiceIssued, InvoiceVoided, CreditNoteIssued, CreditNoteVoided, PaymentApplied)
    reads = (PaymentUses, Endings)
    state = Sold
    row = RecognitionRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case InvoiceIssued() | InvoiceVoided() | CreditNoteIssued() as about:
                return (about.invoice,)
            case CreditNoteVoided() | PaymentApplied() as about:
                return (about.invoice,)
        return ()

    def fold(self, state: Sold | None, row: Recorded, id: str) -> Sold:
        held, day = state or Sold(), day_of(row.happened_at)
        match row.body:
            case InvoiceIssued() as issued:
                before = None if held.issued is None else (held.issued, held.on)
                issued, day = latest(before, (issued, day))
                return replace(held, issued=issued, on=day)
            case InvoiceVoided() as voided:
                return replace(held, off=_with(held.off, void(voided, day)))
            case CreditNoteIssued() as note:
                off = own(note, day)
                return held if off is None else replace(held, off=_with(held.off, off))
            case CreditNoteVoided(credit_note=note_id):
                return replace(held, voided=tuple(sorted({*held.voided, (f"note/{note_id}", day)})))
            case PaymentApplied(payment=payment):
                return replace(held, payments=tuple(sorted({*held.payments, payment})))
        return held

    def refs(self, id: str, state: Sold) -> Iterable[Ref]:
        found: list[Ref] = [("payment_uses", payment) for payment in state.payments]
        if state.issued is not None:
            found += [("subscription_endings", subscription) for subscription in _subscriptions(state.issued)]
        return found

    def points(self, row: Recorded) -> Iterable[Ref]:
        match row.body:
            case PaymentApplied(payment=payment):
                return (("payment_uses", payment),)
            case InvoiceIssued() as issued:
                return [("subscription_endings", subscription) for subscription in _subscriptions(issued)]
        return ()

    def part(self, id: str, state: Sold, look: Look) -> RecognitionPart:
        if state.issued is None:
            return None, date.min, (), ()
        undone = dict(state.voided)
        offs = [replace(off, undone=undone.get(off.name)) if undone else off for off in state.off]
        for payment in state.payments:
            offs += [off_of(row) for row in look(("payment_uses", payment)) if row.invoice == id]
        ended = [
            (s, row.on) for s in _subscriptions(state.issued) for row in look(("subscription_endings", s))
        ]
        return state.issued, state.on, tuple(offs), tuple(ended)

    def rows(self, id: str, part: RecognitionPart) -> Iterable[RecognitionRow]:
        issued, on, offs, ended = part
        if issued is not None:
            sale = Sale(issued, on, reductions(issued, offs), dict(ended))
            yield from _merged(list(_shown(sale)))


def _with(offs: tuple[Off, ...], off: Off) -> tuple[Off, ...]:
    return tuple(sorted((*offs, off), key=order))


def _subscriptions(issued: InvoiceIssued) -> list[str]:
    return sorted({line.subscription for line in issued.lines} - {""})


def _days(sale: Sale) -> list[date]:
    """The days on which something of a sale changes other than by time."""
    changed = [sale.on, *sale.ended.values()]
    for reduction in sale.reductions:
        changed += [reduction.on, *([] if reduction.undone is None else [reduction.undone])]
    return sorted({max(day, sale.on) for day in changed})


def _shown(sale: Sale) -> Iterator[RecognitionRow]:
    days = _days(sale)
    for day, end in zip(days, [*days[1:], None], strict=True):
        found = course(sale, day)
        until = None if end is None else midnight(end)
        for schedule in found.schedules:
            yield _line(sale, schedule, midnight(day), until)
        if found.returned or found.lost or found.tax:
            yield _of_no_line(sale, found, midnight(day), until)


def _line(sale: Sale, schedule: Schedule, since: datetime, until: datetime | None) -> RecognitionRow:
    line, step = schedule.line, schedule.steps[-1]
    service = sale.issued.lines[line] if line >= 0 else None
    stood = step.stood
    return RecognitionRow(
        line=line,
        plan=schedule.plan,
        currency=schedule.currency,
        customer=sale.issued.customer,
        subscription=schedule.subscription,
        net=schedule.net,
        issued_on=sale.on,
        service_start=service.start if service else None,
        service_end=service.end if service else None,
        spread_from=step.start,
        spread_to=step.end,
        earned=stood.earned,
        returned=stood.returned,
        lost=stood.lost,
        freed=stood.freed,
        deferred=stood.deferred,
        taxed=0,
        valid_from=since,
        valid_to=until,
    )


def _of_no_line(sale: Sale, found: Course, since: datetime, until: datetime | None) -> RecognitionRow:
    return RecognitionRow(
        line=-2,
        plan="",
        currency=sale.issued.currency,
        customer=sale.issued.customer,
        subscription="",
        net=0,
        issued_on=sale.on,
        service_start=None,
        service_end=None,
        spread_from=None,
        spread_to=None,
        earned=0,
        returned=found.returned,
        lost=found.lost,
        freed=0,
        deferred=0,
        taxed=found.tax,
        valid_from=since,
        valid_to=until,
    )


def _merged(rows: Sequence[RecognitionRow]) -> Iterable[RecognitionRow]:
    """Rows that go on unchanged as one."""
    held: dict[int, list[RecognitionRow]] = {}
    for row in rows:
        of_line = held.setdefault(row.line, [])
        last = of_line[-1] if of_line else None
        same = last and replace(last, valid_from=row.valid_from, valid_to=row.valid_to) == row
        if last and same and last.valid_to == row.valid_from:
            of_line[-1] = replace(last, valid_to=row.valid_to)
        else:
            of_line.append(row)
    return [row for of_line in held.values() for row in of_line]
