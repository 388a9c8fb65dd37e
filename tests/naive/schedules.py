"""Schedules and the lines of closes: what the view of recognition shows, day by day, and what a close would
work out of the rows of the log that it knew."""

from datetime import date, datetime, timedelta
from typing import Any

from ledgerstone.ledger.closing import MOVED, Line, _left, told, whole
from ledgerstone.ledger.periods import PeriodClosed, in_force, last_day
from ledgerstone.ledger.recognition import Standing
from tests.naive.lists import Nothing
from tests.naive.told import TICK, Known, first

Json = dict[str, Any]
SHOWN = (
    "subscription",
    "plan",
    "currency",
    "net",
    "returned",
    "lost",
    "freed",
    "taxed",
    "recovered",
    "relieved",
)
PLACE = ("invoice", "place", "plan", "currency", "rate")


def listed(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/journal/schedules`, what was issued last first."""
    found = [_line(id, row, (end - TICK).date()) for id, row in known.then("recognition", book, end)]
    kept = [line for line in found if all(line[name] == value for name, value in asked.items())]
    return sorted(kept, key=_order, reverse=True)


def _order(line: Json) -> tuple[Any, ...]:
    return line["issued"], line["invoice"], -line["line"], line["rate"], line["currency"]


def _line(id: str, row: Any, day: date) -> Json:
    gone = _earned(row, day)
    return {name: getattr(row, name) for name in SHOWN} | {
        "invoice": id,
        "line": row.line,
        "rate": row.rate,
        "customer": row.customer,
        "issued": row.issued_on,
        "start": row.service_start,
        "end": row.service_end,
        "earned": row.earned + gone,
        "deferred": row.deferred - gone,
    }


def _earned(row: Any, day: date) -> int:
    """What of it is earned by the end of a day, counted in days."""
    if row.spread_from is None:
        return 0
    days = [row.spread_from + timedelta(n) for n in range((row.spread_to - row.spread_from).days)]
    share: int = abs(row.deferred) * sum(each <= day for each in days) // len(days)
    return share if row.deferred > 0 else -share


def closed(known: Known, book: str) -> dict[str, PeriodClosed]:
    """The closes in force of a book."""
    return in_force([row.body for _, _, row in known.log if str(row.book) == book])


def of_close(known: Known, book: str, end: datetime, period: str, asked: Json) -> list[Json]:
    """`GET /sys/periods/{period}/lines`. Raises Nothing where the month has no close of its own, or had not
    begun."""
    if end <= first(period) or period not in closed(known, book):
        raise Nothing
    found: list[Json] = known.kept(("lines", book, period), lambda: _of_close(known, book, period))
    return [line for line in found if all(line[name] == value for name, value in asked.items())]


def _of_close(known: Known, book: str, period: str) -> list[Json]:
    close = closed(known, book)[period]
    rows = [(at, row) for at, _, row in known.log if str(row.book) == book and at <= close.known_at]
    now = whole(told(row for _, row in rows), last_day(period))
    before = _left(rows, in_force([row.body for _, row in rows]))
    parts = {(what, each.plan, each.currency, each.rate) for what in MOVED for each in getattr(close, what)}
    return [
        {"what": what, "amount": amount, **{name: getattr(line, name) for name in PLACE}}
        for line in sorted(now.keys() | before.keys(), key=_place)
        for what in MOVED
        if (amount := getattr(now.get(line, NONE), what) - getattr(before.get(line, NONE), what))
        and (what, line.plan, line.currency, line.rate) in parts
    ]


NONE = Standing()


def _place(line: Line) -> tuple[Any, ...]:
    return tuple(getattr(line, name) for name in PLACE)
