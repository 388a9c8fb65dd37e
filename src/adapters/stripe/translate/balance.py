"""What goes into Stripe's balance from our bank, and what of it Stripe holds back."""

from collections.abc import Iterator
from typing import Any

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, read
from ledgerstone.adapters.stripe.wire import payouts as wire
from ledgerstone.adapters.stripe.wire.fields import maybe_id
from ledgerstone.ledger.reserves import ReserveHeld, ReserveReleased
from ledgerstone.ledger.topups import TopUpFailed, TopUpReceived, TopUpReversed, TopUpStarted


def topup_told(event: Envelope) -> Iterator[Told]:
    """`topup.*`: every message tells that it was started, then what became of it. One that went back tells
    that it had arrived, too, so that the facts are whole in whatever order they come."""
    top_up = read(event.object, wire.TopUp)
    name, currency, at = f"top-up/{top_up.id}", top_up.currency.lower(), event.created
    same: dict[str, Any] = {
        "top_up": top_up.id,
        "amount": minor(top_up.amount, currency),
        "currency": currency,
    }
    started = TopUpStarted(**same, expected_at=maybe_moment(top_up.expected_availability_date))
    yield Told(f"{name}/started", moment(top_up.created), started)
    if top_up.status in ("succeeded", "reversed"):
        yield Told(f"{name}/received", at, TopUpReceived(**same))
    if top_up.status == "reversed":
        yield Told(f"{name}/reversed", at, TopUpReversed(**same))
    if top_up.status in ("failed", "canceled"):
        yield Told(f"{name}/failed", at, TopUpFailed(**same, code=top_up.failure_code))


def hold_told(event: Envelope) -> Iterator[Told]:
    """`reserve.hold.*`: so much is held back. What is released of it tells of itself: a hold lists parts of
    releases only (`release_details`)."""
    hold = read(event.object, wire.ReserveHold)
    currency, schedule = hold.currency.lower(), hold.release_schedule
    release_at = schedule.scheduled_release or schedule.release_after if schedule else None
    held = ReserveHeld(
        hold=hold.id,
        amount=minor(hold.amount, currency),
        currency=currency,
        charge=maybe_id(hold.source_charge),
        release_at=maybe_moment(release_at),
    )
    yield Told(f"reserve/{hold.id}/held", moment(hold.created), held)


def release_told(event: Envelope) -> Iterator[Told]:
    """`reserve.release.created`: so much is ours to use again."""
    release = read(event.object, wire.ReserveRelease)
    currency, at = release.currency.lower(), release.released_at or release.created
    released = ReserveReleased(
        release=release.id,
        amount=minor(release.amount, currency),
        currency=currency,
        hold=maybe_id(release.reserve_hold),
        reason=release.reason,
    )
    yield Told(f"reserve-release/{release.id}", moment(at), released)
