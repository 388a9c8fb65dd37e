"""Recurring revenue by period, what moved it, and how the business does, as the design has them: added up
from the lines that count at each instant, whoever they are of, again for every figure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from tests.naive.told import TICK, Known, day, exclusive, first, grouped, holds, month, next_month

Json = dict[str, Any]
KINDS = ("new", "reactivation", "expansion", "contraction", "churn", "entering", "leaving")


class Period(NamedTuple):
    """A day or month, cut at the instant that is asked for."""

    label: str
    start: datetime
    end: datetime


class Cell(NamedTuple):
    """A currency and a group; the group of a total is empty."""

    currency: str
    group: str


def mrr(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/mrr`."""
    periods = _periods(asked, end, asked.get("interval", "month"))
    rows = []
    for period in periods:
        for cell in _cells(known, book, periods, asked):
            now = _figures(_of(known.lines(book, period.end), cell, asked))
            if _is_total(asked) or _any(now):
                rows.append({"period": period.label, "at": period.end, **_named(cell, asked), **_shown(now)})
    return rows


def months(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /api/mrr`."""
    periods = _periods(asked, end, "month")
    rows = []
    for period in periods:
        for cell in _cells(known, book, periods, asked):
            held, now = (
                _figures(_of(known.lines(book, at), cell, asked)) for at in (period.start, period.end)
            )
            line = {"month": period.label, "currency": cell.currency, **_shown(now)}
            del line["paying_customers"]
            rows.append({**line, "change": _change(held["mrr"], now["mrr"])})
    return rows


def movements(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/mrr/movements`."""
    grain = asked.get("interval", "month")
    periods = _periods(asked, end, grain)
    rows = []
    for period in periods:
        moved = _moved(known, book, period.start, period.end, grain, asked)
        for cell in _cells(known, book, periods, asked):
            held, now = (
                _figures(_of(known.lines(book, at), cell, asked)) for at in (period.start, period.end)
            )
            found = moved.get(cell, {})
            if _is_total(asked) or _any(held) or _any(now) or found:
                line = {"period": period.label, "at": period.end, **_named(cell, asked)}
                rows.append({**line, **_movement(held["mrr"], now["mrr"], found)})
    return rows


def _movement(opening: int | None, closing: int | None, found: dict[str, list[int]]) -> Json:
    sure = opening is not None and closing is not None
    kinds = {kind: sum(found.get(kind, [])) if sure else None for kind in KINDS}
    people = {kind: len(found.get(kind, [])) if sure else None for kind in KINDS[:5]}
    return {"opening": opening, **kinds, "fx": 0, "closing": closing, "customers": people}


def revenue(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/revenue`."""
    since, until = _window(asked, end, "month")
    until = min(until, end)
    year = [_period("month", month(until - TICK), until)]
    for _ in range(11):
        year.insert(0, _period("month", month(year[0].start - TICK), until))
    moved = _moved(known, book, since, until, "day", asked)
    billed = _billed(known, book, since, until, asked)
    cells = {*_cells(known, book, year, asked), *_cells(known, book, [Period("", since, since)], asked)}
    rows = []
    for cell in sorted(cells | billed.keys()):
        held, now, *trend = (
            _figures(_of(known.lines(book, at), cell, asked)) for at in (since, until, *(p.end for p in year))
        )
        if _is_total(asked) or any(_any(each) for each in (held, now, *trend)) or cell in billed:
            shown = _headline(held, now, moved.get(cell, {}), billed.get(cell, Counter()))
            ends = [
                {"period": p.label, "at": p.end, "mrr": f["mrr"]} for p, f in zip(year, trend, strict=True)
            ]
            rows.append({**_named(cell, asked), "since": since, "until": until, **shown, "trend": ends})
    return rows


def _headline(held: Json, now: Json, moved: dict[str, list[int]], billed: Counter[str]) -> Json:
    sums = {kind: sum(moved.get(kind, [])) for kind in KINDS}
    lost, opening = len(moved.get("churn", [])), held["mrr"] if now["mrr"] is not None else None
    gone = sums["churn"] + sums["contraction"]
    rate = lost / held["paying_customers"] if opening is not None and held["paying_customers"] else None
    arpa = (
        Fraction(now["mrr"], now["paying_customers"])
        if now["mrr"] is not None and now["paying_customers"]
        else None
    )
    less = {name: billed[name] for name in ("credit_notes", "refunds", "disputes", "voided")}
    return {
        **_shown(now),
        "arr": None if now["mrr"] is None else 12 * now["mrr"],
        "growth": _change(held["mrr"], now["mrr"]),
        "gross_revenue": billed["gross"],
        "net_revenue": billed["gross"] - sum(less.values()),
        **less,
        "platform_fees": None,
        "churn": {
            "customers": lost,
            "of_customers": held["paying_customers"],
            "customer_rate": rate,
            "mrr": sums["churn"],
            "contraction": sums["contraction"],
            "of_mrr": opening,
            "gross_mrr_rate": gone / opening if opening else None,
            "net_mrr_rate": (gone - sums["expansion"] - sums["reactivation"]) / opening if opening else None,
        },
        "arpa": None if arpa is None else round(arpa),
        "ltv": round(arpa * held["paying_customers"] / lost) if arpa and rate else None,
    }


def _billed(
    known: Known, book: str, since: datetime, until: datetime, asked: Json
) -> dict[Cell, Counter[str]]:
    """What was invoiced in a window, and what was taken off or went back."""
    found: dict[Cell, Counter[str]] = {}

    def add(currency: str, plans: Iterable[str], customer: str | None, **amounts: int) -> None:
        if asked.get("currency", currency) == currency:
            cell = Cell(currency, _bill_group(known, book, until, asked, tuple(plans), customer))
            found.setdefault(cell, Counter()).update(amounts)

    def within(at: datetime | None) -> bool:
        return at is not None and since <= at < until

    def held(view: str, id: str | None) -> Any:
        return next((row for row in known.of(view, book, id) if holds(row, until)), None)

    for _, row in known.then("invoices", book, until):
        net = row.total - row.tax
        if within(row.finalized_at):
            add(row.currency, row.plans, row.customer, gross=net)
        if row.finalized_at is not None and within(row.voided_at):
            add(row.currency, row.plans, row.customer, voided=net - row.credited + row.credited_tax)
    for _, row in known.rows("credit_notes", book):
        if within(row.at):
            invoice = held("invoices", row.invoice)
            plans, other = (invoice.plans, invoice.customer) if invoice else ((), None)
            amount = row.net if row.kind == "issued" else -row.net
            add(row.currency, plans, row.customer or other, credit_notes=amount)
    for _, row in known.rows("money", book):
        if within(row.at) and row.kind != "received":
            payment = held("payments", row.payment)
            invoice = held("invoices", payment.invoice) if payment and payment.invoice else None
            plans, other = (invoice.plans, invoice.customer) if invoice else ((), None)
            amount = row.amount if row.kind in ("refunded", "disputed") else -row.amount
            what = "refunds" if row.kind.startswith("refund") else "disputes"
            add(row.currency, plans, (payment.customer if payment else None) or other, **{what: amount})
    return {cell: sums for cell, sums in found.items() if _is_total(asked) or any(sums.values())}


def _bill_group(
    known: Known, book: str, end: datetime, asked: Json, plans: tuple[str, ...], customer: str | None
) -> str:
    match asked.get("group_by"):
        case "plan":
            return "several" if len(plans) > 1 else "".join(plans)
        case "tenant":
            return known.tenant(book, customer, end) or ""
        case "country":
            who = known.customer(book, customer, end)
            return (who.country or "") if who else ""
    return ""


def _window(asked: Json, end: datetime, grain: str) -> tuple[datetime, datetime]:
    """From when until when is asked."""
    until = exclusive(asked["to"]) if "to" in asked else end
    if "from" in asked:
        since = first(asked["from"])
    else:
        since = (month if grain == "month" else day)(min(until, end) - TICK)
    return since, until


def refused(asked: Json, end: datetime) -> str | None:
    """The parameter that is wrong, of a question that has no answer."""
    since, until = _window(asked, end, "month")
    return "from" if "from" in asked and since >= min(until, end) else None


def _periods(asked: Json, end: datetime, grain: str) -> list[Period]:
    since, until = _window(asked, end, grain)
    start = (month if grain == "month" else day)(since)
    if "from" not in asked:
        for _ in range(11 if grain == "month" else 29):
            start = (month if grain == "month" else day)(start - TICK)
    found = []
    while start < min(until, end):
        found.append(_period(grain, start, end))
        start = next_month(start) if grain == "month" else start + timedelta(days=1)
    return found


def _period(grain: str, start: datetime, end: datetime) -> Period:
    over = next_month(start) if grain == "month" else start + timedelta(days=1)
    return Period(f"{start:%Y-%m}" if grain == "month" else f"{start:%Y-%m-%d}", start, min(over, end))


def _is_total(asked: Json) -> bool:
    return asked.get("group_by") in (None, "currency")


def _cells(known: Known, book: str, periods: list[Period], asked: Json) -> list[Cell]:
    """Of totals, every currency in which anything counted at the end of a day until the end of the table or
    at that, and the one that is asked for; of groups, those that had anything at any of its instants."""
    if _is_total(asked):
        last = periods[-1].end
        lines = [row for _, row in known.rows("mrr", book) if _lasted(row, last)]
        wanted = {asked["currency"]} if "currency" in asked else {line.currency for line in lines}
        return [Cell(currency, "") for currency in sorted(wanted)]
    instants = [periods[0].start, *(period.end for period in periods)]
    cells = {_cell(line, asked) for at in instants for line in known.lines(book, at)}
    return sorted(cell for cell in cells if asked.get("currency", cell.currency) == cell.currency)


def _lasted(row: Any, last: datetime) -> bool:
    return row.valid_from < last and holds(row, min(last, day(row.valid_from) + timedelta(days=1)))


def _cell(line: Any, asked: Json) -> Cell:
    return Cell(line.currency, "" if _is_total(asked) else getattr(line, asked["group_by"]))


def _of(lines: list[Any], cell: Cell, asked: Json) -> list[Any]:
    return [line for line in lines if _cell(line, asked) == cell]


def _figures(lines: list[Any]) -> Json:
    by_customer = grouped(lines, lambda line: line.customer)
    paying = [own for own in by_customer.values() if sum(line.mrr or 0 for line in own) > 0]
    amounts = [line.mrr for line in lines]
    return {
        "mrr": None if None in amounts else sum(amounts),
        "active_subscriptions": len({(line.customer, line.subscription) for line in lines}),
        "active_customers": len(by_customer),
        "paying_customers": len(paying),
    }


def _shown(figures: Json) -> Json:
    return {**figures, "paying_customers": None if figures["mrr"] is None else figures["paying_customers"]}


def _any(figures: Json) -> bool:
    return figures["mrr"] is None or any(figures.values())


def _named(cell: Cell, asked: Json) -> Json:
    group = {None: None, "currency": cell.currency}.get(asked.get("group_by"), cell.group)
    return {"currency": cell.currency, "group": group}


def _change(before: int | None, now: int | None) -> float | None:
    return (now - before) / before if before and now is not None else None


def _moved(
    known: Known, book: str, start: datetime, end: datetime, grain: str, asked: Json
) -> dict[Cell, dict[str, list[int]]]:
    """What moved from one instant to another: of each cell and kind, the amounts, one a customer."""
    held, now = (_by_customer(known.lines(book, at), asked) for at in (start, end))
    found: dict[Cell, dict[str, list[int]]] = {}
    for customer, currency in {**held, **now}:
        before, after = (each.get((customer, currency), Counter[str]()) for each in (held, now))
        if before != after and asked.get("currency", currency) == currency:
            was = not before and _was_customer(known, book, customer, currency, start, grain)
            for group, kind, amount in _kinds(before, after, was):
                found.setdefault(Cell(currency, group), {}).setdefault(kind, []).append(amount)
    return found


def _by_customer(lines: list[Any], asked: Json) -> dict[tuple[str, str], Counter[str]]:
    """What each customer paid in each currency, by group; groups at 0 are left out."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for line in lines:
        if line.mrr:
            groups = found.setdefault((line.customer, line.currency), Counter())
            groups[_cell(line, asked).group] += line.mrr
    return found


def _kinds(before: Counter[str], after: Counter[str], was: bool) -> Iterator[tuple[str, str, int]]:
    groups = sorted({*before, *after})
    if not before:
        yield from ((group, "reactivation" if was else "new", after[group]) for group in groups)
        return
    if not after:
        yield from ((group, "churn", before[group]) for group in groups)
        return
    rises = {group: after[group] - before[group] for group in groups}
    up = sum(rise for rise in rises.values() if rise > 0)
    down = -sum(rise for rise in rises.values() if rise < 0)
    for sign, between, rest in ((1, "entering", "expansion"), (-1, "leaving", "contraction")):
        left = min(up, down)
        for group in groups:
            amount = max(0, sign * rises[group])
            shared = min(amount, left)
            left -= shared
            yield from (
                (group, kind, part) for kind, part in ((between, shared), (rest, amount - shared)) if part
            )


def _was_customer(known: Known, book: str, customer: str, currency: str, start: datetime, grain: str) -> bool:
    """Whether it was ever above 0 at the end of a day or month, until the one in which the start lies."""
    own = [line for line in known.of("mrr", book, customer) if line.currency == currency and line.mrr]
    end = (month if grain == "month" else day)(min([line.valid_from for line in own], default=start))
    while (end := next_month(end) if grain == "month" else end + timedelta(days=1)) <= start:
        if any(holds(line, end) for line in own):
            return True
    return False
