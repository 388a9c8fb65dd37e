"""What was taken off invoices after they were issued, and when was that taken back?"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Row, View


class CreditNoteRow(Row, frozen=True, order=True):
    """A credit note of `amount` (minor units, with tax) was `issued` or `voided`. `net` is without tax, and
    without what was refunded, in proportion: that counts when the refund moves."""

    at: datetime
    kind: str
    id: str
    invoice: str
    customer: str | None
    currency: str
    amount: int
    net: int


class CreditNotes(View[tuple[CreditNoteRow, ...], tuple[CreditNoteRow, ...]]):
    """What was taken off each invoice after it was issued?"""

    name = "credit_notes"
    version = 1
    hears = (CreditNoteIssued, CreditNoteVoided)
    state = tuple[CreditNoteRow, ...]
    row = CreditNoteRow
    sought = ("at",)

    def keys(self, row: Recorded) -> Iterable[str]:
        note = row.body
        return (note.invoice,) if isinstance(note, CreditNoteIssued | CreditNoteVoided) else ()

    def fold(
        self, state: tuple[CreditNoteRow, ...] | None, row: Recorded, id: str
    ) -> tuple[CreditNoteRow, ...]:
        note, held = row.body, state or ()
        if not isinstance(note, CreditNoteIssued | CreditNoteVoided):
            return held
        return tuple(
            sorted((*held, _row(row.happened_at, note)), key=lambda each: (each.at, each.kind, each.id))
        )

    def rows(self, id: str, part: tuple[CreditNoteRow, ...]) -> Iterable[CreditNoteRow]:
        return part


def total(note: CreditNoteIssued | CreditNoteVoided) -> int:
    """All that a note is of, with tax."""
    return note.before_payment + note.refunded + note.to_balance + note.elsewhere


def _row(at: datetime, note: CreditNoteIssued | CreditNoteVoided) -> CreditNoteRow:
    amount = total(note)
    left = Fraction(amount - note.refunded, amount) if amount else Fraction(0)
    return CreditNoteRow(
        at=at,
        kind="issued" if isinstance(note, CreditNoteIssued) else "voided",
        id=note.credit_note,
        invoice=note.invoice,
        customer=note.customer,
        currency=note.currency,
        amount=amount,
        net=round((amount - note.tax) * left),
    )
