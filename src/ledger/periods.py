"""Periods: months whose books are closed, what a close moves, and in which day's books something stands.

A close recognises the revenue of its month, divides what waited for that, and keeps the trial balance that it
left. Booking dates are derived, never stored in the log: what is told of a closed month stands on the first
day of the first open one, so nothing in a closed month changes. A close may be taken back by a decision, and
all later ones with it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.sales_tax import account

DAY = timedelta(days=1)
YEARS = range(1970, 3000)
"""Those that are asked of, and closed."""


class Part(Struct, frozen=True, array_like=True, gc=False):
    """What a close moves for one plan (empty: none) in one currency, minor units: the sum of `count` lines of
    schedules, of which `digest` is the SHA-256 (`closing.part`). Tax is of no plan, but of a `rate` (empty:
    nobody told it)."""

    plan: str
    currency: str
    amount: int
    count: int
    digest: str
    rate: str = ""

    @property
    def account(self) -> str:
        """The account on which tax of its rate is owed."""
        return account(self.rate)


class Balance(Struct, frozen=True, array_like=True, gc=False):
    """What an account holds in a currency, debits above 0."""

    account: str
    currency: str
    amount: int


class Difference(Struct, frozen=True, array_like=True, gc=False):
    """An amount of a functional currency that rates of exchange came to, minor units."""

    currency: str
    amount: int


class Recognised(Fact, frozen=True, kw_only=True):
    """What is new in a `period` (2026-10): what was `earned` of deferred revenue; and of what came off
    invoices, which waited for it, what is `returned` or `lost` of earned revenue, `freed` off deferred
    revenue, and `taxed`, tax given back. Of what was written off, what was `recovered`, and `relieved` of
    tax (`writeoffs`). Of what was passed on to connected accounts, what was `theirs`, and what was `shared`
    with them (`passing`). What rates of exchange gained (`fx_gained`) or lost (`fx_lost`) for good, and by
    how much what is still open is worth more (`fx_risen`) or less (`fx_fallen`) than at the close before,
    unrealised; what stands of it all against income and costs is `fx_kept` (`revaluation`). `number` tells
    the closes of a period apart; `actor` decided it."""

    period: str
    number: int = 1
    earned: tuple[Part, ...] = ()
    returned: tuple[Part, ...] = ()
    lost: tuple[Part, ...] = ()
    freed: tuple[Part, ...] = ()
    taxed: tuple[Part, ...] = ()
    recovered: tuple[Part, ...] = ()
    relieved: tuple[Part, ...] = ()
    theirs: tuple[Part, ...] = ()
    shared: tuple[Part, ...] = ()
    fx_gained: tuple[Difference, ...] = ()
    fx_lost: tuple[Difference, ...] = ()
    fx_risen: tuple[Difference, ...] = ()
    fx_fallen: tuple[Difference, ...] = ()
    fx_kept: tuple[Difference, ...] = ()
    actor: str
    reason: str = ""


class PeriodClosed(Recognised, frozen=True, kw_only=True, tag="period-closed"):
    """A month and all before it were closed, with what was told up to `known_at`, a position of the log; what
    was told from there to the close stands in later months. `balances` is the trial balance that it left at
    the end of the month, and `digest` the SHA-256 of that. Other currencies were valued in the `functional`
    one, by the rates as known then; empty: they were not."""

    known_at: int = 0
    balances: tuple[Balance, ...] = ()
    digest: str = ""
    functional: str = ""


class PeriodReopened(Recognised, frozen=True, kw_only=True, tag="period-reopened"):
    """A close, repeated here, was taken back: all days after `through` are open again, or all there are. That
    is the last day of the close before, so that months which were closed together are opened together."""

    through: date | None = None


def days(period: str) -> tuple[date, date]:
    """The first day of a period and the first after it. ValueError where it is not a month, as 2026-10 is."""
    if len(period) != 7:
        raise ValueError(f"{period!r} is not a month: write it as 2026-10")
    try:
        first = date.fromisoformat(f"{period}-01")
        return first, (first + 31 * DAY).replace(day=1)
    except (ValueError, OverflowError):
        raise ValueError(f"{period!r} is not a month: write it as 2026-10") from None


def asked(period: str) -> tuple[date, date]:
    """The days of a period that somebody names. ValueError where it is none, or of a year that reads do not
    take: nothing is in it, and months would be listed from there on."""
    found = days(period)
    if found[0].year not in YEARS:
        years = f"{YEARS.start} to {YEARS.stop - 1}"
        raise ValueError(f"{period} is of no year that is kept here: those are {years}")
    return found


def last_day(period: str) -> date:
    """The day by whose end a period's close counts."""
    return days(period)[1] - DAY


def ends_at(period: str) -> datetime:
    """When a close happens, and its taking back: in the last second of its period (UTC)."""
    return datetime.combine(last_day(period), time(23, 59, 59), UTC)


def day_of(happened_at: datetime) -> date:
    """The day (UTC) on which something happened."""
    return happened_at.astimezone(UTC).date()


def booked(happened_at: datetime, closed_through: date | None) -> date:
    """The day in whose books something stands that is recorded while all days up to `closed_through` are
    closed: the day (UTC) when it happened, or, where that is closed, the first that is open."""
    day = day_of(happened_at)
    return day if closed_through is None or day > closed_through else closed_through + DAY


def closed_through(held: date | None, fact: Fact) -> date | None:
    """The last closed day after a fact, where it was `held` before."""
    if isinstance(fact, PeriodClosed):
        last = last_day(fact.period)
        return last if held is None or held < last else held
    if isinstance(fact, PeriodReopened):
        return fact.through
    return held


def closed_for(held: date | None, fact: Fact) -> date | None:
    """The last closed day for a fact's own movements: those of a reopening stand in what it opens."""
    return closed_through(held, fact) if isinstance(fact, PeriodReopened) else held


def in_force(facts: Sequence[Fact]) -> dict[str, PeriodClosed]:
    """The closes that were not taken back, by their period, of facts in the order of the log."""
    closes: dict[str, PeriodClosed] = {}
    for fact in facts:
        if isinstance(fact, PeriodClosed):
            closes[fact.period] = fact
        elif isinstance(fact, PeriodReopened):
            closes.pop(fact.period, None)
    return dict(sorted(closes.items()))


def reopened(
    closes: dict[str, PeriodClosed], period: str, actor: str, reason: str
) -> Iterator[PeriodReopened]:
    """What takes back a period's close and each later one, the last first. ValueError where it has none, or
    nobody says why."""
    if period not in closes:
        raise ValueError(_not_closed(closes, period))
    if not (actor.strip() and reason.strip()):
        raise ValueError("reopening a period is a decision: say who takes it, and why")
    for before, each in reversed(list(pairwise([None, *closes]))):
        if each is not None and each >= period:
            decided = {"actor": actor, "reason": reason, "through": last_day(before) if before else None}
            yield PeriodReopened(**_said(closes[each]) | decided)


def _not_closed(closes: Iterable[str], period: str) -> str:
    days(period)
    if later := [each for each in closes if each > period]:
        return f"{period} was closed together with {min(later)}: reopen {min(later)}"
    return f"{period} is not closed: there is nothing to reopen"


def _said(closed: Recognised) -> dict[str, Any]:
    return {name: getattr(closed, name) for name in Recognised.__struct_fields__}
