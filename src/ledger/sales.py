"""What happened to each invoice: the facts that recognition asks for, brought together.

Refunds and disputes are of payments, and so of the invoices on which these were used, in proportion. What is
of an invoice that nobody has told of yet waits, and so does what is of a payment that was used on none."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided
from ledgerstone.ledger.payments import DisputeLost, PaymentApplied, RefundFailed, RefundRequested
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.recognition import Reduction, Sale, part, shares
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.subscriptions import SubscriptionSeen

ENDED = ("canceled", "incomplete_expired")
HEARD: tuple[type[Fact], ...] = (
    InvoiceIssued,
    InvoiceVoided,
    CreditNoteIssued,
    CreditNoteVoided,
    PaymentApplied,
    RefundRequested,
    RefundFailed,
    DisputeLost,
    SubscriptionSeen,
)
"""The facts that recognition asks for."""


Issue = tuple[InvoiceIssued, date]
"""An invoice as it was issued, and the day."""
encode = msgspec.msgpack.Encoder().encode


class Off(Struct, frozen=True):
    """`gross` came off an invoice: `tax` of it is told, or None, as much as the invoice has in proportion."""

    name: str
    on: date
    currency: str
    gross: int
    tax: int | None = None
    lost: bool = False
    undone: date | None = None


class Heard(Struct, frozen=True):
    """Facts by what they are of. Those of a payment are brought to its invoices in the end."""

    issued: dict[str, Issue]
    of_invoice: defaultdict[str, list[Off]]
    of_payment: defaultdict[str, list[Off]]
    applied: defaultdict[str, defaultdict[str, int]]
    undone: dict[str, date]
    tax_of_refund: defaultdict[str, int]
    ended: dict[str, date]


def sales(rows: Iterable[Recorded]) -> dict[str, Sale]:
    """Every invoice that was issued, by its id, of rows in force (`corrections.corrected`), in any order."""
    applied = defaultdict[str, defaultdict[str, int]](lambda: defaultdict(int))
    heard = Heard({}, defaultdict(list), defaultdict(list), applied, {}, defaultdict(int), {})
    for row in rows:
        _hear(heard, row)
    for payment, offs in sorted(heard.of_payment.items()):
        for off in offs:
            told = heard.tax_of_refund.get(off.name)
            for invoice, share in brought(heard.applied[payment], off, told):
                heard.of_invoice[invoice].append(share)
    return {
        invoice: Sale(issued, on, reductions(issued, _known(heard, invoice)), _ended(issued, heard.ended))
        for invoice, (issued, on) in sorted(heard.issued.items())
    }


def reductions(issued: InvoiceIssued, offs: Iterable[Off]) -> tuple[Reduction, ...]:
    """What came off an invoice, with and without tax, in the order of days. A tax that is told counts as far
    as so much is left of the invoice's; else it is as much as is left, in proportion; and what takes the rest
    of the invoice has the rest of its tax. What was undone takes nothing from what comes after it."""
    left, tax_left, found = issued.net + issued.tax, issued.tax, []
    for off in sorted(offs, key=lambda each: (each.on, order(each))):
        if off.currency != issued.currency:
            continue
        tax = _tax(tax_left, off.gross, left)
        if off.tax is not None and abs(off.gross) < abs(left):
            tax = off.tax if abs(off.tax) <= abs(tax_left) else tax_left
        if off.undone is None:
            left, tax_left = left - off.gross, tax_left - tax
        found.append(Reduction(off.name, off.on, off.gross - tax, tax, off.lost, off.undone))
    return tuple(found)


def _tax(tax: int, gross: int, whole: int) -> int:
    if not whole or (gross < 0) != (whole < 0):
        return 0
    return part(tax, abs(gross), abs(whole))


def _hear(heard: Heard, row: Recorded) -> None:
    day = day_of(row.happened_at)
    match row.body:
        case InvoiceIssued() as issued:
            heard.issued[issued.invoice] = latest(heard.issued.get(issued.invoice), (issued, day))
        case InvoiceVoided() as voided:
            heard.of_invoice[voided.invoice].append(void(voided, day))
        case CreditNoteIssued() as note:
            if (off := own(note, day)) is not None:
                heard.of_invoice[note.invoice].append(off)
            if len(note.refunds) == 1:
                heard.tax_of_refund[f"refund/{note.refunds[0]}"] += refunded_tax(note)
        case CreditNoteVoided(credit_note=note_id):
            _undo(heard, f"note/{note_id}", day)
        case PaymentApplied(invoice=invoice, payment=payment, amount=amount):
            heard.applied[payment][invoice] += amount
        case RefundRequested() as refund:
            heard.of_payment[refund.payment].append(returned(refund, day))
        case RefundFailed(refund=id):
            _undo(heard, f"refund/{id}", day)
        case DisputeLost() as dispute:
            heard.of_payment[dispute.payment].append(lost(dispute, day))
        case SubscriptionSeen() as seen:
            if (end := ended_on(seen)) is not None:
                heard.ended[seen.id] = max(heard.ended.get(seen.id, date.min), end)
        case _:
            pass


def _undo(heard: Heard, name: str, day: date) -> None:
    heard.undone[name] = max(heard.undone.get(name, day), day)


def latest(held: Issue | None, told: Issue) -> Issue:
    """Which issue of an invoice stands, where corrections made two facts tell of one: not the one that came
    last, but that of the later day, and then any, as long as it is the same in whichever order they came."""
    return told if held is None else max(held, told, key=lambda issue: (issue[1], encode(issue[0])))


def order(off: Off) -> tuple[str, date, str, int, int, bool]:
    """The order in which what came off is looked at: by name, and by all else where corrections made two of
    one name."""
    return off.name, off.on, off.currency, off.gross, -1 if off.tax is None else off.tax, off.lost


def void(voided: InvoiceVoided, day: date) -> Off:
    """What was still owed of an invoice, when it was voided."""
    return Off(f"void/{voided.invoice}", day, voided.currency, voided.open)


def own(note: CreditNoteIssued, day: date) -> Off | None:
    """What a credit note takes off its invoice. The refunds that it names move their part themselves, and so
    have their part of its tax."""
    gross = note.before_payment + note.to_balance + note.elsewhere
    tax = note.tax - refunded_tax(note)
    return Off(f"note/{note.credit_note}", day, note.currency, gross, tax) if gross else None


def refunded_tax(note: CreditNoteIssued) -> int:
    """The tax in what a note's refunds give back."""
    whole = note.before_payment + note.to_balance + note.elsewhere + note.refunded
    return _tax(note.tax, note.refunded, whole)


def returned(refund: RefundRequested, day: date) -> Off:
    """What a refund takes off the invoices that its payment was used on."""
    return Off(f"refund/{refund.refund}", day, refund.currency, refund.amount)


def lost(dispute: DisputeLost, day: date) -> Off:
    """And a dispute."""
    return Off(f"dispute/{dispute.dispute}", day, dispute.currency, dispute.amount, lost=True)


def ended_on(seen: SubscriptionSeen) -> date | None:
    """The day on which a subscription ended, where it did."""
    now = seen.now
    return day_of(now.ended_at) if now.status in ENDED and now.ended_at is not None else None


def brought(applied: Mapping[str, int], off: Off, told: int | None) -> Iterator[tuple[str, Off]]:
    """What came off a payment, to the invoices on which that was used, in the order of their ids; `told` is
    the tax in it, where a credit note tells it."""
    used = sorted(applied.items())
    if not sum(amount for _, amount in used):
        return
    amounts = shares(off.gross, [amount for _, amount in used])
    taxes = [None] * len(used) if told is None else shares(told, [amount for _, amount in used])
    for (invoice, _), gross, tax in zip(used, amounts, taxes, strict=True):
        if gross:
            yield invoice, replace(off, gross=gross, tax=tax)


def _known(heard: Heard, invoice: str) -> list[Off]:
    return [replace(off, undone=heard.undone.get(off.name)) for off in heard.of_invoice.get(invoice, ())]


def _ended(issued: InvoiceIssued, ended: Mapping[str, date]) -> dict[str, date]:
    of_lines = {line.subscription for line in issued.lines}
    return {subscription: ended[subscription] for subscription in sorted(ended.keys() & of_lines)}
