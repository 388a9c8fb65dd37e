"""Which lines stand behind what a month's close moved? What each came to by the end of the month, as known to
the close, less what it came to by the end of the month that was closed before, as known to that close.

In the order of invoices and places, in which a close counts and digests those of each of its parts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from msgspec import Struct

from ledgerstone.ledger import passing
from ledgerstone.ledger.closing import MOVED, SINCE, Line, otherwise
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.periods import DAY, PeriodClosed, in_force, last_day
from ledgerstone.ledger.recognition import Standing
from ledgerstone.ledger.recorded import decode
from ledgerstone.projections.money import Money
from ledgerstone.projections.passed_on import PassedOn
from ledgerstone.projections.reads.asked import Place, Query, counted, known, relation
from ledgerstone.projections.reads.balances import LEGS
from ledgerstone.projections.reads.closes import Decided
from ledgerstone.projections.reads.journal import LOG
from ledgerstone.projections.reads.recognition import ROWS, spread
from ledgerstone.projections.taken_back import midnight

What = Literal["earned", "returned", "lost", "freed", "taxed", "recovered", "relieved", "theirs", "shared"]
OF_INVOICES = ("earned", "returned", "lost", "freed", "taxed", "recovered", "relieved")
OF_PAYMENTS = ("theirs", "shared")
NAMED = ("plan", "currency", "rate", "invoice")
"""What may be asked of a line, beside of what it is."""
BY_BYTES = (
    "select datlocprovider = 'b' or datlocprovider = 'c' and datcollate in ('C', 'POSIX')"
    " from pg_database where datname = current_database()"
)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class ClosedLine(Struct, frozen=True):
    """What a line came to in a close, minor units of `currency`: `what` of the close it is part of, under
    which `plan` (empty: none) and, of tax, `rate` (empty: nobody told it). `invoice` and `place` say of
    what: the place of a line in its invoice, or -1, the rest of which nobody told the days; -2 what is of no
    line; -3 what was written off of the whole; -4 what was passed on of a payment, whose id stands in
    `invoice`; and -5, of no invoice, what closes before moved by other rules and this one catches up with.

    The lines of one `what`, plan, currency and rate, in this order and written as JSON without spaces, as
    `[["in_1",0,400],["in_2",0,-30]]` (invoice, place, amount), have the SHA-256 that the close tells as
    `digest`; there are `count` of them, and their amounts come to its `amount`."""

    what: str
    plan: str
    currency: str
    rate: str
    invoice: str
    place: int
    amount: int


class Side(Struct, frozen=True):
    """By the end of a `day`, by what was known at a position."""

    day: date
    known_at: int

    @property
    def end(self) -> datetime:
        """The instant that ends the day."""
        return midnight(self.day + DAY)


Of = tuple[str, str, str, str]
"""What a close moved, its plan, currency and rate."""


class Behind(Struct, frozen=True):
    """What the lines of a close are made of: its own side, and that of the last close `before` (None: there
    was none), with all `closes` that were in force then; of a book. `parts` are what it moved: lines of
    other parts were not asked for by the rules that it was made by. `position` is the close's own row."""

    book: str
    position: int
    parts: frozenset[Of]
    now: Side
    before: Side | None
    closes: tuple[PeriodClosed, ...] = ()

    @property
    def sides(self) -> tuple[tuple[int, Side], ...]:
        """What counts, and what is taken off."""
        return ((1, self.now), (-1, self.before)) if self.before else ((1, self.now),)


class Wanted(Struct, frozen=True):
    """Which lines are asked for: those of some parts, by other names that they must have, and where they
    begin: so many (`skip`) of those at an invoice and place are passed over."""

    parts: frozenset[Of]
    given: Mapping[str, str] = {}
    invoice: str = ""
    place: int = -5
    skip: int = 0

    def has(self, line: ClosedLine) -> bool:
        """Whether a line is asked for."""
        named = all(getattr(line, name) == value for name, value in self.given.items())
        of = line.what, line.plan, line.currency, line.rate
        return named and of in self.parts and (line.invoice, line.place) >= (self.invoice, self.place)

    def some(self, of: Sequence[str]) -> list[str]:
        """Which of some kinds are asked for."""
        whats = {what for what, *_ in self.parts}
        return [what for what in of if what in whats]


def behind(book: str, period: str, told: Sequence[Decided]) -> Behind | None:
    """What a month's own close was made of, by what was decided up to some position; None where it has none
    that is in force."""
    close = in_force([one.fact for one in told]).get(period)
    if close is None:
        return None
    position = max(one.position for one in told if one.fact == close)
    earlier = in_force([one.fact for one in told if one.position <= close.known_at])
    parts = frozenset((what, x.plan, x.currency, x.rate) for what in MOVED for x in getattr(close, what))
    side = Side(last_day(period), close.known_at)
    if not earlier:
        return Behind(book, position, parts, side, None)
    last = earlier[max(earlier)]
    before = Side(last_day(last.period), last.known_at)
    return Behind(book, position, parts, side, before, tuple(earlier.values()))


def those(parts: Iterable[Of], what: str | None, given: Mapping[str, str]) -> frozenset[Of]:
    """The parts of which lines that are of some kind (null: any) and have other names can be."""
    return frozenset(
        of
        for of in parts
        if what in (None, of[0])
        and all(given.get(name, value) == value for name, value in zip(NAMED, of[1:], strict=False))
    )


def by_bytes() -> Query:
    """Whether this database itself sorts text by its bytes, as lines are listed: then the index of the view
    has them in their order. A server of our own does."""
    return Query(BY_BYTES, {})


def of_invoices(
    it: Behind, wanted: Wanted, by_bytes: bool, after: Sequence[Any] | None, limit: int | None
) -> Query:
    """Invoice, place, plan, currency, rate, and of what is asked for what each line came to: those that come
    after the first five of an earlier row, or where the lines begin; all without `limit`. Where the database
    sorts `by_bytes` it reads rows in their order, and no more than it needs for so many."""
    asked = wanted.some(OF_INVOICES)
    sums = ", ".join(f"sum({what})::bigint" for what in asked)
    some = " or ".join(f"sum({what}) <> 0" for what in asked)
    columns = [name if name == "line" or by_bytes else f'{name} collate "C"' for name in ORDER]
    begin = _begin([f"r.{column}" for column in columns], wanted, after)
    text = (
        f"select key, line, plan, currency, rate, {sums} from ({_rows(it, asked, wanted, begin)}) s"
        f" group by key, line, plan, currency, rate having {some} order by {', '.join(columns)}"
    )
    behind = dict(zip(AFTER, after or (), strict=False))
    return Query(text if limit is None else f"{text} limit {limit:d}", {**_asked(it, wanted), **behind})


ORDER = ("key", "line", "plan", "currency", "rate")
AFTER = [f"after_{name}" for name in ORDER]


def _begin(columns: Sequence[str], wanted: Wanted, after: Sequence[Any] | None) -> list[str]:
    if after:
        return [f"({', '.join(columns)}) > ({', '.join(f'%({name})s' for name in AFTER)})"]
    return [f"({', '.join(columns[:2])}) >= (%(from_key)s, %(from_line)s)"] if wanted.invoice else []


def _rows(it: Behind, asked: Sequence[str], wanted: Wanted, begin: Sequence[str]) -> str:
    """What rows came to on the one side less what they came to on the other, each read once."""
    held = [f"({known(position=f'known{n}')} and {counted(at=f'end{n}')})" for n, _ in enumerate(it.sides)]
    amounts = ", ".join(f"{_amount(it, held, what)} as {what}" for what in asked)
    named = {"plan": "r.plan", "currency": "r.currency", "rate": "r.rate", "invoice": "r.key"}
    where = ["r.book = %(book)s", f"({' or '.join(held)})", *begin]
    where += [f"{named[name]} = %({name})s" for name in wanted.given]
    if it.before:
        where.append(f"not ({' and '.join([*held, *([STILL] if 'earned' in asked else [])])})")
    columns = f"r.key, r.line, r.plan, r.currency, r.rate, {amounts}"
    return f"select {columns} from {ROWS} r where {' and '.join(where)}"


STILL = (
    "(r.deferred = 0 or r.spread_from is null or r.spread_to <= %(earliest)s or r.spread_from > %(latest)s)"
)
"""Of a row nothing is earned between the two sides: as it is on both, it comes to nothing."""


def _amount(it: Behind, held: Sequence[str], what: str) -> str:
    return " ".join(
        f"{'+' if sign > 0 else '-'} case when {held[n]} then {_came_to(what, n)} else 0 end"
        for n, (sign, _) in enumerate(it.sides)
    )


def _came_to(what: str, side: int) -> str:
    return f"r.earned + {spread(f'%(day{side})s')}" if what == "earned" else f"r.{what}"


def _asked(it: Behind, wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"book": it.book, "from_key": wanted.invoice, "from_line": wanted.place}
    for n, (_, side) in enumerate(it.sides):
        found |= {f"day{n}": side.day, f"end{n}": side.end, f"known{n}": side.known_at}
    days = [side.day for _, side in it.sides]
    return {**found, **wanted.given, "earliest": min(days) + DAY, "latest": max(days)}


def invoice_lines(row: Sequence[Any], wanted: Wanted) -> Iterator[ClosedLine]:
    """The lines in a row of `of_invoices`."""
    invoice, place, plan, currency, rate, *amounts = row
    for what, amount in zip(wanted.some(OF_INVOICES), amounts, strict=True):
        if amount:
            yield ClosedLine(what, plan, currency, rate, invoice, place, amount)


def payments(it: Behind, invoice: str | None, after: str, inclusive: bool, limit: int) -> Query:
    """Payments of which something may have been passed on, by their ids, and the transfers that did so; only
    the one whose id stands in `invoice`, where that is asked for."""
    one = "" if invoice is None else " and m.key = %(invoice)s"
    text = (
        f'select m.key collate "C", array_agg(distinct p.key) from {relation(PassedOn)} p'
        f" join {relation(Money)} m on m.book = %(book)s and m.kind = 'received' and m.id = p.charge"
        f" where p.book = %(book)s and p.known_from <= %(known)s and m.known_from <= %(known)s{one}"
        f' and m.key collate "C" {">=" if inclusive else ">"} %(after)s group by 1 order by 1 limit {limit:d}'
    )
    asked = {"book": it.book, "known": it.now.known_at, "after": after, "invoice": invoice}
    return Query(text, asked)


def told_of(it: Behind, found: Sequence[tuple[str, Sequence[str]]]) -> Query:
    """What the log tells of payments and of their transfers: position and state. All of it moved money on
    accounts on which they stand by their ids."""
    subjects = {subject for payment, transfers in found for subject in (payment, *transfers)}
    text = (
        f"select l.notification_id, l.state from {LOG} l where l.notification_id in"
        f' (select g.position from {LEGS} g where g.book = %(book)s and g."of" = any(%(subjects)s)'
        " and g.account in ('unapplied_card', 'passed_on') and g.position <= %(known)s) order by 1"
    )
    return Query(text, {"book": it.book, "known": it.now.known_at, "subjects": sorted(subjects)})


Came = dict[Line, Standing]


def came_to(side: Side, rows: Iterable[Sequence[Any]], asked: Iterable[str]) -> Came:
    """What came of some payments on a side, by rows of `told_of`: as a close works it out."""
    known = [decode(state) for position, state in rows if position <= side.known_at]
    some = frozenset(asked)
    return {
        Line(each.currency, "", each.payment, -4): each.at(side.day)
        for each in passing.passed(corrected(known))
        if each.payment in some
    }


def payment_lines(now: Came, before: Came) -> Iterator[ClosedLine]:
    """The lines of payments, in order."""
    none = Standing()
    for line in sorted(now.keys() | before.keys(), key=lambda line: (line.invoice, line.currency)):
        for what in OF_PAYMENTS:
            amount = getattr(now.get(line, none), what) - getattr(before.get(line, none), what)
            if amount:
                yield ClosedLine(what, "", line.currency, "", line.invoice, line.place, amount)


def left_by_invoices(it: Behind, side: Side) -> Query:
    """What was recovered and relieved on a side, by currency and rate."""
    text = (
        f"select r.currency, r.rate, sum(r.recovered)::bigint, sum(r.relieved)::bigint from {ROWS} r"
        f" where {known()} and {counted()} and r.line = -3 group by 1, 2"
    )
    return Query(text, {"book": it.book, "position": side.known_at, "at": side.end})


def caught_up(
    it: Behind, invoices: Iterable[Sequence[Any]], payments: Mapping[str, Counter[str]]
) -> Iterator[ClosedLine]:
    """What is of no invoice: where closes moved something else than the lines that they left come to, by rows
    of `left_by_invoices`, and what payments left by currency. Closes by these rules leave nothing of it."""
    left: defaultdict[Line, Counter[str]] = defaultdict(Counter)
    for currency, rate, recovered, relieved in invoices:
        left[Line(currency, "", "", -5, rate)].update(recovered=recovered, relieved=relieved)
    for currency, sums in payments.items():
        left[Line(currency, "", "", -5)].update(sums)
    held = otherwise({line: Standing(**sums) for line, sums in left.items()}, it.closes)
    for line, stood in sorted(held.items()):
        for what in SINCE:
            if amount := getattr(stood, what):
                yield ClosedLine(what, line.plan, line.currency, line.rate, "", -5, -amount)


def place(line: ClosedLine, number: int) -> Place:
    """Where a line stands: its invoice, its place there, and its number among those of that."""
    return BEGINNING, f"{line.place}:{number}:{line.invoice}"


def begin(wanted: Wanted, after: Place | None) -> Wanted:
    """The lines behind a place; one of another kind is before all."""
    where, _, rest = after[1].partition(":") if after else ("", "", "")
    number, _, invoice = rest.partition(":")
    if not (_is_count(where.removeprefix("-")) and _is_count(number)):
        return wanted
    return Wanted(wanted.parts, wanted.given, invoice, int(where), int(number) + 1)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
