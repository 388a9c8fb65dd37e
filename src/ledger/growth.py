"""How does recurring revenue stand at an instant, and what moved it between two?

Works on the lines of one customer: what each item was worth, from when to when. A line counts at an instant
E if it began before E and had not ended before it: so a change at midnight belongs to the day that begins."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import add, sub
from typing import NamedTuple, Protocol, TypeVar

GRAINS = ("day", "month")


class Line(Protocol):
    """One item's monthly value (minor units, None: not known) for a time."""

    @property
    def valid_from(self) -> datetime: ...
    @property
    def valid_to(self) -> datetime | None: ...
    @property
    def subscription(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def mrr(self) -> int | None: ...


L = TypeVar("L", bound=Line)
Grouping = Callable[[L], str]


class Standing(NamedTuple):
    """What a customer adds to a group's figures at an instant."""

    mrr: int = 0
    active_subscriptions: int = 0
    active_customers: int = 0
    paying_customers: int = 0
    incomplete: int = 0


class Movement(NamedTuple):
    """How a customer's recurring revenue in a group moved between two instants, minor units, all positive.
    `entering` and `leaving` move between groups and cancel in the total."""

    new: int = 0
    reactivation: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0
    entering: int = 0
    leaving: int = 0

    @property
    def gained(self) -> int:
        """What added."""
        return self.new + self.reactivation + self.expansion + self.entering

    @property
    def lost(self) -> int:
        """What took away."""
        return self.contraction + self.churn + self.leaving


Stood = tuple[date, Mapping[tuple[str, str], Standing]]
"""A day, and how a customer stood at its end, by currency and group."""
KINDS = Movement._fields
NOTHING: Mapping[tuple[str, str], Standing] = {}


def counted(line: Line, at: datetime) -> bool:
    """Does a line count at an exclusive instant?"""
    return line.valid_from < at and (line.valid_to is None or line.valid_to >= at)


def standings(lines: Sequence[L], at: datetime, group: Grouping[L]) -> dict[tuple[str, str], Standing]:
    """How one customer stands at an instant, by currency and group."""
    return grouped(live(lines, at), group)


def closings(lines: Sequence[L], since: date = date.min) -> list[tuple[date, list[L]]]:
    """The lines that count at the end of each day, from `since` on, that changed something for a customer."""
    days = [(day, end_of(day, "day")) for day in _days(lines) if day >= since]
    return [(day, live(lines, at)) for day, at in days]


def live(lines: Sequence[L], at: datetime) -> list[L]:
    """The lines that count at an exclusive instant."""
    return [line for line in lines if counted(line, at)]


def paid_before(lines: Sequence[Line], first: date, grain: str) -> set[str]:
    """The currencies in which a customer's total was above 0 at the end of a period before a day, which
    begins one."""
    start = midnight(first)
    ends = [(line, end_of(period_of(line.valid_from, grain), grain)) for line in lines if line.mrr]
    return {line.currency for line, end in ends if end <= start and counted(line, end)}


def stood(closed: Iterable[tuple[date, Sequence[L]]], group: Grouping[L]) -> list[Stood]:
    """How one customer stood at the end of each such day, by currency and group."""
    return [(day, grouped(live, group)) for day, live in closed]


def movements(before: Mapping[str, int], after: Mapping[str, int], was_customer: bool) -> dict[str, Movement]:
    """What moved one customer, in one currency, from the amounts by group at one instant to those at a
    later one. The class is that of the customer's total; what only changed groups entered and left."""
    if len({**before, **after}) == 1:
        ((group, now),) = {**dict.fromkeys(before, 0), **after}.items()
        return {group: _simple(before.get(group, 0), now, was_customer)}
    opening, closing = sum(before.values()), sum(after.values())
    rises = {g: after.get(g, 0) - before.get(g, 0) for g in sorted({*before, *after})}
    if not opening or not closing:
        return {g: _simple(before.get(g, 0), after.get(g, 0), was_customer) for g in rises}
    up = {g: rise for g, rise in rises.items() if rise > 0}
    down = {g: -rise for g, rise in rises.items() if rise < 0}
    moved = min(sum(up.values()), sum(down.values()))
    return {**_shared(up, moved, "entering", "expansion"), **_shared(down, moved, "leaving", "contraction")}


def history(
    stood: Iterable[Stood],
    grain: str,
    opening: Mapping[tuple[str, str], Standing] = NOTHING,
    paid: Callable[[], Collection[str]] = tuple,
) -> Iterator[tuple[date, str, dict[str, Movement]]]:
    """The movements of one customer, by period and currency, from how it `stood` at the ends of days that
    changed something: only periods that moved it. For a part of its life, `opening` is how it stood before
    (at the start of a period), `paid` tells in which currencies it was above 0 at an end until then."""
    held = _by_currency(opening)
    customers = set(held)
    for period, standing in _ends(stood, grain):
        now = _by_currency(standing)
        for currency in sorted({*held, *now}):
            before, after = held.get(currency, {}), now.get(currency, {})
            if before != after:
                was = currency in customers or currency in paid()
                yield period, currency, movements(before, after, was)
        customers.update(now)
        held = now


def amounts(lines: Sequence[L], at: datetime, group: Grouping[L]) -> dict[str, int]:
    """One customer's known monthly value at an instant, by group; groups at 0 are left out."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.mrr and counted(line, at):
            sums[group(line)] += line.mrr
    return dict(sums)


@lru_cache(1 << 12)
def end_of(period: date, grain: str) -> datetime:
    """The exclusive end of a day, or of the month that begins on a day, in UTC."""
    if grain == "day":
        return midnight(period + timedelta(days=1))
    years, month = divmod(period.year * 12 + period.month, 12)
    return midnight(date(years, month + 1, 1))


def period_of(at: datetime, grain: str) -> date:
    """The day, or the first day of the month, in which an instant lies (UTC)."""
    day = (at if at.tzinfo is UTC else at.astimezone(UTC)).date()
    return day if grain == "day" else day.replace(day=1)


@lru_cache(1 << 12)
def midnight(day: date) -> datetime:
    """The first instant of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _days(lines: Sequence[Line]) -> list[date]:
    marks = {line.valid_from for line in lines} | {line.valid_to for line in lines}
    return sorted({period_of(mark, "day") for mark in marks if mark is not None})


def _ends(stood: Iterable[Stood], grain: str) -> Iterable[Stood]:
    """How a customer stood at the end of each period: as on its last day that changed something."""
    if grain == "day":
        return stood
    return {day.replace(day=1): standing for day, standing in stood}.items()


def _by_currency(standing: Mapping[tuple[str, str], Standing]) -> dict[str, dict[str, int]]:
    """The known monthly value by currency and group; groups at 0 are left out."""
    sums: dict[str, dict[str, int]] = {}
    for (currency, group), figures in standing.items():
        if figures.mrr:
            sums.setdefault(currency, {})[group] = figures.mrr
    return sums


def grouped(live: Sequence[L], group: Grouping[L]) -> dict[tuple[str, str], Standing]:
    """What lines that count come to, by currency and group."""
    if len(live) == 1:  # most customers have one
        (line,) = live
        amount = line.mrr or 0
        return {(line.currency, group(line)): Standing(amount, 1, 1, int(amount > 0), int(line.mrr is None))}
    groups: dict[tuple[str, str], list[L]] = {}
    for line in live:
        groups.setdefault((line.currency, group(line)), []).append(line)
    return {cell: _standing(some) for cell, some in groups.items()}


def _standing(lines: Sequence[Line]) -> Standing:
    mrr = sum([line.mrr or 0 for line in lines])
    subscriptions = len({line.subscription for line in lines})
    return Standing(mrr, subscriptions, 1, int(mrr > 0), sum([line.mrr is None for line in lines]))


def _simple(opening: int, closing: int, was_customer: bool) -> Movement:
    """A movement within one group, which is most of them."""
    if not opening:
        return Movement(reactivation=closing) if was_customer else Movement(new=closing)
    if not closing:
        return Movement(churn=opening)
    rise = closing - opening
    return Movement(expansion=rise) if rise > 0 else Movement(contraction=-rise)


def _shared(changes: Mapping[str, int], moved: int, between: str, kind: str) -> dict[str, Movement]:
    """Divide changes into what moved between groups (in their order, as far as it goes) and the rest."""
    found: dict[str, Movement] = {}
    for group, change in changes.items():
        part = min(change, moved)
        moved -= part
        found[group] = Movement(**{between: part, kind: change - part})
    return found


def plus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The sum of two lists of amounts."""
    return tuple(map(add, one, other))


def minus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The difference of two lists of amounts."""
    return tuple(map(sub, one, other))


def with_customers(movement: Movement) -> tuple[int, ...]:
    """A movement's amounts in the order of `KINDS`, then how many customers (0 or 1) moved in each way."""
    return (*movement, *[1 if amount > 0 else 0 for amount in movement])
