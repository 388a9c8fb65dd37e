"""Refunds: money given back."""

from collections.abc import Iterator
from typing import Any

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.payments import charge_told
from ledgerstone.adapters.stripe.translate.reading import Told, moment, observed, read, refetch, states
from ledgerstone.adapters.stripe.wire import payments as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.payments import Refund, RefundFailed, RefundRequested, RefundSeen, RefundSettled


def refund_told(event: Envelope) -> Iterator[Told]:
    """`refund.*` and `charge.refund.updated`: the refund is seen; every message tells that it was requested,
    then that it settled, or failed. One that failed after it had left Stripe's balance tells all three, so
    that the facts are whole in whatever order they come."""
    refund, now, before = states(event, wire.Refund, _terms)
    seen = RefundSeen(
        id=refund.id, payment=_payment(refund), now=now, before=before, first=event.first, last=event.last
    )
    yield observed(event, "refund", seen)
    yield from _moved(event, refund)


def refunds_told(event: Envelope) -> Iterator[Told]:
    """`charge.refunded`: until 2022-11-15 the charge shows its refunds, and was for long the only message of
    their making. Since then they only tell of themselves; sums over them (`amount_refunded`) are no facts.
    Whatever is refunded was received, and this message may be the first to show it."""
    yield from charge_told(event)
    charge = read(event.object, wire.RefundedCharge)
    for refund in charge.refunds.data if charge.refunds else ():
        seen = RefundSeen(id=refund.id, payment=_payment(refund), now=_terms(refund))
        yield observed(event, f"refund/{refund.id}", seen)
        yield from _moved(event, refund)
    yield from refetch(event, "charge", charge.id, refunds=charge.refunds)


def _moved(event: Envelope, refund: wire.Refund) -> Iterator[Told]:
    name, payment, currency = f"refund/{refund.id}", _payment(refund), refund.currency.lower()
    amount = minor(refund.amount, currency)
    same: dict[str, Any] = {"refund": refund.id, "payment": payment, "amount": amount, "currency": currency}
    failed = refund.status in ("failed", "canceled")
    came_back = refund.failure_balance_transaction is not None
    requested = RefundRequested(**same, charge=maybe_id(refund.charge))
    yield Told(f"{name}/requested", moment(refund.created), requested)
    if refund.status == "succeeded" or (failed and came_back):
        yield Told(f"{name}/settled", event.created, RefundSettled(**same))
    if failed:
        returned = amount if came_back else 0
        yield Told(f"{name}/failed", event.created, RefundFailed(**same, returned=returned))


def _terms(refund: wire.Refund) -> Refund:
    currency = refund.currency.lower()
    return Refund(
        status=refund.status or "pending",
        amount=minor(refund.amount, currency),
        currency=currency,
        returned=refund.failure_balance_transaction is not None,
    )


def _payment(reversal: wire.Refund) -> str:
    known_by = reversal.payment_intent or reversal.charge
    if known_by is None:
        raise Unusable("data.object: neither payment_intent nor charge says which payment this is about")
    return id_of(known_by)
