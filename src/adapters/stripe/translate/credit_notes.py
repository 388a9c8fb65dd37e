"""Credit notes: what came off an invoice, and what was given back of what had been paid."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, read
from ledgerstone.adapters.stripe.wire import credit_notes as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.evidence import RefetchWanted


class Parts(Struct, frozen=True):
    """What a credit note is made of, in Stripe's minor units."""

    before_payment: int
    refunded: int = 0
    to_balance: int = 0
    elsewhere: int = 0
    refunds: tuple[str, ...] = ()


def told(event: Envelope) -> Iterator[Told]:
    """`credit_note.*`: every message tells that it was issued, and any after its end that it was voided."""
    note = read(event.object, wire.CreditNote)
    parts = _parts(note)
    if parts is None:
        reason = "how much of it was refunded, and how much became credit, does not stand in it"
        wanted = RefetchWanted(object="credit_note", id=note.id, reason=reason)
        yield Told(f"stripe/{event.id}/refetch", event.created, wanted)
        return
    same = _same(note, parts)
    issued = CreditNoteIssued(**same, refunds=parts.refunds)
    yield Told(f"credit-note/{note.id}/issued", moment(note.created), issued)
    if note.status == "void":
        voided_at = maybe_moment(note.voided_at) or event.created
        yield Told(f"credit-note/{note.id}/voided", voided_at, CreditNoteVoided(**same))


def _same(note: wire.CreditNote, parts: Parts) -> dict[str, Any]:
    currency = note.currency.lower()
    taxes = note.tax_amounts if note.total_taxes is None else note.total_taxes
    return {
        "credit_note": note.id,
        "invoice": id_of(note.invoice),
        "currency": currency,
        "before_payment": minor(parts.before_payment, currency),
        "refunded": minor(parts.refunded, currency),
        "to_balance": minor(parts.to_balance, currency),
        "elsewhere": minor(parts.elsewhere, currency),
        "tax": minor(sum(tax.amount for tax in taxes or ()), currency),
        "customer": maybe_id(note.customer) or note.customer_account,
    }


def _parts(note: wire.CreditNote) -> Parts | None:
    """None where the note does not say how what was paid before is divided."""
    whole = note.amount if note.total is None else note.total
    if note.post_payment_amount is None:  # until 2025-03-31 a note is of one kind or the other
        return Parts(whole) if note.type == "pre_payment" else _divided_before_2025(note, whole)
    before = whole - note.post_payment_amount if note.pre_payment_amount is None else note.pre_payment_amount
    at_stripe = [each for each in note.refunds or () if each.refund is not None]
    refunded = sum(each.amount_refunded for each in at_stripe)
    recorded = sum(each.amount_refunded for each in note.refunds or ()) - refunded
    return _divided(
        note,
        Parts(
            before,
            refunded=refunded,
            elsewhere=(note.out_of_band_amount or 0) + recorded,
            refunds=tuple(id_of(each.refund) for each in at_stripe if each.refund is not None),
        ),
        note.post_payment_amount,
    )


def _divided(note: wire.CreditNote, parts: Parts, after: int) -> Parts:
    """What is neither refunded nor given elsewhere became credit, if the balance was changed at all."""
    rest = after - parts.refunded - parts.elsewhere
    if note.customer_balance_transaction is None:
        return replace(parts, elsewhere=parts.elsewhere + rest)
    return replace(parts, to_balance=rest)


def _divided_before_2025(note: wire.CreditNote, whole: int) -> Parts | None:
    """One refund, of which the amount stands there only if it is expanded, or is all that is left."""
    elsewhere, credit, refund = note.out_of_band_amount or 0, note.customer_balance_transaction, note.refund
    if refund is None:
        return _divided(note, Parts(0, elsewhere=elsewhere), whole)
    if isinstance(refund, wire.WholeRefund):
        refunds, refunded = (refund.id,), refund.amount
    elif isinstance(credit, wire.BalanceTransaction):
        refunds, refunded = (refund,), whole - elsewhere + credit.amount
    elif credit is None:
        refunds, refunded = (refund,), whole - elsewhere
    else:
        return None
    return _divided(note, Parts(0, refunded=refunded, elsewhere=elsewhere, refunds=refunds), whole)
