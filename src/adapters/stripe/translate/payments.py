"""Charges and payment intents: money asked for, received, or refused."""

from collections.abc import Iterator
from datetime import datetime

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate.reading import Told, moment, observed, read, states
from ledgerstone.adapters.stripe.wire import payments as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.payments import Payment, PaymentApplied, PaymentFailed, PaymentReceived, PaymentSeen

CAPTURES = ("charge.succeeded", "charge.captured")
"""Whose time is that of the capture: a debit's charge is made days before it."""


def intent_told(event: Envelope) -> Iterator[Told]:
    """`payment_intent.*`: the payment is seen."""
    intent, now, before = states(event, wire.PaymentIntent, _terms)
    seen = PaymentSeen(id=intent.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "payment", seen)


def charge_told(event: Envelope) -> Iterator[Told]:
    """`charge.*`: captured money was received; a failed charge was refused. Until 2025-03-31 a charge names
    the invoice that it pays, and the message of its capture tells that it did, as `invoice_payment.paid` does
    since: one fact of one name."""
    charge = read(event.object, wire.Charge)
    if charge.status == "succeeded" and charge.captured:
        received = _received(charge)
        yield Told(f"charge/{charge.id}/captured", moment(charge.created), received)
        if charge.invoice is not None and event.type in CAPTURES:
            yield applied(
                id_of(charge.invoice), received.payment, received.amount, received.currency, event.created
            )
    if charge.status == "failed":
        yield Told(f"charge/{charge.id}/failed", moment(charge.created), _failed(charge))


def applied(invoice: str, payment: str, amount: int, currency: str, at: datetime) -> Told:
    """So much of a payment was used for an invoice: named by the two, whoever tells of it."""
    fact = PaymentApplied(invoice=invoice, payment=payment, amount=amount, currency=currency)
    return Told(f"applied/{invoice}/{payment}", at, fact)


def _terms(intent: wire.PaymentIntent) -> Payment:
    currency, methods = intent.currency.lower(), intent.payment_method_types
    return Payment(
        status=intent.status,
        amount=minor(intent.amount, currency),
        currency=currency,
        created_at=moment(intent.created),
        customer=maybe_id(intent.customer),
        method=methods[0] if len(methods) == 1 else None,
    )


def _received(charge: wire.Charge) -> PaymentReceived:
    currency = charge.currency.lower()
    return PaymentReceived(
        charge=charge.id,
        payment=_payment(charge),
        amount=minor(charge.amount_captured, currency),
        currency=currency,
        customer=maybe_id(charge.customer),
        method=_method(charge),
    )


def _failed(charge: wire.Charge) -> PaymentFailed:
    currency = charge.currency.lower()
    return PaymentFailed(
        charge=charge.id,
        payment=_payment(charge),
        amount=minor(charge.amount, currency),
        currency=currency,
        customer=maybe_id(charge.customer),
        method=_method(charge),
        code=charge.failure_code,
    )


def _payment(charge: wire.Charge) -> str:
    return id_of(charge.payment_intent or charge.id)


def _method(charge: wire.Charge) -> str | None:
    return charge.payment_method_details.type if charge.payment_method_details else None
