"""The lines of recurring revenue by arithmetic that shares nothing with the views: `tests.plain`, which reads
the messages themselves. For logs without corrections, since those are no messages."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ledgerstone.ledger.evidence import StripeEventHeard
from tests.naive.told import Known
from tests.plain import lives, mrr
from tests.plain.history import histories


class Line(NamedTuple):
    """What an item is worth a month, whose it is, and where that is."""

    subscription: str
    item: str
    customer: str
    currency: str
    mrr: int | None
    plan: str
    country: str
    tenant: str


def lines(known: Known, book: str, end: datetime) -> list[Line]:
    """What every item that counts just before an instant is worth a month."""
    told: Any = known.kept(("apart", book), lambda: histories(_messages(known, book)))
    found = []
    for figure in mrr.figures(told, end.timestamp()):
        who = _customer(told, figure.customer, end.timestamp())
        held = lives.subscription(told["subscription", figure.subscription]).at(end.timestamp())
        assert held is not None
        plan = next(it["price"]["product"] for it in held["items"]["data"] if it["id"] == figure.item)
        found.append(Line(*figure, plan, who["country"] or "", who["tenant"]))
    return found


def _messages(known: Known, book: str) -> list[Any]:
    heard = [row.body for _, _, row in known.log if str(row.book) == book]
    return [
        msgspec.json.decode(body.payload)
        for body in heard
        if isinstance(body, StripeEventHeard) and body.parked is None and not body.unknown
    ]


def _customer(told: Any, id: str, end: float) -> Any:
    if ("customer", id) not in told:
        return {"tenant": id, "country": None}
    marks = lives.customer(told["customer", id]).marks
    said = [mark.state for mark in marks if mark.start < end]
    return said[-1] if said else marks[0].state
