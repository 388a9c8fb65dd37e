"""Which part of each invoice is earned, and which is deferred, on any day?

What came off an invoice is told of payments and refunds too, and what ends its days of subscriptions: small
views bring that together. The rules are those of `ledger.recognition`; a close works from the same."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger import writeoffs
from ledgerstone.ledger.closing import by_rate
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided, InvoiceWrittenOff
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.recognition import Sale, Schedule, Standing, course
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import Off, latest, order, own, reductions, void
from ledgerstone.ledger.transfers import TransferAssigned, TransferUnassigned
from ledgerstone.ledger.writeoffs import RECEIVABLE, WriteOff, write_off
from ledgerstone.projections.taken_back import Endings, PaymentUses, midnight, off_of
from ledgerstone.projections.view import Look, Ref, Row, View

Owed = tuple[tuple[date, str, int], ...]
"""What each day put on the receivable of an invoice, by currency; a day that comes to nothing is left out."""
Gone = tuple[tuple[str, writeoffs.Off], ...]
"""What was written off of an invoice, by currency."""


class Sold(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one invoice itself: that it was `issued` on a day, what came `off` it, which credit
    notes were voided when, and which payments were used on it; what is `owed` of it, and what was
    written off."""

    issued: InvoiceIssued | None = None
    on: date = date.min
    off: tuple[Off, ...] = ()
    voided: tuple[tuple[str, date], ...] = ()
    payments: tuple[str, ...] = ()
    owed: Owed = ()
    written_off: Gone = ()


class RecognitionRow(Row, frozen=True):
    """A line of an invoice for a time, minor units of `currency` without tax: `net` was asked for the days
    from `service_start` to `service_end` (half-open; null: no days). What is `deferred` here is earned
    straight-line by day from `spread_from` to `spread_to` (half-open; null: its days are not told yet), and
    beside it the other figures are those of `ledger.recognition.Standing`. `line` is its place in the
    invoice; -1 is the rest of which nobody told the days, -2 what is of no line, tax of a `rate` by itself,
    and -3 what came of it after it was written off (`closing.Line`)."""

    line: int
    rate: str
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
    recovered: int
    relieved: int
    valid_from: datetime
    valid_to: datetime | None


Ends = tuple[tuple[str, date], ...]
RecognitionPart = tuple[InvoiceIssued | None, date, tuple[Off, ...], Ends, Gone, Owed]
NONE = Standing()
OWN = (InvoiceIssued, InvoiceVoided, CreditNoteIssued, CreditNoteVoided, PaymentApplied)


class Recognition(View[Sold, RecognitionPart]):
    """Which part of each line of an invoice is earned, and which is deferred, on any day?"""

    name = "recognition"
    version = 3
    weight = 9
    hears = tuple(dict.fromkeys([*OWN, *writeoffs.HEARD]))
    reads = (PaymentUses, Endings)
    state = Sold
    row = RecognitionRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case TransferAssigned(invoices=shares) | TransferUnassigned(invoices=shares):
                return dict.fromkeys(share.of for share in shares)
        return (row.body.invoice,)  # type: ignore[union-attr]  # as of all others that are heard

    def fold(self, state: Sold | None, row: Recorded, id: str) -> Sold:
        held, day = state or Sold(), day_of(row.happened_at)
        owed = _owed(held.owed, row, day, id)
        match row.body:
            case InvoiceIssued() as issued:
                before = None if held.issued is None else (held.issued, held.on)
                issued, day = latest(before, (issued, day))
                return replace(held, issued=issued, on=day, owed=owed)
            case PaymentApplied(payment=payment):
                payments = tuple(sorted({*held.payments, payment})) if held.payments else (payment,)
                return replace(held, payments=payments, owed=owed)
            case InvoiceVoided() as voided:
                return replace(held, off=_with(held.off, void(voided, day)), owed=owed)
            case CreditNoteIssued() as note if (off := own(note, day)) is not None:
                return replace(held, off=_with(held.off, off), owed=owed)
            case CreditNoteVoided(credit_note=note_id):
                voids = tuple(sorted({*held.voided, (f"note/{note_id}", day)}))
                return replace(held, voided=voids, owed=owed)
            case InvoiceWrittenOff(currency=currency, open=open):
                told = dict(held.written_off)
                told[currency] = max(told.get(currency, (day, open)), (day, open))
                return replace(held, written_off=tuple(sorted(told.items())))
        return held if owed == held.owed else replace(held, owed=owed)

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
        gone = (state.written_off, state.owed) if state.written_off else ((), ())
        if state.issued is None:
            return None, date.min, (), (), *gone
        undone = dict(state.voided)
        offs = [replace(off, undone=undone.get(off.name)) if undone else off for off in state.off]
        ended: list[tuple[str, date]] = []
        for payment in state.payments:
            for used in look(("payment_uses", payment)):
                if used.invoice == id:
                    offs.append(off_of(used))
        for subscription in _subscriptions(state.issued):
            for end in look(("subscription_endings", subscription)):
                ended.append((subscription, end.on))
        return state.issued, state.on, tuple(offs), tuple(ended), *gone

    def rows(self, id: str, part: RecognitionPart) -> Iterable[RecognitionRow]:
        issued, on, offs, ended, written_off, owed = part
        sale = (
            None
            if issued is None
            else Sale(issued, on, reductions(issued, offs) if offs else (), dict(ended))
        )
        shown = [] if sale is None else list(_shown(sale))
        for currency, off in written_off:
            days = {day: amount for day, of, amount in owed if of == currency}
            shown += _written_off(write_off(id, currency, off, days, sale), sale)
        return _merged(shown)


def _owed(held: Owed, row: Recorded, day: date, id: str) -> Owed:
    """A fact's movements are in its own currency."""
    amount = 0
    for move in row.movements:
        if move.debit == RECEIVABLE and move.debit_of == id:
            amount += move.amount
        if move.credit == RECEIVABLE and move.credit_of == id:
            amount -= move.amount
    if not amount:
        return held
    currency = row.movements[0].currency
    if not held:
        return ((day, currency, amount),)
    days = {(on, of): before for on, of, before in held}
    days[day, currency] = days.get((day, currency), 0) + amount
    return tuple((*cell, total) for cell, total in sorted(days.items()) if total)


def _with(offs: tuple[Off, ...], off: Off) -> tuple[Off, ...]:
    return tuple(sorted((*offs, off), key=order))


def _subscriptions(issued: InvoiceIssued) -> list[str]:
    if len(issued.lines) == 1:  # as of nearly all
        return [issued.lines[0].subscription] if issued.lines[0].subscription else []
    return sorted({line.subscription for line in issued.lines} - {""})


def _days(sale: Sale) -> list[date]:
    """The days on which something of a sale changes other than by time."""
    if not (sale.reductions or sale.ended):
        return [sale.on]
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
            whole = Standing(returned=found.returned, lost=found.lost, taxed=found.tax)
            for rate, stood in dict(by_rate(sale.issued.tax, sale.issued.taxes, whole)).items():
                if stood != NONE:
                    yield _of_no_line(
                        -2, rate, sale.issued.currency, sale, sale.on, stood, midnight(day), until
                    )


def _written_off(off: WriteOff, sale: Sale | None) -> Iterator[RecognitionRow]:
    """What came of it, from each day on which that changed."""
    days = [day for day in off.days() if day >= off.on]
    for day, end in zip(days, [*days[1:], None], strict=True):
        until = None if end is None else midnight(end)
        for rate, stood in dict(by_rate(off.tax, off.taxes, off.at(day), off.taxed(day))).items():
            if stood != NONE:
                yield _of_no_line(-3, rate, off.currency, sale, off.on, stood, midnight(day), until)


def _line(sale: Sale, schedule: Schedule, since: datetime, until: datetime | None) -> RecognitionRow:
    line, step = schedule.line, schedule.steps[-1]
    service = sale.issued.lines[line] if line >= 0 else None
    stood = step.stood
    return RecognitionRow(
        line,
        "",  # rate
        schedule.plan,
        schedule.currency,
        sale.issued.customer,
        schedule.subscription,
        schedule.net,
        sale.on,  # issued_on
        service.start if service else None,  # service_start
        service.end if service else None,  # service_end
        step.start,  # spread_from
        step.end,  # spread_to
        stood.earned,
        stood.returned,
        stood.lost,
        stood.freed,
        stood.deferred,
        0,  # taxed
        0,  # recovered
        0,  # relieved
        since,  # valid_from
        until,  # valid_to
    )


def _of_no_line(
    line: int,
    rate: str,
    currency: str,
    sale: Sale | None,
    on: date,
    stood: Standing,
    since: datetime,
    until: datetime | None,
) -> RecognitionRow:
    return RecognitionRow(
        line=line,
        rate=rate,
        plan="",
        currency=currency,
        customer=sale.issued.customer if sale else None,
        subscription="",
        net=0,
        issued_on=sale.on if sale else on,
        service_start=None,
        service_end=None,
        spread_from=None,
        spread_to=None,
        earned=0,
        returned=stood.returned,
        lost=stood.lost,
        freed=0,
        deferred=0,
        taxed=stood.taxed,
        recovered=stood.recovered,
        relieved=stood.relieved,
        valid_from=since,
        valid_to=until,
    )


def _merged(rows: Sequence[RecognitionRow]) -> Iterable[RecognitionRow]:
    """Rows that go on unchanged as one."""
    if not any(row.valid_to for row in rows):  # nothing happened yet to most invoices
        return rows
    held: dict[tuple[int, str, str], list[RecognitionRow]] = {}
    for row in rows:
        of_line = held.setdefault((row.line, row.rate, row.currency), [])
        last = of_line[-1] if of_line else None
        same = last and replace(last, valid_from=row.valid_from, valid_to=row.valid_to) == row
        if last and same and last.valid_to == row.valid_from:
            of_line[-1] = replace(last, valid_to=row.valid_to)
        else:
            of_line.append(row)
    return [row for of_line in held.values() for row in of_line]
