"""Single invoices, payments and subscriptions."""

from ledgerstone.http.errors import Problem
from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import invoices, payments, subscriptions


async def invoice(asked: Asked) -> Found:
    """An invoice, its payments and credit notes, and how it stood at all times."""
    id, moment, fetch = asked.path["id"], asked.moment, asked.snapshot.fetch
    if not (rows := await fetch(invoices.one(moment, id))):
        raise _unknown("invoice", asked)
    used, notes = await fetch(invoices.payments(moment, id)), await fetch(invoices.credit_notes(moment, id))
    return Found(invoices.detail(rows[0], used, notes, await fetch(invoices.history(moment, id))))


async def payment(asked: Asked) -> Found:
    """A payment, its refunds and disputes, and the settlement of its invoice."""
    id, moment, fetch = asked.path["id"], asked.moment, asked.snapshot.fetch
    if not (rows := await fetch(payments.one(moment, id))):
        raise _unknown("payment", asked)
    return Found(payments.detail(rows[0], await fetch(payments.moves(moment, id))))


async def subscription(asked: Asked) -> Found:
    """A subscription, its timeline, and what it is agreed to become."""
    id, moment, fetch = asked.path["id"], asked.moment, asked.snapshot.fetch
    if not (rows := await fetch(subscriptions.one(moment, id))):
        raise _unknown("subscription", asked)
    chapters, agreed = subscriptions.timeline(moment, id), subscriptions.scheduled(moment, id)
    found = subscriptions.detail(rows[0], await fetch(chapters), await fetch(agreed))
    return Found(found, int(found.mrr is None))


def _unknown(kind: str, asked: Asked) -> Problem:
    moment = asked.moment
    when = f"just before {moment.at:%Y-%m-%dT%H:%M:%SZ}, as known at position {moment.position}"
    return Problem(404, f"There is no {kind} {asked.path['id']!r} {when}.")
