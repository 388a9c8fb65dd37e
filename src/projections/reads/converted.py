"""What do figures in several currencies come to in one?

Each is worth what the European Central Bank said on the day before its instant or day; what moved in a
period, what it said before the period's end. Sums are of exact fractions, rounded once. A figure is not
known where a rate is not. A customer with several currencies counts once, and moves as its sum does: who
only changes from one currency into another neither leaves nor comes. Where currencies are groups, they stay
apart."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from math import lcm
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.fx import Published, before, exact
from ledgerstone.ledger.growth import KINDS, amounts, midnight, period_of, plus, standings, with_customers
from ledgerstone.ledger.growth import movements as moves
from ledgerstone.projections.reads.movements import Moved, between, was_customer
from ledgerstone.projections.reads.mrr import NONE, Cell, Figures, Grid, Grouping, Line
from ledgerstone.projections.reads.periods import Period
from ledgerstone.projections.reads.revenue import Sums

Several = Sequence[Sequence[Line]]
"""The lines of each customer that ever had more than one currency."""
Factors = Mapping[str, Fraction | None]
"""What one minor unit of a currency is worth in those of another; None: not known."""
Exact = tuple[Fraction, ...]
Known = dict[Cell, tuple[int, ...] | None]
"""Amounts by cell, None where a rate is not known."""
MovedInto = dict[tuple[date, str, str], tuple[int, ...] | None]


class Conversion(Struct, frozen=True):
    """Into which currency, by which tables (in order), and whether the others are groups of their own."""

    into: str
    tables: tuple[Published, ...]
    apart: bool = False

    def factors(self, currencies: Collection[str], at: datetime) -> Factors:
        """By what amounts at an instant are multiplied."""
        table = before(self.tables, period_of(at, "day"))
        return {currency: exact(1, currency, self.into, table) for currency in currencies}

    def whole(self, currencies: Collection[str], at: datetime) -> tuple[int, Mapping[str, int | None]]:
        """The same as integers, and by what they are too large: sums of integers are exact and quick."""
        factors = self.factors(currencies, at)
        scale = lcm(*(factor.denominator for factor in factors.values() if factor is not None))
        return scale, {
            currency: None if factor is None else int(factor * scale) for currency, factor in factors.items()
        }

    def cell(self, cell: Cell) -> Cell:
        """Where the figures of a cell are added."""
        return self.into, cell[0] if self.apart else cell[1]


def grid(
    native: Grid,
    several: Several,
    at: Sequence[datetime],
    grouping: Grouping,
    by: Conversion,
    rated: datetime | None = None,
) -> Grid:
    """Figures at instants, by the rates before each of them, or those before the one that is named."""
    found: dict[Cell, list[Figures]] = {}
    scales: list[int] = []
    for place, instant in enumerate(at):
        scale, factors = by.whole({currency for currency, _ in native}, rated or instant)
        scales.append(scale)
        for cell, figures in native.items():
            _add(found.setdefault(by.cell(cell), [NONE] * len(at)), place, figures[place], factors[cell[0]])
        for own in several if not by.apart else ():
            for group, again in _counted_again(own, instant, grouping).items():
                _add(found.setdefault((by.into, group), [NONE] * len(at)), place, again, 0)
    return {
        cell: [
            (_rounded(figures[0], scale), *figures[1:]) for figures, scale in zip(places, scales, strict=True)
        ]
        for cell, places in found.items()
    }


def moved(
    native: Moved, several: Several, periods: Sequence[Period], grain: str, grouping: Grouping, by: Conversion
) -> MovedInto:
    """What moved in each period."""
    apart: dict[date, dict[Cell, tuple[int, ...]]] = defaultdict(dict)
    for (first, *cell), values in native.items():
        apart[first][cell[0], cell[1]] = values
    return {
        (period.first, *cell): values
        for period in periods
        for cell, values in moved_between(
            apart[period.first], several, period.start, period.end, grain, grouping, by
        ).items()
    }


def moved_between(
    native: Mapping[Cell, tuple[int, ...]],
    several: Several,
    start: datetime,
    end: datetime,
    grain: str,
    grouping: Grouping,
    by: Conversion,
) -> Known:
    """What moved between two instants: amounts, then customers."""
    currencies = {currency for currency, _ in native}
    factors = by.factors(currencies | {line.currency for own in several for line in own}, end)
    found: dict[Cell, Exact | None] = {}
    for cell, values in native.items():
        _join(found, by.cell(cell), _movement(values, factors[cell[0]], 1))
    for own in several if not by.apart else ():
        for cell, values in (apart := between(own, start, end, grain, grouping)).items():
            _join(found, by.cell(cell), _movement(values, factors[cell[0]], -1))
        if apart:
            together = _together(own, start, end, grain, grouping, factors)
            for group in {group for _, group in apart} if together is None else together:
                _join(found, (by.into, group), None if together is None else together[group])
    return {cell: None if exact is None else tuple(map(round, exact)) for cell, exact in found.items()}


def flows(rows: Iterable[Sequence[Any]], by: Conversion) -> Sums:
    """Amounts of single days, each by the rates before its own: rows of currency, group, the days (None where
    there is no amount) and as many amounts."""
    found: dict[Cell, list[Fraction | None]] = {}
    for currency, group, *rest in rows:
        days, values = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        held = found.setdefault(by.cell((currency, group)), [Fraction(0)] * len(values))
        for place, (day, value) in enumerate(zip(days, values, strict=True)):
            factor = None if day is None else by.factors([currency], midnight(day))[currency]
            held[place] = _plus(held[place], _worth(value, factor))
    return {
        cell: tuple(None if value is None else round(value) for value in values)
        for cell, values in found.items()
    }


def unknown(native: Grid, at: Sequence[datetime], by: Conversion) -> list[str]:
    """The currencies in which there is an amount at an instant that has no rate."""
    currencies = {currency for currency, _ in native}
    rates = [by.factors(currencies, instant) for instant in at]
    return sorted(
        currency
        for currency in currencies
        if any(
            figures[place][0] and rates[place][currency] is None
            for cell, figures in native.items()
            if cell[0] == currency
            for place in range(len(at))
        )
    )


_UNMOVED: Exact = (Fraction(0),) * (2 * len(KINDS))


def _counted_again(own: Sequence[Line], at: datetime, grouping: Grouping) -> dict[str, Figures]:
    """By how much a customer counts too often in each group, once for each currency."""
    found: dict[str, list[int]] = {}
    for (_, group), standing in standings(own, at, grouping).items():
        found.setdefault(group, []).append(standing.paying_customers)
    return {group: (0, 0, 1 - len(paying), min(0, 1 - sum(paying)), 0) for group, paying in found.items()}


def _movement(values: Sequence[int], factor: Fraction | None, sign: int) -> Exact | None:
    worth = [_worth(sign * value, factor) for value in values[: len(KINDS)]]
    known = [value for value in worth if value is not None]
    if len(known) < len(worth):
        return None
    return (*known, *(Fraction(sign * count) for count in values[len(KINDS) :]))


def _together(
    own: Sequence[Line], start: datetime, end: datetime, grain: str, grouping: Grouping, factors: Factors
) -> dict[str, Exact] | None:
    """What moved one customer's sum over all currencies, by group, at the rates before the end; None where
    one of them is not known."""
    was: dict[str, Fraction | None] = {}
    now: dict[str, Fraction | None] = {}
    for code in {line.currency for line in own}:
        lines = [line for line in own if line.currency == code]
        for held, at in ((was, start), (now, end)):
            for group, amount in amounts(lines, at, grouping).items():
                held[group] = _plus(held.get(group, Fraction(0)), _worth(amount, factors[code]))
    if None in (*was.values(), *now.values()):
        return None
    scale = lcm(*(worth.denominator for worth in (*was.values(), *now.values()) if worth))
    opening, closing = (
        {group: int(worth * scale) for group, worth in held.items() if worth} for held in (was, now)
    )
    found = moves(opening, closing, was_customer(own, start, grain))
    return {group: _scaled_down(with_customers(movement), scale) for group, movement in found.items()}


def _scaled_down(values: tuple[int, ...], scale: int) -> Exact:
    worth = (Fraction(value, scale) for value in values[: len(KINDS)])
    return (*worth, *map(Fraction, values[len(KINDS) :]))


def _worth(amount: int | None, factor: Fraction | None) -> Fraction | None:
    """Nothing is nothing at any rate."""
    if amount is None or (amount and factor is None):
        return None
    return amount * factor if factor is not None else Fraction(0)


def _add(places: list[Figures], place: int, more: Figures, factor: int | None) -> None:
    """Add a Standing; without a rate, its amount is one more that is not known."""
    if any(more):
        mrr, *counts, incomplete = more
        missing = factor is None and mrr != 0
        places[place] = plus(places[place], (mrr * (factor or 0), *counts, incomplete + missing))


def _rounded(amount: int, scale: int) -> int:
    """A fraction rounded half-even: `round` of a Fraction takes ten times as long, and a table has many."""
    whole, rest = divmod(amount, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))


def _join(found: dict[Cell, Exact | None], cell: Cell, more: Exact | None) -> None:
    held = found.setdefault(cell, _UNMOVED)
    found[cell] = None if held is None or more is None else tuple(map(Fraction.__add__, held, more))


def _plus(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one + other
