"""What does it add to the sums of recurring revenue, when a customer's lines change?

Only what differs is worked out: before and after, from the start of the month of the first difference on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import NamedTuple, Protocol

from ledgerstone.ledger import growth
from ledgerstone.ledger.growth import (
    GRAINS,
    KINDS,
    Movement,
    Standing,
    Stood,
    closings,
    grouped,
    history,
    live,
    midnight,
    minus,
    paid_before,
    period_of,
    plus,
    stood,
    with_customers,
)
from ledgerstone.projections.view import Cell, Summary, Tally

CELL = {"currency": str, "dimension": str, "grp": str}
SUMMARIES = (
    Summary("standing", {"day": date, **CELL}, Standing._fields, named=("dimension",)),
    Summary(
        "movement",
        {"grain": str, "period": date, **CELL},
        (*KINDS, *(f"{kind}_customers" for kind in KINDS)),
        named=("grain", "dimension"),
    ),
)


class Line(growth.Line, Protocol):
    """An item's monthly value for a time, and what it is grouped by."""

    @property
    def plan(self) -> str: ...
    @property
    def country(self) -> str: ...


Grouping = Callable[[Line], str]
DIMENSIONS: dict[str, Grouping] = {
    "": lambda line: "",
    "plan": lambda line: line.plan,
    "country": lambda line: line.country,
}
"""How the sums are grouped. Tenants are as many as customers: theirs are summed when asked for."""

Amounts = dict[Cell, tuple[int, ...]]
"""By cell, of which the group is the last column."""
Sum = Callable[[tuple[int, ...], tuple[int, ...]], tuple[int, ...]]
Paid = Callable[[], set[str]]
Closings = list[tuple[date, list[Line]]]


class Change(NamedTuple):
    """A change of a customer's lines: the lines at the start of a month, what tells by grain in which
    currencies it had been above 0 until then, and the lines at the ends of later days, as they were and as
    they are."""

    opening: list[Line]
    paid: dict[str, Paid]
    was: Closings
    now: Closings


def tally(before: Sequence[Line], after: Sequence[Line], differ: datetime) -> Tally:
    """What each summary's cells gain when lines `before` become lines `after`, which come to the same until
    the instant `differ`. Where there is one group, its amounts are those of the total."""
    change = _change(before, after, period_of(differ, "month"))
    total = _amounts(change, DIMENSIONS[""])
    lines = [*change.opening, *(line for _, some in (*change.was, *change.now) for line in some)]
    found: tuple[Amounts, Amounts] = {}, {}
    for dimension, group in DIMENSIONS.items():
        names = {group(line) for line in lines}
        amounts = total if len(names) == 1 else _amounts(change, group)
        for cells, added in zip(found, amounts, strict=True):
            cells.update(_placed(added, dimension, names))
    return {summary.name: cells for summary, cells in zip(SUMMARIES, found, strict=True)}


def _change(before: Sequence[Line], after: Sequence[Line], first: date) -> Change:
    return Change(
        live(before, midnight(first)),
        {grain: partial(paid_before, before, first, grain) for grain in GRAINS},
        closings(before, first),
        closings(after, first),
    )


def _amounts(change: Change, group: Grouping) -> tuple[Amounts, Amounts]:
    """What a change adds to the standings and to the movements of one dimension."""
    standing: Amounts = {}
    movement: Amounts = {}
    held = grouped(change.opening, group)
    for closed, add in ((change.was, minus), (change.now, plus)):
        course = stood(closed, group)
        _add_standings(standing, course, held, add)
        _add_movements(movement, course, held, change.paid, add)
    return standing, movement


def _add_standings(
    amounts: Amounts, stood: Sequence[Stood], held: Mapping[tuple[str, str], Standing], add: Sum
) -> None:
    """A customer adds to each day's figures how its standing at the day's end differs from the one at the end
    of the day before."""
    for day, now in stood:
        for place in {**held, **now} if now != held else ():
            cell = day, *place
            rise = minus(now.get(place, _NONE), held.get(place, _NONE))
            amounts[cell] = add(amounts.get(cell, _NONE), rise)
        held = now


def _add_movements(
    amounts: Amounts,
    stood: Sequence[Stood],
    held: Mapping[tuple[str, str], Standing],
    paid: Mapping[str, Paid],
    add: Sum,
) -> None:
    for grain in GRAINS if stood else ():
        for period, currency, moved in history(stood, grain, held, paid[grain]):
            for group, movement in moved.items():
                cell = grain, period, currency, group
                amounts[cell] = add(amounts.get(cell, _UNMOVED), with_customers(movement))


def _placed(amounts: Amounts, dimension: str, names: Collection[str]) -> Amounts:
    """Amounts by cells with their dimension, and with the name of the group where there is one."""
    (one,) = names if len(names) == 1 else (None,)
    return {
        (*place, dimension, group if one is None else one): some for (*place, group), some in amounts.items()
    }


_NONE: tuple[int, ...] = Standing()
_UNMOVED = with_customers(Movement())
