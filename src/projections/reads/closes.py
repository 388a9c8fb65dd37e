"""Which months of a book are closed, by whom and since when, and what did each close move?

A close is a row of the log; where the closes are the index of postings knows."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from msgspec import Struct

from ledgerstone.ledger.periods import YEARS, Part, PeriodClosed, PeriodReopened, in_force
from ledgerstone.ledger.posting import TABLE, account
from ledgerstone.ledger.recorded import decode
from ledgerstone.projections.postings import SPANS
from ledgerstone.projections.reads.asked import Moment, Query, ask
from ledgerstone.projections.reads.balances import BLOCK, HEAD, LEGS, blocks, end_day
from ledgerstone.projections.reads.journal import LOG

CLOSED = f"{LEGS}_closed"
KINDS = PeriodClosed, PeriodReopened
ACTS = (
    f"select c.position, l.recorded_at, l.state from {CLOSED} c"
    f" join {LOG} l on l.notification_id = c.position"
    " where c.book = %(book)s and c.position <= %(position)s order by c.position"
)


LONGEST = 255
"""Characters of a plan that can be asked for."""


class Act(Struct, frozen=True):
    """A month was closed or reopened by `actor`, for a `reason`, in the row at `position` of the log,
    recorded `at`. `number` tells the closes of a month apart."""

    did: Literal["closed", "reopened"]
    number: int
    actor: str
    reason: str
    position: int
    at: datetime


class Moved(Struct, frozen=True):
    """What a close moved for one plan (empty: none) in one currency, minor units, from `credit` to `debit`
    (below 0: the other way round): the sum of `count` lines of schedules, whose SHA-256 is `digest`; null
    where it is not of lines. `rate` is that of tax, where it is told; `lines` is where they can be read, as
    this close counted them."""

    what: str
    debit: str
    credit: str
    plan: str
    currency: str
    amount: int
    count: int | None
    digest: str | None
    rate: str = ""
    lines: str | None = None


class Held(Struct, frozen=True):
    """What an account holds in a currency at a month's end, minor units, above 0 on the debit side."""

    account: str
    currency: str
    balance: int


class Month(Struct, frozen=True):
    """A month of a book. Of a closed one: who closed it, why, when, and in which row of the log (`position`);
    with all that had been told up to `known_at`; `number` tells its closes apart, and `digest` is the SHA-256
    of the trial balance that the close left. `closed_with` is a later month by whose close it was closed: all
    this is of that one then. Of a month that was opened again: who did that, why, when and where."""

    period: str
    status: Literal["open", "closed"]
    closed_with: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    reason: str | None = None
    position: int | None = None
    known_at: int | None = None
    number: int | None = None
    digest: str | None = None
    reopened_by: str | None = None
    reopened_at: datetime | None = None
    reopened_reason: str | None = None
    reopened_position: int | None = None


class MonthDetail(Month, frozen=True):
    """And what its close `moved`; the trial `balances` that it left, or, of a month that is open, those of
    its end as they are known; and all that was ever decided of it, as `history`."""

    moved: tuple[Moved, ...] = ()
    balances: tuple[Held, ...] = ()
    history: tuple[Act, ...] = ()


class Decided(Struct, frozen=True):
    """A close, or its taking back, where it stands in the log."""

    position: int
    recorded_at: datetime
    fact: PeriodClosed | PeriodReopened


def acts(moment: Moment) -> Query:
    """What was decided of the months of a book, in order: position, recorded_at and state."""
    return ask(moment, ACTS)


def decided(found: Iterable[Sequence[Any]]) -> list[Decided]:
    """Rows of `acts`."""
    rows = ((position, at, decode(state).body) for position, at, state in found)
    return [Decided(position, at, body) for position, at, body in rows if isinstance(body, KINDS)]


def first_month(moment: Moment, is_head: bool) -> Query:
    """The first month in whose books anything stands; null where nothing does."""
    if is_head:
        parts = [f"select min(day) as day from {HEAD} where book = %(book)s and monthly"]
    else:
        parts = [
            f"select min(day) as day from {BLOCK} where book = %(book)s and level = {level} and monthly"
            f" and bucket >= {first} and bucket < {end}"
            for level, first, end in blocks(moment.position)
        ]
        parts.append(
            f"select min(day) as day from {LEGS} where position > {moment.position // SPANS[0] * SPANS[0]}"
            " and position <= %(position)s and book || '' = %(book)s"
        )
    return ask(moment, f"select min(day) from ({' union all '.join(parts)}) d")


def months(first: date | None, moment: Moment, told: Sequence[Decided]) -> list[Month]:
    """The months of a book from the first in which anything stands, or that is closed, to that of the moment;
    the last first. What is before all years is no beginning: months of such were closed once."""
    closed = in_force([one.fact for one in told])
    begun = [each for each in [first and first.isoformat()[:7], *closed] if each and each >= f"{YEARS.start}"]
    names = list(_names(min(begun), end_day(moment.at))) if begun else []
    return [month(name, told) for name in reversed(names)]


def month(period: str, told: Sequence[Decided]) -> Month:
    """How a month stands after what was decided."""
    close = _closing(period, told)
    if close is not None and isinstance(close.fact, PeriodClosed):
        fact = close.fact
        return Month(
            period=period,
            status="closed",
            closed_with=None if fact.period == period else fact.period,
            closed_by=fact.actor,
            closed_at=close.recorded_at,
            reason=fact.reason,
            position=close.position,
            known_at=fact.known_at,
            number=fact.number,
            digest=fact.digest,
        )
    opened = [one for one in told if one.fact.period == period and isinstance(one.fact, PeriodReopened)]
    if not opened:
        return Month(period, "open")
    last = opened[-1]
    return Month(
        period=period,
        status="open",
        reopened_by=last.fact.actor,
        reopened_at=last.recorded_at,
        reopened_reason=last.fact.reason,
        reopened_position=last.position,
    )


def moved(period: str, told: Sequence[Decided], account: str) -> tuple[Moved, ...]:
    """What the close of a month moved in the books of an account, by account of the chart, plan and currency;
    a month that was closed with a later one has no close of its own."""
    close = _closing(period, told)
    if close is None or close.fact.period != period:
        return ()
    return tuple(moves(close.fact, close.position, account))


def history(period: str, told: Sequence[Decided]) -> tuple[Act, ...]:
    """What was decided of a month, in order."""
    return tuple(
        Act(
            did="closed" if isinstance(one.fact, PeriodClosed) else "reopened",
            number=one.fact.number,
            actor=one.fact.actor,
            reason=one.fact.reason,
            position=one.position,
            at=one.recorded_at,
        )
        for one in told
        if one.fact.period == period
    )


def kept(period: str, told: Sequence[Decided]) -> tuple[Held, ...] | None:
    """The trial balance that a month's close left; None where it has no close of its own."""
    close = _closing(period, told)
    if close is None or close.fact.period != period or not isinstance(close.fact, PeriodClosed):
        return None
    return balances(close.fact)


def balances(fact: PeriodClosed) -> tuple[Held, ...]:
    """The trial balance that a close left."""
    return tuple(Held(each.account, each.currency, each.amount) for each in fact.balances)


def _closing(period: str, told: Sequence[Decided]) -> Decided | None:
    """The close by which a month is closed: its own, or else the first of a later one."""
    closes: dict[str, Decided] = {}
    for one in told:
        if isinstance(one.fact, PeriodClosed):
            closes[one.fact.period] = one
        else:
            closes.pop(one.fact.period, None)
    return min(((each, one) for each, one in closes.items() if each >= period), default=(None, None))[1]


def moves(fact: PeriodClosed | PeriodReopened, position: int, of: str) -> Iterator[Moved]:
    """What a close at a position, in the books of an account (empty: our own), moved, in the order of the
    posting table."""
    for rule in TABLE[PeriodClosed]:
        what = rule.amount.partition(".")[0]
        for part in getattr(fact, what):
            lines = isinstance(part, Part)
            yield Moved(
                what=what,
                debit=account(rule.debit, part),
                credit=account(rule.credit, part),
                plan=part.plan if lines else "",
                currency=part.currency,
                amount=part.amount,
                count=part.count if lines else None,
                digest=part.digest if lines else None,
                rate=part.rate if lines else "",
                lines=_lines(fact.period, what, part, position, of) if lines else None,
            )


def _lines(period: str, what: str, part: Part, position: int, account: str) -> str | None:
    """Where they are read, of this very close, whatever is decided of its month later; None where its name
    cannot be asked for."""
    if not part.plan.isprintable() or len(part.plan) > LONGEST:
        return None
    asked = {"what": what, "plan": part.plan, "currency": part.currency, "rate": part.rate}
    more = {"known_at": position} | ({"account": account} if account else {})
    return f"/sys/periods/{period}/lines?{urlencode(asked | more)}"


def _names(first: str, end: date) -> Iterator[str]:
    day = date.fromisoformat(f"{first}-01")
    while day < end:
        yield day.isoformat()[:7]
        day = (day + timedelta(days=31)).replace(day=1)
