"""What moved recurring revenue from the start to the end of each period?"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.growth import (
    KINDS,
    Movement,
    amounts,
    closings,
    history,
    movements,
    period_of,
    plus,
    stood,
    with_customers,
)
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads.asked import Moment, Query, ask, summary
from ledgerstone.projections.reads.mrr import Cell, Grid, Grouping, Line, mrr, shown
from ledgerstone.projections.reads.periods import Period

NONE = (0,) * (2 * len(KINDS))
COLUMNS = (*KINDS, *(f"{kind}_customers" for kind in KINDS))

Moved = dict[tuple[date, str, str], tuple[int, ...]]
"""What moved in a period, by its first day, currency and group: amounts in the order of COLUMNS."""


class Customers(Struct, frozen=True):
    """How many customers moved in each way; None where a figure is not known."""

    new: int | None
    reactivation: int | None
    expansion: int | None
    contraction: int | None
    churn: int | None


class MovementFigure(Struct, frozen=True):
    """What moved recurring revenue in a period, minor units, all positive:
    opening + new + reactivation + expansion + entering - contraction - churn - leaving + fx = closing.
    `entering` and `leaving` move between groups, and are 0 in a total. `fx` is what rates of exchange moved,
    and what rounding leaves (a few minor units); 0 in the currency itself, and it alone may be negative.
    None where an item's amount, or a rate, is not known at the start or the end."""

    period: str
    at: datetime
    currency: str
    group: str | None
    opening: int | None
    new: int | None
    reactivation: int | None
    expansion: int | None
    contraction: int | None
    churn: int | None
    entering: int | None
    leaving: int | None
    fx: int | None
    closing: int | None
    customers: Customers


def sums(
    moment: Moment, head: bool, periods: Sequence[Period], grain: str, dimension: str, currency: str | None
) -> Query:
    """What moved in each whole period, from the summary: first day, currency, group, amounts."""
    added = ", ".join(f'sum("{column}")::bigint' for column in COLUMNS)
    return ask(
        moment,
        f"select period, currency, grp, {added}"
        f" from {summary(Mrr, 'movement', moment, head)}"
        " where book = %(book)s and grain = %(grain)s and dimension = %(dimension)s"
        " and period = any(%(periods)s)"
        f"{' and currency = %(currency)s' if currency else ''} group by 1, 2, 3",
        grain=grain,
        dimension=dimension,
        periods=[period.first for period in periods if period.whole],
        currency=currency,
    )


def moved_by_sums(rows: Iterable[Sequence[Any]]) -> Moved:
    """The rows of `sums` by their cell."""
    return {(period, currency, group): tuple(found) for period, currency, group, *found in rows}


def add_customer(
    moved: Moved, own: Sequence[Line], periods: Sequence[Period], grain: str, grouping: Grouping
) -> None:
    """Add what moved one customer in the whole periods."""
    whole = {period.first for period in periods if period.whole}
    for first, currency, found in history(stood(closings(own), grouping), grain):
        if first in whole:
            for group, movement in found.items():
                _add(moved, (first, currency, group), with_customers(movement))


def add_part(moved: Moved, own: Sequence[Line], period: Period, grain: str, grouping: Grouping) -> None:
    """Add what moved one customer in a period that is cut."""
    found = between(own, period.start, period.end, grain, grouping)
    for (currency, group), values in found.items():
        _add(moved, (period.first, currency, group), values)


def between(
    own: Sequence[Line], start: datetime, end: datetime, grain: str, grouping: Grouping
) -> dict[Cell, tuple[int, ...]]:
    """What moved one customer between two instants, by currency and group. It was a customer before if its
    total was ever above 0 at the end of a day or month (`grain`) before the start."""
    cells: dict[Cell, tuple[int, ...]] = {}
    for currency in {line.currency for line in own}:
        lines = [line for line in own if line.currency == currency]
        held, now = amounts(lines, start, grouping), amounts(lines, end, grouping)
        if held != now:
            both = sum(held.values()) and sum(now.values())  # then nobody asks, and it takes a whole life
            was = bool(both) or was_customer(lines, start, grain)
            for group, movement in movements(held, now, was).items():
                cells[currency, group] = with_customers(movement)
    return cells


def figures(
    grid: Grid,
    moved: Mapping[tuple[date, str, str], tuple[int, ...] | None],
    periods: Sequence[Period],
    group_by: str | None,
    currency: str | None,
    converted: bool = False,
) -> list[MovementFigure]:
    """The table: one line a period, currency and group; of groups only those that had or moved anything. What
    moved is None where a rate of exchange is not known."""
    lines = []
    cells = shown(grid, group_by, currency)
    empty = [(0,) * 5] * (len(periods) + 1)
    for place, period in enumerate(periods, 1):
        for cell, group in cells:
            opening, closing = grid.get(cell, empty)[place - 1 : place + 1]
            found = moved.get((period.first, *cell), NONE)
            if group_by in (None, "currency") or any(opening) or any(closing) or found is None or any(found):
                lines.append(_figure(period, cell[0], group, opening, closing, found, converted))
    return lines


def _figure(
    period: Period,
    currency: str,
    group: str | None,
    opening: tuple[int, ...],
    closing: tuple[int, ...],
    found: tuple[int, ...] | None,
    converted: bool,
) -> MovementFigure:
    if mrr(opening) is None or mrr(closing) is None:
        found = None
    values: dict[str, Any] = dict(
        zip(COLUMNS, (None,) * len(COLUMNS) if found is None else found, strict=True)
    )
    return MovementFigure(
        period=period.label,
        at=period.end,
        currency=currency,
        group=group,
        opening=mrr(opening),
        fx=_rest(opening[0], closing[0], found) if converted else 0,
        closing=mrr(closing),
        customers=Customers(*(values[f"{kind}_customers"] for kind in Customers.__struct_fields__)),
        **{kind: values[kind] for kind in KINDS},
    )


def _rest(opening: int, closing: int, found: tuple[int, ...] | None) -> int | None:
    """By how much the figures differ beyond what moved."""
    if found is None:
        return None
    moved = Movement(*found[: len(KINDS)])
    return closing - opening - moved.gained + moved.lost


def was_customer(own: Sequence[Line], start: datetime, grain: str) -> bool:
    """Whether a customer's known value was above 0 at the end of any period (`grain`) before the one that
    begins at `start`: a life of movements begins with the first end above 0."""
    first = next((period for period, _, _ in history(stood(closings(own), lambda _: ""), grain)), None)
    return first is not None and first < period_of(start, grain)


def _add(moved: Moved, cell: tuple[date, str, str], values: tuple[int, ...]) -> None:
    moved[cell] = plus(moved.get(cell, NONE), values)
