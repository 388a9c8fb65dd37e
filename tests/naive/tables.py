"""Recurring revenue by period, and what moved it, as the design has them: added up from the lines that count
at each instant, whoever they are of, again for every figure; in their own currencies or in one."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from tests.naive.exchange import exchanged
from tests.naive.told import TICK, Known, day, exclusive, first, holds, month, next_month

Json = dict[str, Any]
KINDS = ("new", "reactivation", "expansion", "contraction", "churn", "entering", "leaving")
GAINED, LOST = ("new", "reactivation", "expansion", "entering"), ("contraction", "churn", "leaving")


class Period(NamedTuple):
    """A day or month, cut at the instant that is asked for."""

    label: str
    start: datetime
    end: datetime


class Cell(NamedTuple):
    """A currency and a group; the group of a total is empty."""

    currency: str
    group: str


class Item(NamedTuple):
    """A line that counts: where it is added, whose it is, its amount in its own currency, and its worth in
    that of the cell; None: not known."""

    cell: Cell
    customer: str
    subscription: str
    currency: str
    native: int | None
    mrr: Fraction | None


Moved = dict[Cell, dict[str, list[Fraction]] | None]
"""What moved, by cell and kind: the amounts, one a customer; None: not known."""


def mrr(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/mrr`."""
    periods = _periods(asked, end, asked.get("interval", "month"))
    rows = []
    for period in periods:
        for cell in cells(known, book, periods, asked):
            now = figures(items(known, book, period.end, asked), cell)
            if is_total(asked) or has_any(now):
                rows.append({"period": period.label, "at": period.end, **named(cell, asked), **shown(now)})
    return rows


def months(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /api/mrr`."""
    periods = _periods(asked, end, "month")
    rows = []
    for period in periods:
        for cell in cells(known, book, periods, asked):
            held, now = (figures(items(known, book, at, asked), cell) for at in (period.start, period.end))
            line = {"month": period.label, "currency": cell.currency, **shown(now)}
            del line["paying_customers"]
            rows.append({**line, "change": change(held["mrr"], now["mrr"])})
    return rows


def movements(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/mrr/movements`."""
    grain = asked.get("interval", "month")
    periods = _periods(asked, end, grain)
    rows = []
    for period in periods:
        found = moved(known, book, period.start, period.end, grain, asked)
        for cell in cells(known, book, periods, asked):
            held, now = (figures(items(known, book, at, asked), cell) for at in (period.start, period.end))
            if is_total(asked) or has_any(held) or has_any(now) or cell in found:
                line = {"period": period.label, "at": period.end, **named(cell, asked)}
                rows.append({**line, **_movement(held["mrr"], now["mrr"], found.get(cell, {}), asked)})
    return rows


def _movement(
    opening: int | None, closing: int | None, found: dict[str, list[Fraction]] | None, asked: Json
) -> Json:
    ends: Json = {"opening": opening, "closing": closing}
    if opening is None or closing is None or found is None:
        people = dict.fromkeys(KINDS[:5])
        return {
            **dict.fromkeys(KINDS),
            "fx": None if "convert_to" in asked else 0,
            **ends,
            "customers": people,
        }
    kinds = {kind: round(sum(found.get(kind, []))) for kind in KINDS}
    rest = closing - opening - sum(kinds[kind] for kind in GAINED) + sum(kinds[kind] for kind in LOST)
    people = {kind: len(found.get(kind, [])) for kind in KINDS[:5]}
    return {**kinds, "fx": rest if "convert_to" in asked else 0, **ends, "customers": people}


def window(asked: Json, end: datetime, grain: str) -> tuple[datetime, datetime]:
    """From when until when is asked."""
    until = exclusive(asked["to"]) if "to" in asked else end
    if "from" in asked:
        since = first(asked["from"])
    else:
        since = (month if grain == "month" else day)(min(until, end) - TICK)
    return since, until


def refused(asked: Json, end: datetime) -> str | None:
    """The parameter that is wrong, of a question that has no answer."""
    since, until = window(asked, end, "month")
    return "from" if "from" in asked and since >= min(until, end) else None


def _periods(asked: Json, end: datetime, grain: str) -> list[Period]:
    since, until = window(asked, end, grain)
    start = (month if grain == "month" else day)(since)
    if "from" not in asked:
        for _ in range(11 if grain == "month" else 29):
            start = (month if grain == "month" else day)(start - TICK)
    found = []
    while start < min(until, end):
        found.append(period(grain, start, end))
        start = next_month(start) if grain == "month" else start + timedelta(days=1)
    return found


def period(grain: str, start: datetime, end: datetime) -> Period:
    """The day or month that begins at an instant, cut at the end."""
    over = next_month(start) if grain == "month" else start + timedelta(days=1)
    return Period(f"{start:%Y-%m}" if grain == "month" else f"{start:%Y-%m-%d}", start, min(over, end))


def is_total(asked: Json) -> bool:
    """Whether there is one line a currency; where they are converted, currencies are groups as others are."""
    group_by = asked.get("group_by")
    return group_by is None or (group_by == "currency" and "convert_to" not in asked)


def cells(known: Known, book: str, periods: list[Period], asked: Json) -> list[Cell]:
    """Of totals, every currency in which anything counted at the end of a day until the end of the table or
    at that, and the one that is asked for; of groups, those that had anything at any of its instants."""
    if is_total(asked):
        last = periods[-1].end
        lines = [row for _, row in known.rows("mrr", book) if _lasted(row, last)]
        wanted = asked.get("convert_to", asked.get("currency"))
        return [
            Cell(each, "") for each in ([wanted] if wanted else sorted({line.currency for line in lines}))
        ]
    instants = [periods[0].start, *(period.end for period in periods)]
    return sorted({item.cell for at in instants for item in items(known, book, at, asked)})


def _lasted(row: Any, last: datetime) -> bool:
    return row.valid_from < last and holds(row, min(last, day(row.valid_from) + timedelta(days=1)))


def items(known: Known, book: str, at: datetime, asked: Json, rated: datetime | None = None) -> list[Item]:
    """The lines that count at an instant, in the currency that is asked for: by the rates of that instant, or
    of another."""
    into = asked.get("convert_to")
    found: list[Item] = known.kept(
        ("items", book, at, rated, into, asked.get("group_by"), asked.get("currency")),
        lambda: [
            Item(
                _cell(line, asked),
                line.customer,
                line.subscription,
                line.currency,
                line.mrr,
                None if line.mrr is None else exchanged(known, line.mrr, line.currency, into, rated or at),
            )
            for line in known.lines(book, at)
            if asked.get("currency", line.currency) == line.currency
        ],
    )
    return found


def _cell(line: Any, asked: Json) -> Cell:
    group = "" if is_total(asked) else getattr(line, asked["group_by"])
    return Cell(asked.get("convert_to", line.currency), group)


def figures(held: list[Item], cell: Cell) -> Json:
    """What a cell comes to; customers count once."""
    own = [item for item in held if item.cell == cell]
    worth = [item.mrr for item in own if item.mrr is not None]
    return {
        "mrr": None if len(worth) < len(own) else round(sum(worth)),
        "active_subscriptions": len({(item.customer, item.subscription) for item in own}),
        "active_customers": len({item.customer for item in own}),
        "paying_customers": len({item.customer for item in own if item.native}),
    }


def shown(figures: Json) -> Json:
    """Who pays is not known where an amount is not."""
    return {**figures, "paying_customers": None if figures["mrr"] is None else figures["paying_customers"]}


def has_any(figures: Json) -> bool:
    """Whether there is anything in a cell."""
    return figures["mrr"] is None or any(figures.values())


def named(cell: Cell, asked: Json) -> Json:
    """What a line says of its cell."""
    group = cell.currency if asked.get("group_by") == "currency" and is_total(asked) else cell.group
    return {"currency": cell.currency, "group": group if "group_by" in asked else None}


def change(before: int | None, now: int | None) -> float | None:
    """By which fraction a figure differs."""
    return (now - before) / before if before and now is not None else None


Held = dict[tuple[str, str], list[Item]]


def moved(known: Known, book: str, start: datetime, end: datetime, grain: str, asked: Json) -> Moved:
    """What moved from one instant to another, at the rates of the second. Whoever has several currencies
    moves as their sum does, unless currencies are asked for apart; who changed nothing moved nothing,
    whatever the rates did."""
    held, now = (_by_payer(items(known, book, at, asked, end), asked) for at in (start, end))
    found: Moved = {}
    for payer in {**held, **now}:
        before, after = held.get(payer, []), now.get(payer, [])
        changed = _native(before)
        changed.subtract(_native(after))
        cells = {cell for (cell, _), amount in changed.items() if amount}
        if None in [item.mrr for item in (*before, *after)]:
            found.update(dict.fromkeys(cells))
        elif cells:
            was = not before and _was_customer(known, book, payer, start, grain, asked)
            (into,) = {cell.currency for cell in cells}
            for group, kind, amount in _kinds(_worth(before), _worth(after), was):
                kinds = found.setdefault(Cell(into, group), {})
                if kinds is not None:
                    kinds.setdefault(kind, []).append(amount)
    return found


def _by_payer(held: list[Item], asked: Json) -> Held:
    """What each customer pays for: in each currency by itself, or where they are converted in all."""
    found: Held = {}
    together = "convert_to" in asked and asked.get("group_by") != "currency"
    for item in held:
        if item.native:
            found.setdefault((item.customer, "" if together else item.currency), []).append(item)
    return found


def _native(held: list[Item]) -> Counter[tuple[Cell, str]]:
    found = Counter[tuple[Cell, str]]()
    for item in held:
        found[item.cell, item.currency] += item.native or 0
    return found


def _worth(held: list[Item]) -> dict[str, Fraction]:
    """By group."""
    found: dict[str, Fraction] = {}
    for item in held:
        found[item.cell.group] = found.get(item.cell.group, Fraction(0)) + (item.mrr or 0)
    return found


def _kinds(
    before: dict[str, Fraction], after: dict[str, Fraction], was: bool
) -> Iterator[tuple[str, str, Fraction]]:
    groups = sorted({*before, *after})
    if not before:
        yield from ((group, "reactivation" if was else "new", after[group]) for group in groups)
        return
    if not after:
        yield from ((group, "churn", before[group]) for group in groups)
        return
    rises = {group: after.get(group, Fraction(0)) - before.get(group, Fraction(0)) for group in groups}
    up = sum((rise for rise in rises.values() if rise > 0), Fraction(0))
    down = -sum((rise for rise in rises.values() if rise < 0), Fraction(0))
    for sign, between, rest in ((1, "entering", "expansion"), (-1, "leaving", "contraction")):
        left = min(up, down)
        for group in groups:
            amount = max(Fraction(0), sign * rises[group])
            shared = min(amount, left)
            left -= shared
            yield from (
                (group, kind, part) for kind, part in ((between, shared), (rest, amount - shared)) if part
            )


def _was_customer(
    known: Known, book: str, payer: tuple[str, str], start: datetime, grain: str, asked: Json
) -> bool:
    """Whether it was ever above 0 at the end of a day or month, until the one in which the start lies."""
    customer, currency = payer[0], payer[1] or asked.get("currency")
    own = [line for line in known.of("mrr", book, customer) if currency in (None, line.currency) and line.mrr]
    end = (month if grain == "month" else day)(min([line.valid_from for line in own], default=start))
    while (end := next_month(end) if grain == "month" else end + timedelta(days=1)) <= start:
        if any(holds(line, end) for line in own):
            return True
    return False
