"""Invoices: each is seen, and once issued, voided, or written off; and payments are applied to them."""

from collections.abc import Iterator
from datetime import datetime

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.invoice_lines import priced, service_lines
from ledgerstone.adapters.stripe.translate.payments import applied
from ledgerstone.adapters.stripe.translate.reading import (
    Told,
    maybe_moment,
    moment,
    observed,
    read,
    refetch,
    states,
)
from ledgerstone.adapters.stripe.translate.taxes import by_rate, taxes
from ledgerstone.adapters.stripe.wire import invoices as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.invoices import (
    Invoice,
    InvoiceIssued,
    InvoiceOverpaid,
    InvoiceSeen,
    InvoiceVoided,
    InvoiceWrittenOff,
)
from ledgerstone.ledger.payments import PaidElsewhere


def told(event: Envelope) -> Iterator[Told]:
    """`invoice.*`: the invoice is seen; any message after its finalisation tells that it was issued, any
    after its end that it was voided, and any since then how much too much was paid; what was open when it
    was written off only that message tells."""
    invoice, now, before = states(event, wire.Invoice, _terms)
    seen = InvoiceSeen(id=invoice.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "invoice", seen)
    yield from refetch(event, "invoice", invoice.id, lines=invoice.lines, payments=invoice.payments)
    for link in invoice.payments.data if invoice.payments else ():
        yield from _applied(link, moment(link.created))
    if now.paid_at and _paid_unsaid(invoice):
        yield Told(_elsewhere(invoice.id), now.paid_at, _paid_elsewhere(invoice, now))
    if now.finalized_at and now.status != "draft":
        yield Told(f"invoice/{invoice.id}/issued", now.finalized_at, _issued(invoice, now))
    if now.voided_at and now.status == "void":
        yield Told(f"invoice/{invoice.id}/voided", now.voided_at, _voided(invoice, now))
    if now.uncollectible_at and event.type == "invoice.marked_uncollectible":
        yield Told(f"invoice/{invoice.id}/written-off", now.uncollectible_at, _written_off(invoice, now))
    if now.overpaid:
        yield Told(f"invoice/{invoice.id}/overpaid", _overpaid_at(event, now), _overpaid(invoice, now))


def payment_told(event: Envelope) -> Iterator[Told]:
    """`invoice_payment.paid`: so much of a payment was used for an invoice. One that is only open, or was
    cancelled, tells nothing."""
    yield from _applied(read(event.object, wire.InvoicePayment), event.created)


def _terms(invoice: wire.Invoice) -> Invoice:
    currency, marks = invoice.currency.lower(), invoice.status_transitions
    unsaid = _paid_unsaid(invoice)
    return Invoice(
        status=_status(invoice),
        currency=currency,
        created_at=moment(invoice.created),
        total=minor(invoice.total, currency),
        tax=minor(_tax(invoice), currency),
        amount_due=minor(invoice.amount_due, currency),
        amount_paid=minor(invoice.amount_paid + unsaid, currency),
        amount_remaining=0 if unsaid else minor(invoice.amount_remaining, currency),
        customer=maybe_id(invoice.customer),
        subscription=_subscription(invoice),
        number=invoice.number,
        paid_elsewhere=minor(invoice.amount_paid_off_stripe or unsaid, currency),
        plans=_plans(invoice),
        due_at=maybe_moment(invoice.due_date),
        finalized_at=maybe_moment(marks.finalized_at),
        paid_at=maybe_moment(marks.paid_at),
        voided_at=maybe_moment(marks.voided_at),
        uncollectible_at=maybe_moment(marks.marked_uncollectible_at),
        whole=invoice.lines is None or not invoice.lines.has_more,
        overpaid=minor(invoice.amount_overpaid, currency),
    )


def _applied(link: wire.InvoicePayment, heard: datetime) -> Iterator[Told]:
    """At the time that the link itself says, else when we heard of it. What a payment record tells of was
    paid outside of Stripe: a part of what older versions tell as a whole, and know no records of."""
    if link.status not in ("paid", None):
        return
    if link.amount_paid is None:
        raise Unusable("data.object.amount_paid: expected `int`, got `null` of a payment that is paid")
    currency, marks = link.currency.lower(), link.status_transitions
    at = (maybe_moment(marks.paid_at) if marks else None) or heard
    invoice, payment, amount = id_of(link.invoice), _payment(link.payment), minor(link.amount_paid, currency)
    if link.payment.payment_intent is None and link.payment.charge is None:
        elsewhere = PaidElsewhere(invoice=invoice, amount=amount, currency=currency, payment=payment)
        yield Told(f"applied/{invoice}/{payment}", at, elsewhere)
        in_parts = PaidElsewhere(invoice=invoice, amount=0, currency=currency, in_parts=True)
        yield Told(_elsewhere(invoice), at, in_parts)
    else:
        yield applied(invoice, payment, amount, currency, at)


def _issued(invoice: wire.Invoice, now: Invoice) -> InvoiceIssued:
    return InvoiceIssued(
        invoice=invoice.id,
        currency=now.currency,
        net=now.total - now.tax,
        tax=now.tax,
        from_balance=_from_balance(invoice, now.currency),
        customer=now.customer,
        lines=service_lines(invoice.lines, now.total - now.tax, now.currency),
        taxes=by_rate(invoice, now.currency),
    )


def _voided(invoice: wire.Invoice, now: Invoice) -> InvoiceVoided:
    credited = minor(invoice.pre_payment_credit_notes_amount, now.currency)
    return InvoiceVoided(
        invoice=invoice.id,
        currency=now.currency,
        open=now.total - credited - now.amount_paid,
        to_balance=_from_balance(invoice, now.currency),
        customer=now.customer,
    )


def _written_off(invoice: wire.Invoice, now: Invoice) -> InvoiceWrittenOff:
    return InvoiceWrittenOff(
        invoice=invoice.id, currency=now.currency, open=now.amount_remaining, customer=now.customer
    )


def _overpaid_at(event: Envelope, now: Invoice) -> datetime:
    """When the message was made, if it tells of the change; else the first time that it can have been."""
    changed = isinstance(event.previous, dict) and "amount_overpaid" in event.previous
    tells = changed or event.type == "invoice.overpaid"
    return event.created if tells or now.paid_at is None else now.paid_at


def _overpaid(invoice: wire.Invoice, now: Invoice) -> InvoiceOverpaid:
    """`amount_overpaid` is a sum, and no child of it comes in messages: what the customer's balance gained by
    it is in lists only."""
    return InvoiceOverpaid(
        invoice=invoice.id, currency=now.currency, amount=now.overpaid, customer=now.customer
    )


def _elsewhere(invoice: str) -> str:
    """The name of all that was paid on an invoice outside of Stripe."""
    return f"invoice/{invoice}/paid-elsewhere"


def _paid_elsewhere(invoice: wire.Invoice, now: Invoice) -> PaidElsewhere:
    amount = minor(_paid_unsaid(invoice), now.currency)
    return PaidElsewhere(invoice=invoice.id, amount=amount, currency=now.currency)


def _from_balance(invoice: wire.Invoice, currency: str) -> int:
    """Credit is below 0 at Stripe: a balance that rose at finalisation is credit that was used."""
    if invoice.ending_balance is None:
        return 0
    return minor(invoice.ending_balance - invoice.starting_balance, currency)


def _status(invoice: wire.Invoice) -> str:
    """Every version from 2020 on says it, but for invoices from before there were statuses (2018)."""
    if invoice.status is not None:
        return invoice.status
    if invoice.paid:
        return "paid"
    return "draft" if invoice.status_transitions.finalized_at is None else "open"


def _paid_unsaid(invoice: wire.Invoice) -> int:
    """What was paid out of band, where the version does not count it as paid: all that was not paid at Stripe
    (https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices)."""
    settled = invoice.paid_out_of_band and (invoice.paid or invoice.status == "paid")
    return invoice.amount_due - invoice.amount_paid if settled else 0


def _tax(invoice: wire.Invoice) -> int:
    if invoice.total_taxes is None and invoice.total_tax_amounts is None:
        return invoice.tax or 0
    return sum(tax.amount for tax in taxes(invoice))


def _subscription(invoice: wire.Invoice) -> str | None:
    details = invoice.parent.subscription_details if invoice.parent else None
    newest = details.subscription if details else None
    return maybe_id(newest or invoice.subscription)


def _plans(invoice: wire.Invoice) -> tuple[str, ...]:
    """Each product once, in the order of the lines. A long invoice's message carries its first lines only."""
    lines = invoice.lines.data if invoice.lines else ()
    prices = [priced(line) for line in lines]
    return tuple(dict.fromkeys(id_of(each.product) for each in prices if each and each.product))


def _payment(payment: wire.AppliedPayment) -> str:
    known_by = payment.payment_intent or payment.charge or payment.payment_record
    if known_by is None:
        raise Unusable("data.object.payment: neither payment_intent nor charge nor payment_record")
    return id_of(known_by)
