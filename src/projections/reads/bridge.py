"""Why does a figure of recurring revenue differ, as known at two moments? Row of the log by row of the log.

Each version of a line that counts at the instant adds its amount at the position where it became known, and
takes it away where it was known no more: so what lies between two positions leads from one figure to the
other, whatever the rows were."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads.asked import Moment, Query, ask, counted, known, relation

MOST = 10_000
"""Lines of an answer."""


class BridgeLine(Struct, frozen=True):
    """A step from the figure as known at first (`opening`) to the one as known at last (`closing`), which it
    adds up to. `mrr` is in minor units of `currency`, of what is known; `incomplete` counts items whose
    amount is not. The cause is `news` (it happened after the first moment), `late` (it had happened, and was
    heard later), `backdated` (it happened after `as_of` and tells of a time before) or `corrected` (a fact
    that had been read wrongly). `position` is the row of the log that says so, `fact` its kind, `evidence`
    the message; `customer` None where more than one (`customers`) changed."""

    currency: str
    cause: str
    mrr: int
    incomplete: int
    position: int
    recorded_at: datetime | None = None
    happened_at: datetime | None = None
    fact: str | None = None
    name: str | None = None
    evidence: str | None = None
    customer: str | None = None
    customers: int = 0


class Span(Struct, frozen=True):
    """What is bridged: from what was known at `start` (its last row was recorded at `known_at`) on."""

    start: int
    known_at: datetime | None
    moment: Moment


def standing(moment: Moment, currency: str | None) -> Query:
    """The figures as known at the moment's position: currency, amount, items whose amount is not known."""
    text = (
        "select r.currency, coalesce(sum(r.mrr), 0)::bigint, count(*) filter (where r.mrr is null)"
        f" from {relation(Mrr)} r where {known()} and {counted()}{_only(currency)} group by 1"
    )
    return ask(moment, text, currency=currency)


def steps(span: Span, currency: str | None) -> Query:
    """What each row of the log after the start changed: currency, position, amount, items, a customer, how
    many, when it was recorded, its tag and state; in order, one more than an answer holds."""
    changed = " union all ".join(
        f"select r.currency, r.{edge} as position, {sign} coalesce(r.mrr, 0) as mrr,"
        f" {sign} (r.mrr is null)::int as incomplete, r.customer from {relation(Mrr)} r"
        f" where r.book = %(book)s and r.{edge} > %(start)s and r.{edge} <= %(position)s"
        f" and {counted()}{_only(currency)}"
        for edge, sign in (("known_from", "+"), ("known_to", "-"))
    )
    text = (
        "select s.*, e.recorded_at, e.topic, e.state from (select currency, position, sum(mrr)::bigint,"
        " sum(incomplete)::bigint, min(customer), count(distinct customer)"
        f" from ({changed}) c group by 1, 2 having sum(mrr) <> 0 or sum(incomplete) <> 0"
        f" order by 1, 2 limit {MOST + 1}) s join stored_events e on e.notification_id = s.position"
        " order by 1, 2"
    )
    return ask(span.moment, text, start=span.start, currency=currency)


def bridge(
    span: Span, opening: Iterable[Sequence[Any]], steps: Iterable[Sequence[Any]]
) -> Iterator[BridgeLine]:
    """The lines, a bridge for each currency."""
    figures = {currency: (mrr, incomplete) for currency, mrr, incomplete in opening}
    changes = {currency: list(rows) for currency, rows in groupby(steps, key=lambda row: row[0])}
    for currency in sorted({*figures, *changes}):
        mrr, incomplete = figures.get(currency, (0, 0))
        yield BridgeLine(currency, "opening", mrr, incomplete, span.start, span.known_at)
        for row in changes.get(currency, ()):
            line = _line(span, *row)
            mrr, incomplete = mrr + line.mrr, incomplete + line.incomplete
            yield line
        yield BridgeLine(currency, "closing", mrr, incomplete, span.moment.position)


def _line(
    span: Span,
    currency: str,
    position: int,
    mrr: int,
    incomplete: int,
    customer: str,
    customers: int,
    recorded_at: datetime,
    fact: str,
    state: bytes,
) -> BridgeLine:
    row = decode(state)
    return BridgeLine(
        currency=currency,
        cause=_cause(span, row),
        mrr=mrr,
        incomplete=incomplete,
        position=position,
        recorded_at=recorded_at,
        happened_at=row.happened_at,
        fact=fact,
        name=row.name,
        evidence=row.cause,
        customer=customer if customers == 1 else None,
        customers=customers,
    )


def _cause(span: Span, row: Recorded) -> str:
    if isinstance(row.body, Superseded):
        return "corrected"
    if row.happened_at >= span.moment.at:
        return "backdated"
    return "news" if span.known_at is None or row.happened_at > span.known_at else "late"


def _only(currency: str | None) -> str:
    return " and r.currency = %(currency)s" if currency else ""
