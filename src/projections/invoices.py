"""What is each invoice's status, what is owed on it, and since when?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.invoices import Invoice, InvoiceSeen, Stage, rank, stages
from ledgerstone.ledger.payments import PaidElsewhere, PaymentApplied
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import Course, History, course, repeats
from ledgerstone.projections.credit_notes import total
from ledgerstone.projections.histories import told
from ledgerstone.projections.money import Money, MoneyRow, standing
from ledgerstone.projections.view import Look, Ref, Row, View


class Applied(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Money of a payment that was used for an invoice."""

    at: datetime
    payment: str
    amount: int


class Credited(Struct, frozen=True, array_like=True, order=True, gc=False):
    """A credit note took `amount` off an invoice, `tax` in it; both below 0 when the note was voided."""

    at: datetime
    note: str
    amount: int
    tax: int


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one invoice."""

    seen: History[Invoice] = History()
    applied: tuple[Applied, ...] = ()
    elsewhere: tuple[Applied, ...] = ()
    credited: tuple[Credited, ...] = ()


class Around(Struct, frozen=True, array_like=True, gc=False):
    """What happened to an invoice beside its own course, in order: money used for it, of which some was paid
    outside of the provider, what became of that money, and credit notes."""

    applied: tuple[Applied, ...] = ()
    elsewhere: tuple[Applied, ...] = ()
    credited: tuple[Credited, ...] = ()
    moves: tuple[MoneyRow, ...] = ()


NOTHING = Around()
Part = tuple[Course[Invoice], Around]


class InvoiceRow(Row, frozen=True):
    """An invoice for a time, amounts in minor units. `settlement` says how far it is paid and whether the
    money stayed; whether it is overdue depends on the date that is asked for. `credited` is what credit notes
    came to, `credited_tax` the tax in it: what they took off before payment is gone from `amount_due` too.
    `sure` False when messages are missing that would say what its state was, or `plans` may lack some."""

    id: str
    number: str | None
    customer: str | None
    subscription: str | None
    currency: str
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    refunded: int
    disputed: int
    credited: int
    credited_tax: int
    paid_elsewhere: int
    status: str
    settlement: str
    plans: tuple[str, ...]
    payments: tuple[str, ...]
    created_at: datetime
    due_at: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


class Invoices(View[Told, Part]):
    """What is each invoice's status, what is owed on it, and since when?"""

    name = "invoices"
    version = 3
    weight = 28
    hears = (InvoiceSeen, PaymentApplied, PaidElsewhere, CreditNoteIssued, CreditNoteVoided)
    reads = (Money,)
    state = Told
    row = InvoiceRow
    sought = ("finalized_at", "voided_at")

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case InvoiceSeen() as seen:
                return (seen.id,)
            case PaymentApplied() | PaidElsewhere() | CreditNoteIssued() | CreditNoteVoided() as about:
                return (about.invoice,)
        return ()

    def fold(self, state: Told | None, row: Recorded, id: str) -> Told:
        held, at = state or Told(), row.happened_at
        match row.body:
            case InvoiceSeen():
                return replace(held, seen=told(held.seen, row, rank))
            case PaymentApplied(payment=payment, amount=amount):
                return replace(held, applied=tuple(sorted((*held.applied, Applied(at, payment, amount)))))
            case PaidElsewhere(payment=payment, amount=amount, in_parts=False):
                paid = Applied(at, payment or "", amount)
                return replace(held, elsewhere=tuple(sorted((*held.elsewhere, paid))))
            case CreditNoteIssued() | CreditNoteVoided() as note:
                return replace(held, credited=tuple(sorted((*held.credited, _credited(at, note)))))
        return held

    def alike(self, held: Told, now: Told) -> bool:
        around = now.applied is held.applied and now.elsewhere is held.elsewhere
        return around and now.credited is held.credited and repeats(held.seen, now.seen)

    def refs(self, id: str, state: Told) -> Iterable[Ref]:
        return [("money", applied.payment) for applied in state.applied]

    def points(self, row: Recorded) -> Iterable[Ref]:
        return (("money", row.body.payment),) if isinstance(row.body, PaymentApplied) else ()

    def part(self, id: str, state: Told, look: Look) -> Part:
        if not (state.applied or state.elsewhere or state.credited):
            return course(state.seen), NOTHING
        payments = dict.fromkeys([applied.payment for applied in state.applied])
        moves = [move for payment in payments for move in look(("money", payment)) if move.kind != "received"]
        return course(state.seen), Around(state.applied, state.elsewhere, state.credited, tuple(moves))

    def rows(self, id: str, part: Part) -> Iterable[InvoiceRow]:
        seen, around = part
        if not seen.steps:
            return
        marks = _marks(around) if around is not NOTHING else ()
        for stage in stages(seen):
            since = stage.start
            for mark in marks:
                if since < mark and (stage.end is None or mark < stage.end):
                    yield _row(id, stage, around, since, mark)
                    since = mark
            yield _row(id, stage, around, since, stage.end)


def settlement(invoice: Invoice, applied: int, refunded: int, disputed: int) -> str:
    """How far an invoice is paid, and whether the money stayed."""
    paid = applied if applied > invoice.amount_paid else invoice.amount_paid
    if disputed > 0:
        return "disputed"
    if refunded > 0:
        return "refunded" if refunded >= paid else "partially_refunded"
    if paid > invoice.amount_due or invoice.overpaid > 0:
        return "overpaid"
    if invoice.status == "paid" or (0 < invoice.amount_due <= paid):
        return "paid"
    return "partially_paid" if paid > 0 else "unpaid"


A = TypeVar("A", Applied, Credited)


def _until(at: datetime, some: tuple[A, ...]) -> tuple[A, ...]:
    return tuple([one for one in some if one.at <= at]) if some else some


def _total(some: Sequence[Applied | Credited]) -> int:
    return sum([one.amount for one in some]) if some else 0


def _credited(at: datetime, note: CreditNoteIssued | CreditNoteVoided) -> Credited:
    sign = 1 if isinstance(note, CreditNoteIssued) else -1
    return Credited(at, note.credit_note, sign * total(note), sign * note.tax)


def _marks(around: Around) -> Sequence[datetime]:
    """When something happened beside the invoice's own course."""
    return sorted(
        {
            each.at
            for some in (around.applied, around.elsewhere, around.credited, around.moves)
            for each in some
        }
    )


def _row(id: str, stage: Stage, around: Around, start: datetime, end: datetime | None) -> InvoiceRow:
    invoice, used, credited = stage.terms, _until(start, around.applied), _until(start, around.credited)
    paid, elsewhere = _total(used), _total(_until(start, around.elsewhere))
    refunded, disputed = standing(around.moves, start) if around.moves else (0, 0)
    return InvoiceRow(
        id,
        invoice.number,
        invoice.customer,
        invoice.subscription,
        invoice.currency,
        invoice.total,
        invoice.tax,
        invoice.amount_due,
        invoice.amount_paid,
        invoice.amount_remaining,
        refunded,
        disputed,
        _total(credited),
        sum([one.tax for one in credited]) if credited else 0,
        max(invoice.paid_elsewhere, elsewhere),  # paid_elsewhere
        invoice.status,
        settlement(invoice, paid, refunded, disputed),
        invoice.plans,
        tuple(dict.fromkeys([one.payment for one in used])) if used else (),  # payments
        invoice.created_at,
        invoice.due_at,
        invoice.finalized_at,
        invoice.paid_at,
        invoice.voided_at,
        invoice.uncollectible_at,
        stage.sure and invoice.whole,  # sure
        start,  # valid_from
        end,  # valid_to
    )
