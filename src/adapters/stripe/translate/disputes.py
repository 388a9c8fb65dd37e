"""Disputes: money that a customer's bank takes back, and sometimes gives again."""

from collections.abc import Iterator, Sequence
from typing import Any

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, moment, read
from ledgerstone.adapters.stripe.wire import payments as wire
from ledgerstone.adapters.stripe.wire.fields import id_of
from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
)

Moved = type[DisputeFundsWithdrawn] | type[DisputeFundsReinstated]

SPARED = ("prevented", "charge_refunded")
"""Outcomes that spare us the withdrawal: the payment was refunded in time, and the refund moves the money."""


def told(event: Envelope) -> Iterator[Told]:
    """`charge.dispute.*`: every message tells that the dispute was opened, and what its balance transactions
    say of its money; where it lists none, only the messages of that name do. That it was lost is told by the
    message of its end. An appeal comes before that, and leaves it undecided."""
    dispute = read(event.object, wire.Dispute)
    name, currency = f"dispute/{dispute.id}", dispute.currency.lower()
    same: dict[str, Any] = {"dispute": dispute.id, "payment": _payment(dispute), "currency": currency}
    amount = minor(dispute.amount, currency)
    opened = DisputeOpened(**same, amount=amount, reason=dispute.reason)
    yield Told(f"{name}/opened", moment(dispute.created), opened)
    yield from _withdrawn_and_put_back(event, dispute, same, amount)
    if event.type == "charge.dispute.closed" and (gone := _gone(dispute, amount)):
        yield Told(f"{name}/lost", event.created, DisputeLost(**same, amount=gone))


def _withdrawn_and_put_back(
    event: Envelope, dispute: wire.Dispute, same: dict[str, Any], amount: int
) -> Iterator[Told]:
    kinds: tuple[tuple[str, int, Moved], ...] = (
        ("withdrawn", -1, DisputeFundsWithdrawn),
        ("reinstated", 1, DisputeFundsReinstated),
    )
    for verb, sign, fact in kinds:
        name, moves = f"dispute/{dispute.id}/{verb}", _moves(dispute, sign)
        if not moves and event.type == f"charge.dispute.funds_{verb}":
            yield Told(name, event.created, fact(**same, amount=amount))
        for each in moves:
            moved = _moved(dispute, each, amount) if each is moves[0] else abs(_own(dispute, each))
            named = name if each is moves[0] else f"{name}/{each.id}"
            yield Told(named, moment(each.created), fact(**same, amount=moved))


def _moves(dispute: wire.Dispute, sign: int) -> Sequence[wire.BalanceTransaction]:
    """What was withdrawn (-1) or put back (1), in order: the first has the plain name, so that it is the same
    fact as told by a message that lists nothing, or ids only."""
    listed = [
        each
        for each in dispute.balance_transactions or ()
        if isinstance(each, wire.BalanceTransaction) and each.amount * sign > 0
    ]
    return sorted(listed, key=lambda each: (each.created, each.id))


def _moved(dispute: wire.Dispute, move: wire.BalanceTransaction, amount: int) -> int:
    """A transaction is in our currency, which may be another than the dispute's: then, all of it."""
    return abs(_own(dispute, move)) or amount


def _own(dispute: wire.Dispute, move: wire.BalanceTransaction) -> int:
    """What a transaction moved in the dispute's currency; 0 where it is in another."""
    currency = dispute.currency.lower()
    return minor(move.amount, currency) if move.currency.lower() == currency else 0


def _gone(dispute: wire.Dispute, amount: int) -> int:
    """What does not come back any more: as far as it is listed, what was withdrawn and not put back. Where
    nothing is listed, or in another currency, a loss is of all that was disputed."""
    if dispute.status != "lost" and dispute.status not in SPARED:
        return 0
    listed = [*_moves(dispute, -1), *_moves(dispute, 1)]
    if listed and all(_own(dispute, each) for each in listed):
        return max(0, -sum(_own(dispute, each) for each in listed))
    return amount if dispute.status == "lost" else 0


def _payment(dispute: wire.Dispute) -> str:
    known_by = dispute.payment_intent or dispute.charge
    if known_by is None:
        raise Unusable("data.object: neither payment_intent nor charge says which payment this is about")
    return id_of(known_by)
