"""How much recurring revenue was there at the end of each period?

Whole days come from the summary. Tenants, which it does not have, and instants within a day are worked out
from the rows, one customer at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.growth import Standing, midnight, period_of, plus, standings
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads.asked import Moment, Query, ask, known, relation, summary
from ledgerstone.projections.reads.periods import Period

VIEW = Mrr
AMOUNTS = Standing._fields
NONE = (0,) * len(AMOUNTS)

Cell = tuple[str, str]
"""A currency and a group; the group of a total is empty."""
Figures = tuple[int, ...]
"""The amounts of a Standing, in their order."""
Grid = dict[Cell, list[Figures]]
"""The figures of each cell: before the first period, then at the end of each."""


class Line(Struct, frozen=True, gc=False):
    """What one item was worth for a time; the columns of the view that figures need."""

    customer: str
    subscription: str
    currency: str
    mrr: int | None
    plan: str
    country: str
    tenant: str
    valid_from: datetime
    valid_to: datetime | None


Grouping = Callable[[Line], str]

GROUPINGS: dict[str, Grouping] = {
    "": lambda line: "",
    "plan": lambda line: line.plan,
    "country": lambda line: line.country,
    "tenant": lambda line: line.tenant,
}
SUMMED = ("", "plan", "country")
"""What the summaries are grouped by."""


class MrrFigure(Struct, frozen=True):
    """Recurring revenue just before the instant `at`, in minor units of `currency`; None: not all is known.
    `group` is a plan, country (empty: not known), tenant or currency, or None for the total."""

    period: str
    at: datetime
    currency: str
    group: str | None
    mrr: int | None
    active_subscriptions: int
    active_customers: int
    paying_customers: int | None


class MonthFigure(Struct, frozen=True):
    """Recurring revenue at the end of a month, minor units; `change` is the fraction by which it differs
    from the end of the month before, None from 0."""

    month: str
    currency: str
    mrr: int | None
    active_subscriptions: int
    active_customers: int
    change: float | None


def instants(periods: Sequence[Period]) -> list[datetime]:
    """When the figures of a grid are of: the first start, then every end."""
    return [periods[0].start, *(period.end for period in periods)]


def sums(
    moment: Moment, head: bool, periods: Sequence[Period], grain: str, dimension: str, currency: str | None
) -> Query:
    """What each period's whole days added to the figures, those before the first period as one: currency,
    group, period (None: before), amounts. `head`: the moment's position is that of the view."""
    added = ", ".join(f"sum({amount})::bigint" for amount in AMOUNTS)
    return ask(
        moment,
        "select currency, grp, case when day >= %(first)s then date_trunc(%(grain)s, day::timestamp)::date"
        f" end as period, {added} from {summary(Mrr, 'standing', moment, head)}"
        " where book = %(book)s and dimension = %(dimension)s and day < %(until)s"
        f"{_only(currency)} group by 1, 2, 3",
        first=periods[0].first,
        grain=grain,
        until=period_of(periods[-1].end, "day"),
        dimension=dimension,
        currency=currency,
    )


def grid_of_sums(rows: Iterable[Sequence[Any]], periods: Sequence[Period]) -> Grid:
    """The figures at each instant, from what each period added."""
    places: dict[date | None, int] = {period.first: at for at, period in enumerate(periods, 1)}
    grid: Grid = {}
    for currency, group, period, *amounts in rows:
        cells = grid.setdefault((currency, group), [NONE] * (len(periods) + 1))
        cells[places.get(period, 0)] = tuple(amounts)
    return {cell: _running(added) for cell, added in grid.items()}


def empty(grid: Grid) -> list[str]:
    """The currencies of a grid of totals that are at 0 at all of its instants."""
    return [currency for (currency, _), found in grid.items() if not any(map(any, found))]


def stood(moment: Moment, until: datetime, currencies: Sequence[str]) -> Query:
    """Those of some currencies in which anything is known to have counted at the end of a day until an
    instant, or just before that. Sums at 0 do not tell: they are also left by what is known to be untrue."""
    lasted = "least(date_trunc('day', r.valid_from) + interval '1 day', %(until)s)"
    where = (
        f"{known()} and r.currency = c.currency and r.valid_from < %(until)s"
        f" and (r.valid_to is null or r.valid_to >= {lasted})"
    )
    text = (
        "select c.currency from unnest(%(currencies)s::text[]) c (currency)"
        f" where exists (select from {relation(Mrr)} r where {where})"
    )
    return ask(moment, text, until=until, currencies=list(currencies))


def lines(moment: Moment, until: datetime, currency: str | None) -> Query:
    """Every line that began before an instant, the customers in their order."""
    return _lines(moment, "r.valid_from < %(until)s", currency, until=until)


def stirred(moment: Moment, since: datetime, until: datetime, currency: str | None) -> Query:
    """The lines of customers for whom anything began or ended from `since` to `until` (exclusive)."""
    within = "%(since)s and {0} < %(until)s"
    keys = (
        f"r.key in (select m.key from {relation(Mrr)} m where {known('m')}"
        f" and (m.valid_from >= {within.format('m.valid_from')}"
        f" or m.valid_to >= {within.format('m.valid_to')}))"
    )
    return _lines(moment, keys, currency, since=since, until=until)


def several(moment: Moment, until: datetime) -> Query:
    """As `lines`, of customers with more than one currency."""
    keys = (
        f"r.key in (select m.key from {relation(Mrr)} m where {known('m')} and m.valid_from < %(until)s"
        " group by m.key having min(m.currency) <> max(m.currency))"
    )
    return _lines(moment, f"r.valid_from < %(until)s and {keys}", None, until=until)


def add_customer(grid: Grid, own: Sequence[Line], at: Sequence[datetime], grouping: Grouping) -> None:
    """Add to a grid how one customer stood at each of its instants."""
    for place, instant in enumerate(at):
        _add(grid, place, len(at), standings(own, instant, grouping), 1)


def correct(grid: Grid, own: Sequence[Line], at: Sequence[datetime], grouping: Grouping) -> None:
    """Bring the last figures of a grid, which are of the midnight before, up to an instant within the day."""
    last = len(at) - 1
    _add(grid, last, len(at), standings(own, midnight_before(at[-1]), grouping), -1)
    _add(grid, last, len(at), standings(own, at[-1], grouping), 1)


def midnight_before(at: datetime) -> datetime:
    """The last midnight (UTC) that is not after an instant."""
    return midnight(period_of(at, "day"))


def shown(grid: Grid, group_by: str | None, currency: str | None) -> list[tuple[Cell, str | None]]:
    """The cells that a table has a line for, in order, and the group that the line names: all currencies of
    a total, and the one that was asked for though it be 0."""
    is_total = group_by in (None, "currency")
    cells = {cell: found for cell, found in grid.items() if is_total or any(map(any, found))}
    if currency and is_total:
        cells.setdefault((currency, ""), [NONE])
    return [(cell, _named(cell, group_by)) for cell in sorted(cells)]


def figures(
    grid: Grid, periods: Sequence[Period], group_by: str | None, currency: str | None
) -> list[MrrFigure]:
    """The table: one line a period, currency and group; of groups only those with anything in them."""
    lines = shown(grid, group_by, currency)
    empty = [NONE] * (len(periods) + 1)
    return [
        _figure(period, cell[0], group, now)
        for place, period in enumerate(periods, 1)
        for cell, group in lines
        if any(now := grid.get(cell, empty)[place]) or group_by in (None, "currency")
    ]


def months(grid: Grid, periods: Sequence[Period], currency: str | None) -> list[MonthFigure]:
    """The table of months with their change."""
    empty = [NONE] * (len(periods) + 1)
    return [
        _month(period, cell[0], *grid.get(cell, empty)[place - 1 : place + 1])
        for place, period in enumerate(periods, 1)
        for cell, _ in shown(grid, None, currency)
    ]


def change(before: Figures, now: Figures) -> float | None:
    """By which fraction recurring revenue differs; None from 0, and where either is not known."""
    known_before, known_now = mrr(before), mrr(now)
    if not known_before or known_now is None:
        return None
    return (known_now - known_before) / known_before


def mrr(figures: Figures) -> int | None:
    """The amount, or None when an item's is not known."""
    return None if figures[-1] else figures[0]


def _named(cell: Cell, group_by: str | None) -> str | None:
    if group_by is None:
        return None
    return cell[0] if group_by == "currency" else cell[1]


def _lines(moment: Moment, condition: str, currency: str | None, **more: Any) -> Query:
    columns = ", ".join(f"r.{name}" for name in Line.__struct_fields__)
    text = f"select {columns} from {relation(Mrr)} r where {known()} and {condition}{_only(currency)}"
    return ask(moment, f"{text} order by r.key", currency=currency, **more)


def _only(currency: str | None) -> str:
    return " and currency = %(currency)s" if currency else ""


def _running(added: Sequence[Figures]) -> list[Figures]:
    total, found = NONE, []
    for amounts in added:
        total = plus(total, amounts)
        found.append(total)
    return found


def _add(grid: Grid, place: int, places: int, found: Mapping[Cell, Standing], sign: int) -> None:
    for cell, standing in found.items():
        cells = grid.setdefault(cell, [NONE] * places)
        cells[place] = plus(cells[place], tuple(sign * amount for amount in standing))


def _figure(period: Period, currency: str, group: str | None, now: Figures) -> MrrFigure:
    _, subscriptions, customers, paying, incomplete = now
    return MrrFigure(
        period.label,
        period.end,
        currency,
        group,
        mrr(now),
        subscriptions,
        customers,
        None if incomplete else paying,
    )


def _month(period: Period, currency: str, before: Figures, now: Figures) -> MonthFigure:
    return MonthFigure(period.label, currency, mrr(now), now[1], now[2], change(before, now))
