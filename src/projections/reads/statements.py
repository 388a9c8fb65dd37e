"""How did an account come to hold what it holds? Its statement, line by line, in pages of any size: each
begins with what the account held at its place."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from msgspec import Struct

from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.recorded import decode
from ledgerstone.projections.reads.asked import List, Moment, Place, Query, ask
from ledgerstone.projections.reads.balances import LEGS, sums
from ledgerstone.projections.reads.journal import LOG, asked, filters, happened_at, midnight

OPENING, LINE, CLOSING = 0, 1, 2
"""The kinds of lines, in their order."""
KINDS: tuple[Literal["opening", "line", "closing"], ...] = ("opening", "line", "closing")
OURS = "r.book = %(book)s and r.position <= %(position)s"
SIDES = "greatest(r.amount, 0) as debit, greatest(-r.amount, 0) as credit"
NOWHERE = "null::date, null::bigint, null::bigint, null::text"
"""The day, position, line and subject of what is no leg."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"([012]):([0-9]{1,15}):([0-9]{1,9}):([a-z]{0,20})")


class StatementLine(Struct, frozen=True):
    """A line of an account's statement, in minor units of `currency`. `balance` is what the account holds
    after it, above 0 on the debit side; each currency has its own. The first lines are the `opening` of each
    currency, the last the `closing`, with what was debited and credited in all. `subject` says whose money it
    is, `against` and `against_of` where it came from or went; `line` tells the lines of a position apart."""

    kind: Literal["opening", "line", "closing"]
    booked: str | None
    position: int | None
    line: int | None
    name: str | None
    fact: str | None
    happened_at: datetime | None
    recorded_at: datetime | None
    subject: str | None
    against: str | None
    against_of: str | None
    currency: str
    debit: int
    credit: int
    balance: int


class _From(Struct, frozen=True):
    """Where a page begins: behind a line of a kind, a currency, a day, position and line."""

    kind: int
    currency: str = ""
    day: date | None = None
    position: int = 0
    line: int = 0


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """An account's statement: what it held before, each line with what it holds after, and what it holds in
    the end, the oldest first. Debits and credits are counted from `from` on."""
    start, most = _start(after), "" if limit is None else f" limit {limit:d}"
    given = {**given, "chart": given["account"]}
    parts = [_openings(moment, given, after is not None)] if start.kind == OPENING else []
    if start.kind <= LINE:
        parts.append(_lines(moment, given, start, most))
    parts.append(_closings(moment, given, start.kind == CLOSING))
    text = (
        "select s.*, l.recorded_at, l.state from ("
        f"select * from ({' union all '.join(parts)}) s"
        ' (kind, day, position, line, "of", currency, debit, credit, balance)'
        f" order by kind, day, position, line, currency{most}) s"
        f" left join {LOG} l on l.notification_id = s.position"
        " order by s.kind, s.day, s.position, s.line, s.currency"
    )
    begun = {"after_day": start.day, "after_position": start.position, "after_line": start.line}
    return ask(moment, text, **asked(moment, given), **begun, after_currency=start.currency)


def shape(row: Sequence[Any]) -> StatementLine:
    """A row of `rows`."""
    kind, day, position, line, of, currency, debit, credit, balance, recorded_at, state = row
    figures = {"currency": currency, "debit": debit, "credit": credit, "balance": balance}
    if kind != LINE:
        return StatementLine(KINDS[kind], *(None,) * 10, **figures)
    told = decode(state)
    move = told.movements[line // 2]
    against, against_of = (move.debit, move.debit_of) if line % 2 else (move.credit, move.credit_of)
    return StatementLine(
        kind="line",
        booked=day.isoformat(),
        position=position,
        line=line,
        name=told.name,
        fact=tag(type(told.body)),
        happened_at=happened_at(told, line // 2),
        recorded_at=recorded_at,
        subject=of,
        against=against,
        against_of=against_of,
        **figures,
    )


def place(line: StatementLine) -> Place:
    """Where a line stands in its statement."""
    day = midnight(date.fromisoformat(line.booked)) if line.booked else BEGINNING
    return day, f"{KINDS.index(line.kind)}:{line.position or 0}:{line.line or 0}:{line.currency}"


LIST = List(rows, shape, place)


def _start(after: Place | None) -> _From:
    """The place in its parts; one of another kind is before all."""
    found = PLACE.fullmatch(after[1]) if after else None
    if after is None or found is None:
        return _From(OPENING)
    day = after[0].astimezone(UTC).date()
    return _From(int(found[1]), found[4], day, int(found[2]), int(found[3]))


def _openings(moment: Moment, given: Mapping[str, Any], goes_on: bool) -> str:
    where = " where e.currency > %(after_currency)s" if goes_on else ""
    return (
        f"select {OPENING}, {NOWHERE}, e.currency, 0::bigint, 0::bigint,"
        f" (coalesce(o.debit, 0) - coalesce(o.credit, 0))::bigint from {_ends(moment, given)}{where}"
    )


def _closings(moment: Moment, given: Mapping[str, Any], goes_on: bool) -> str:
    where = " where e.currency > %(after_currency)s" if goes_on else ""
    return (
        f"select {CLOSING}, {NOWHERE}, e.currency, (e.debit - coalesce(o.debit, 0))::bigint,"
        " (e.credit - coalesce(o.credit, 0))::bigint, (e.debit - e.credit)::bigint"
        f" from {_ends(moment, given)}{where}"
    )


def _ends(moment: Moment, given: Mapping[str, Any]) -> str:
    """What there is in the end (`e`) beside what there was before (`o`), by currency."""
    opened = _held(moment, given, "since") if "from_" in given else _nothing()
    return f"{_summed(_held(moment, given, 'end_day'))} e left join {_summed(opened)} o using (currency)"


def _lines(moment: Moment, given: Mapping[str, Any], start: _From, most: str) -> str:
    """The legs of a page. What is before them is added to the sum that runs along them."""
    where = " and ".join([OURS, *filters(given), "r.day < %(end_day)s", *_behind(given, start)])
    page = f"select * from {LEGS} r where {where} order by r.day, r.position, r.line{most}"
    running = (
        "sum(r.amount) over (partition by r.currency order by r.day, r.position, r.line"
        " rows unbounded preceding)"
    )
    return (
        f'select {LINE}, r.day, r.position, r.line, r."of", r.currency,'
        " greatest(r.amount, 0), greatest(-r.amount, 0),"
        f" (coalesce(b.debit - b.credit, 0) + {running})::bigint"
        f" from ({page}) r left join {_summed(_before(moment, given, start))} b on b.currency = r.currency"
    )


def _behind(given: Mapping[str, Any], start: _From) -> list[str]:
    if start.kind == LINE:
        return ["(r.day, r.position, r.line) > (%(after_day)s, %(after_position)s, %(after_line)s)"]
    return ["r.day >= %(since)s"] if "from_" in given else []


def _before(moment: Moment, given: Mapping[str, Any], start: _From) -> str:
    """What the account held where a page begins: on all days before, and that day up to the line."""
    if start.kind == LINE:
        early = "r.day = %(after_day)s and (r.position, r.line) <= (%(after_position)s, %(after_line)s)"
        where = " and ".join([OURS, *filters(given), early])
        legs = f"select r.currency, {SIDES} from {LEGS} r where {where}"
        return f"{_held(moment, given, 'after_day')} union all {legs}"
    return _held(moment, given, "since") if "from_" in given else _nothing()


def _held(moment: Moment, given: Mapping[str, Any], end: str) -> str:
    """Currency, debit and credit on all days before the parameter `end`, in parts to be added up. Of one
    subject there are no sums, but not many legs either."""
    if "subject" in given:
        where = " and ".join([OURS, *filters(given), f"r.day < %({end})s"])
        return f"select r.currency, {SIDES} from {LEGS} r where {where}"
    one = " where currency = %(currency)s" if "currency" in given else ""
    found = sums(end, False, moment.position, of_one=True)
    return f"select currency, debit, credit from ({found}) held{one}"


def _summed(held: str) -> str:
    return f"(select currency, sum(debit) as debit, sum(credit) as credit from ({held}) t group by currency)"


def _nothing() -> str:
    return "select null::text as currency, 0 as debit, 0 as credit where false"
