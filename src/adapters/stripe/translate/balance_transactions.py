"""Balance transactions: what moved Stripe's balance, cleared against what moved it, and what it cost."""

from collections.abc import Iterator
from typing import Any

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, moment, read
from ledgerstone.adapters.stripe.wire import balance_transactions as wire
from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen

FEES = ("fee", "network_cost")
"""Categories that are nothing but a fee: no other fact tells of what they take."""
PLATFORM = "application_fee"
DISPUTES = ("dispute", "dispute_reversal")
HELD_BACK = "risk_reserved"
"""The balance that holds reserves: what goes there and comes from there is told by `reserve.*`."""


def told(event: Envelope) -> Iterator[Told]:
    """One line of `/v1/balance_transactions`: it never changes but for being available."""
    line = read(event.object, wire.BalanceTransaction)
    currency = line.currency.lower()
    if line.net != line.amount - line.fee:
        raise Unusable(f"data.object: net {line.net} is not amount {line.amount} less fee {line.fee}")
    fact = BalanceTransactionSeen(
        transaction=line.id,
        source=_id(line.source) or line.id,
        kind=line.reporting_category or line.type or "unknown",
        currency=currency,
        net=0 if line.balance_type == HELD_BACK else minor(line.net, currency),
        balance=line.balance_type or "payments",
        available_at=maybe_moment(line.available_on),
        **({} if line.balance_type == HELD_BACK else _parts(line, currency)),
    )
    yield Told(f"balance-transaction/{line.id}", moment(line.created), fact)


def _parts(line: wire.BalanceTransaction, currency: str) -> dict[str, Any]:
    """What a transaction comes to: what it clears, in its own currency or another, and its fee."""
    amount, kind, platform = minor(line.amount, currency), line.reporting_category, _platform(line, currency)
    fee = minor(line.fee, currency) - platform
    if kind in FEES:
        return {"fee": fee - amount, "platform_fee": platform}
    kept = {"dispute_fee" if kind in DISPUTES else "fee": fee, "platform_fee": platform}
    if line.exchange_rate is None:
        return {"cleared": amount, **kept}
    presented, in_currency = _presented(line)
    if in_currency == currency:
        return {"cleared": amount, **kept}
    return {"exchanged": amount, "presented": presented, "presented_currency": in_currency, **kept}


def _platform(line: wire.BalanceTransaction, currency: str) -> int:
    """What a connected account pays its platform, whose books have it as an application fee; below 0 where it
    came back."""
    parts = [each.amount for each in line.fee_details or () if each.type == PLATFORM]
    return minor(sum(parts), currency)


def _presented(line: wire.BalanceTransaction) -> tuple[int, str]:
    """What other facts tell of the source: its amount, in its own currency, with the sign of the
    transaction. Raises Unusable where the list did not show it: a rate alone does not say of what."""
    source = line.source
    if not isinstance(source, wire.Source) or source.amount is None or source.currency is None:
        raise Unusable(
            "data.object.source: another currency was exchanged, and the source is not shown;"
            " list with expand[]=data.source"
        )
    currency = source.currency.lower()
    amount = source.amount if source.amount_captured is None else source.amount_captured
    return (1 if line.amount >= 0 else -1) * abs(minor(amount, currency)), currency


def _id(source: str | wire.Source | None) -> str | None:
    return source.id if isinstance(source, wire.Source) else source
