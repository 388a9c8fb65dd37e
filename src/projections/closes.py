"""How is a month of a book closed, or opened again, while others write? What is told meanwhile must not slip
into it, and books that are not sound are not closed."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from itertools import chain
from typing import Protocol

from msgspec import DecodeError, Struct, field

from ledgerstone.ledger import closing, periods, revaluation
from ledgerstone.ledger.book_invariants import (
    Close,
    Problem,
    closed_months_are_as_their_close_left_them,
    problems,
)
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.fx import FxRatePublished, Published
from ledgerstone.ledger.journal import Entry, Journal, LogBusy, LogMoved
from ledgerstone.ledger.open_items import Item
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, closed_through, last_day
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.revaluation import Exchange
from ledgerstone.projections import postings
from ledgerstone.projections.open_books import Few, OpenBooks, Words, sorted_out
from ledgerstone.projections.postings import MOVING, entries, is_credit, legs
from ledgerstone.projections.unearned import deferred

PERIODS = tag(PeriodClosed), tag(PeriodReopened)
ASKED = {*map(tag, closing.HEARD), tag(Superseded), *PERIODS}
"""The tags of rows that a close is made from; the others are only added up."""
READ = sorted({*MOVING, *ASKED, tag(FxRatePublished)})
"""What is read for a close: with what moves money, all that is told of what is open (`ledger.open_items`)."""
WINDOW = 5_000
TRIES = 500
NAMED = 5
"""How many faults are named where there are more, and how many things that wait."""
LOCK = "periods"
"""Of the database, which who closes or reopens holds alone."""


Totals = Mapping[tuple[str, str, str, date], tuple[int, ...]]
"""Debits and credits by book, account, currency and day."""


class Index(postings.Index, Protocol):
    """The index of postings, and its sums."""

    def totals(self, position: int, book: str) -> "Totals":
        """Those of a book up to a position."""
        ...


class Unsound(ValueError):
    """Books that are not as they must be are not closed; the message says what is wrong with them."""


class Decided(Struct, frozen=True):
    """A close, or its taking back, at its position of the log; what `waited` when it was made, None where
    that is not known any more."""

    position: int
    fact: PeriodClosed | PeriodReopened
    waited: Few | None = None


class Taken(Struct, frozen=True):
    """What a row did to a book: the first day that it changed, and the things that it is about."""

    day: date | None
    about: Collection[Item]


class New(Struct, frozen=True):
    """What new rows did: the first day that they changed, and what is wrong with what they are about."""

    day: date | None
    wrong: Few


class Books(Struct):
    """A book up to a position: the rows that a close asks for, what is open, and what its accounts hold by
    the end of each day (`moved` is what each day changed). Where there is a `functional` currency, `flows`,
    `credited` and `tables` are what others are valued by."""

    book: Book
    functional: str | None = None
    position: int = 0
    through: date | None = None
    rows: list[tuple[int, Recorded]] = []
    moved: dict[date, Counter[tuple[str, str]]] = {}
    flows: dict[date, Counter[tuple[str, str]]] = {}
    credited: dict[date, Counter[tuple[str, str]]] = {}
    tables: dict[date, Published] = {}
    open: OpenBooks = field(default_factory=OpenBooks)

    def take(self, position: int, row: Recorded) -> Taken:
        """A row of the book."""
        changed = None
        if isinstance(row.body, FxRatePublished):
            self.tables[row.body.day] = Published(row.body.day, row.body.rates)
        if row.movements:
            for entry in entries(row, position, self.through):
                changed = entry.day if changed is None else min(changed, entry.day)
                for leg in legs(entry, row):
                    self.moved.setdefault(entry.day, Counter())[leg.account, leg.currency] += leg.amount
            if self.functional:
                self._flow(position, row, self.functional)
        self.through = closed_through(self.through, row.body)
        if tag(type(row.body)) in ASKED:
            self.rows.append((position, row))
        return Taken(changed, self.open.take(position, row))

    def _flow(self, position: int, row: Recorded, functional: str) -> None:
        """On the days on which it happened, whatever was closed; what closes moved is worked out anew."""
        for entry in () if tag(type(row.body)) in PERIODS else entries(row, position, None):
            for leg in legs(entry, row):
                cell = leg.account, leg.currency
                if revaluation.asked(*cell, functional):
                    self.flows.setdefault(entry.day, Counter())[cell] += leg.amount
                    if is_credit(leg, row):
                        self.credited.setdefault(entry.day, Counter())[cell] += leg.amount

    def exchange(self) -> Exchange | None:
        """What other currencies are valued by; None where they are not."""
        tables = [self.tables[day] for day in sorted(self.tables)]
        functional = self.functional
        return Exchange(functional, tables, self.flows, self.credited) if functional else None

    def held(self, day: date) -> Counter[tuple[str, str]]:
        """What accounts hold at the end of a day."""
        found: Counter[tuple[str, str]] = Counter()
        for each, moved in self.moved.items():
            if each <= day:
                found.update(moved)
        return found

    def closes(self) -> dict[str, PeriodClosed]:
        """The closes in force."""
        return periods.in_force([row.body for _, row in self.rows])


def over(period: str, now: datetime) -> None:
    """ValueError where a month is none that can be closed, or is not over at a time (UTC)."""
    if periods.asked(period)[1] > now.date():
        raise ValueError(f"{period} is not over: what is to come of it would be late")


def close_in(
    journal: Journal,
    book: Book,
    period: str,
    actor: str,
    reason: str = "",
    index: Index | None = None,
    functional: str | None = None,
    words: Words = lambda position: None,
) -> Decided:
    """Close a month of a book, while others write. The close must be the row behind what was looked at: what
    comes in between is looked at too, and if it stands in this month, the close is made again. ValueError
    where it, or a later one, is closed, a rate is missing by which other currencies would be valued in the
    `functional` one (without it they are not), or the books are Unsound, for which they are held against an
    index of postings where it is given, and against invoices' own `words`; LogBusy."""
    closing.check_open(in_force(journal, book), period)
    books, day = Books(book, functional), last_day(period)
    made: PeriodClosed | None = None
    waited = Few()
    for _ in range(TRIES):
        new = _catch_up(journal, books, looked_at=made is not None)
        if made is None:
            waited = before_closing(journal, books, period, index, words)
        _refuse(period, new.wrong)
        if made is None or (new.day is not None and new.day <= day):
            held, exchange = books.held(day), books.exchange()
            made = closing.close(books.rows, period, held, books.position, actor, reason, exchange)
        try:
            journal.append_at(closing.row(book, made), books.position + 1)
            return Decided(books.position + 1, made, waited)
        except LogMoved:
            continue
    raise LogBusy(f"{period} is not closed: in {TRIES} attempts somebody else was faster; try again")


def reopen_in(journal: Journal, book: Book, period: str, actor: str, reason: str) -> list[Decided]:
    """Open a month and all later ones again, the last first. ValueError where it is not closed."""
    periods.asked(period)
    head = journal.head()
    opened = list(periods.reopened(in_force(journal, book), period, actor, reason))
    rows = [closing.row(book, each) for each in opened]
    journal.append_new(rows)
    names = {row.name for row in rows}
    return [one for one, name in _decided(journal, book, head) if name in names]


def decided(journal: Journal, book: Book) -> list[Decided]:
    """What was decided of the months of a book, in order."""
    return [one for one, _ in _decided(journal, book, 0)]


def in_force(journal: Journal, book: Book) -> dict[str, PeriodClosed]:
    """The closes of a book that were not taken back."""
    return periods.in_force([one.fact for one in decided(journal, book)])


def before_closing(journal: Journal, books: Books, period: str, index: Index | None, words: Words) -> Few:
    """Hold books against all that must be true of them; what only waits. Raises Unsound."""
    while index is not None and index.position() < books.position:
        postings.advance(journal, index)
    kept = None if index is None else index.totals(books.position, str(books.book))
    again = partial(_rows, journal, books.book, 0, books.position, MOVING)
    found = chain(doubts(books, kept), books.open.problems(books.position, again, words))
    wrong, waits = sorted_out(found, NAMED)
    _refuse(period, wrong)
    return waits


def _refuse(period: str, wrong: Few) -> None:
    if wrong.count:
        more = wrong.count - len(wrong.said)
        rest = f"; and {more:,} more" if more else ""
        said = f"{'; '.join(wrong.said)}{rest}. `ledgerstone verify` looks at all of the log"
        raise Unsound(f"{period} is not closed, because the books are not sound: {said}")


def doubts(books: Books, kept: Totals | None) -> Iterator[Problem]:
    """What is not true of accounts that must be: the index of postings has what rows moved, every currency
    comes to nothing in it, closed months are as they were when they were closed, and the last of them
    deferred what was not earned."""
    yield from () if kept is None else map(Problem, _differing(books, kept))
    closes = books.closes()
    for closed in closes.values():
        close = Close(closed, books.held(last_day(closed.period)), {})
        for problem in closed_months_are_as_their_close_left_them(close):
            yield _of_closed(closed, problem)
    if closes:
        last = closes[max(closes)]
        known = [row for position, row in books.rows if position <= last.known_at]
        for problem in deferred(known, last):
            yield _of_closed(last, problem)


def _of_closed(closed: PeriodClosed, problem: Problem) -> Problem:
    return Problem(f"{closed.period}, which is closed: {problem.said}")


def _differing(books: Books, kept: Totals) -> Iterator[str]:
    indexed = Counter[tuple[date, str, str]]()
    for (_, account, currency, day), (debit, credit) in kept.items():
        indexed[day, account, currency] += debit - credit
    told = Counter({(day, *cell): n for day, moved in books.moved.items() for cell, n in moved.items()})
    for day, account, currency in sorted(indexed.keys() | told.keys()):
        here, there = indexed[day, account, currency], told[day, account, currency]
        if here != there:
            yield f"on {day} the index of postings has {here} {currency} on {account}, and the log {there}"
    sums = Counter[str]()
    for (_, _, currency), amount in indexed.items():
        sums[currency] += amount
    for currency, amount in sorted(sums.items()):
        if amount:
            yield f"all accounts together hold {amount} {currency}, and not nothing"


def _catch_up(journal: Journal, books: Books, looked_at: bool) -> New:
    """Take the new rows of a book. Where all of it was looked at before, what they are about is again."""
    head, days, about = journal.head(), set[date](), dict[int, Item]()
    for each in _rows(journal, books.book, books.position, head, READ):
        taken = books.take(*each)
        days |= {taken.day} if taken.day is not None else set()
        about |= {id(item): item for item in taken.about} if looked_at else {}
    books.position = head
    for item in about.values():
        item.shown = None  # its own words were of before
    wrong, _ = sorted_out((problem for item in about.values() for problem in problems(item)), NAMED)
    return New(min(days, default=None), wrong)


def _decided(journal: Journal, book: Book, after: int) -> Iterator[tuple[Decided, str]]:
    for position, row in _rows(journal, book, after, journal.head(), PERIODS):
        if isinstance(row.body, PeriodClosed | PeriodReopened):
            yield Decided(position, row.body), row.name


def _rows(
    journal: Journal, book: Book, after: int, head: int, tags: Sequence[str]
) -> Iterator[tuple[int, Recorded]]:
    while after < head:
        found = _window(journal, after, min(WINDOW, head - after), tags)
        for entry in found:
            if entry.row is not None and (entry.row.book == book or _is_rate(entry.row)):
                yield entry.position, entry.row
        after = found[-1].position


def _window(journal: Journal, after: int, limit: int, tags: Sequence[str]) -> list[Entry]:
    try:
        return journal.read(after, limit, tags)
    except DecodeError as error:
        where = f"a row between {after + 1:,} and {after + limit:,} cannot be decoded"
        raise Unsound(f"{where}: {error}. `ledgerstone verify` says which") from None


def _is_rate(row: Recorded) -> bool:
    """Rates are in the platform's book, and those of every book."""
    return isinstance(row.body, FxRatePublished)
