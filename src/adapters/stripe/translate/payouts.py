"""Payouts: Stripe sends what it holds to our bank, and sometimes it comes back."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, read
from ledgerstone.adapters.stripe.wire import payouts as wire
from ledgerstone.ledger.payouts import PayoutFailed, PayoutSent


def told(event: Envelope) -> Iterator[Told]:
    """`payout.*`: every message tells that the payout was sent; `paid` tells no more: it can still fail."""
    payout = read(event.object, wire.Payout)
    currency = payout.currency.lower()
    amount = minor(payout.amount, currency)
    arrives_at = maybe_moment(payout.arrival_date)
    sent = PayoutSent(payout=payout.id, amount=amount, currency=currency, arrives_at=arrives_at)
    yield Told(f"payout/{payout.id}/sent", moment(payout.created), sent)
    if payout.status in ("failed", "canceled"):
        failed = PayoutFailed(payout=payout.id, amount=amount, currency=currency, code=payout.failure_code)
        yield Told(f"payout/{payout.id}/failed", event.created, failed)
