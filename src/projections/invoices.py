"""What is each invoice's status, what is owed on it, and since when?"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from ledgerstone.ledger.invoices import Invoice, InvoiceSeen, Stage, rank, stages
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import Course, History, course, repeats
from ledgerstone.projections.histories import told
from ledgerstone.projections.money import Money, MoneyRow, standing
from ledgerstone.projections.view import Look, Ref, Row, View


class Applied(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Money of a payment that was used for an invoice."""

    at: datetime
    payment: str
    amount: int


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one invoice."""

    seen: History[Invoice] = History()
    applied: tuple[Applied, ...] = ()


Part = tuple[Course[Invoice], tuple[Applied, ...], tuple[MoneyRow, ...]]


class InvoiceRow(Row, frozen=True):
    """An invoice for a time, amounts in minor units. `settlement` says how far it is paid and whether the
    money stayed; whether it is overdue depends on the date that is asked for. `sure` False
    when messages are missing that would say what its state was, or `plans` may lack some."""

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
    version = 1
    weight = 6
    hears = (InvoiceSeen, PaymentApplied)
    reads = (Money,)
    state = Told
    row = InvoiceRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case InvoiceSeen() as seen:
                return (seen.id,)
            case PaymentApplied() as applied:
                return (applied.invoice,)
        return ()

    def fold(self, state: Told | None, row: Recorded, id: str) -> Told:
        held = state or Told()
        match row.body:
            case InvoiceSeen():
                return Told(told(held.seen, row, rank), held.applied)
            case PaymentApplied(payment=payment, amount=amount):
                return Told(
                    held.seen, tuple(sorted((*held.applied, Applied(row.happened_at, payment, amount))))
                )
        return held

    def alike(self, held: Told, now: Told) -> bool:
        return now.applied is held.applied and repeats(held.seen, now.seen)

    def refs(self, id: str, state: Told) -> Iterable[Ref]:
        return [("money", applied.payment) for applied in state.applied]

    def points(self, row: Recorded) -> Iterable[Ref]:
        return (("money", row.body.payment),) if isinstance(row.body, PaymentApplied) else ()

    def part(self, id: str, state: Told, look: Look) -> Part:
        if not state.applied:
            return course(state.seen), (), ()
        payments = dict.fromkeys([applied.payment for applied in state.applied])
        moves = [move for payment in payments for move in look(("money", payment)) if move.kind != "received"]
        return course(state.seen), state.applied, tuple(moves)

    def rows(self, id: str, part: Part) -> Iterable[InvoiceRow]:
        seen, applied, moves = part
        if not seen.steps:
            return
        marks = sorted({*[one.at for one in applied], *[move.at for move in moves]}) if applied else ()
        for stage in stages(seen):
            since = stage.start
            for mark in marks:
                if since < mark and (stage.end is None or mark < stage.end):
                    yield _row(id, stage, applied, moves, since, mark)
                    since = mark
            yield _row(id, stage, applied, moves, since, stage.end)


def settlement(invoice: Invoice, applied: int, refunded: int, disputed: int) -> str:
    """How far an invoice is paid, and whether the money stayed."""
    paid = applied if applied > invoice.amount_paid else invoice.amount_paid
    if disputed > 0:
        return "disputed"
    if refunded > 0:
        return "refunded" if refunded >= paid else "partially_refunded"
    if paid > invoice.amount_due:
        return "overpaid"
    if invoice.status == "paid" or (0 < invoice.amount_due <= paid):
        return "paid"
    return "partially_paid" if paid > 0 else "unpaid"


def _row(
    id: str,
    stage: Stage,
    applied: Sequence[Applied],
    moves: Sequence[MoneyRow],
    start: datetime,
    end: datetime | None,
) -> InvoiceRow:
    invoice = stage.terms
    used = [one for one in applied if one.at <= start] if applied else applied
    paid = sum([one.amount for one in used]) if used else 0
    refunded, disputed = standing(moves, start) if moves else (0, 0)
    return InvoiceRow(
        id=id,
        number=invoice.number,
        customer=invoice.customer,
        subscription=invoice.subscription,
        currency=invoice.currency,
        total=invoice.total,
        tax=invoice.tax,
        amount_due=invoice.amount_due,
        amount_paid=invoice.amount_paid,
        amount_remaining=invoice.amount_remaining,
        refunded=refunded,
        disputed=disputed,
        paid_elsewhere=invoice.paid_elsewhere,
        status=invoice.status,
        settlement=settlement(invoice, paid, refunded, disputed),
        plans=invoice.plans,
        payments=tuple(dict.fromkeys([one.payment for one in used])) if used else (),
        created_at=invoice.created_at,
        due_at=invoice.due_at,
        finalized_at=invoice.finalized_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        uncollectible_at=invoice.uncollectible_at,
        sure=stage.sure and invoice.whole,
        valid_from=start,
        valid_to=end,
    )
