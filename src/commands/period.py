"""Closing a month of a book, and taking that back: what is told meanwhile must not slip into it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

from msgspec import Struct

from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.ledger import closing, periods
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.journal import Journal, LogBusy, LogMoved
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, closed_through, last_day
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.sales import HEARD
from ledgerstone.projections.postings import MOVING, entries, legs

PERIODS = tag(PeriodClosed), tag(PeriodReopened)
ASKED = {*map(tag, HEARD), tag(Superseded), *PERIODS}
"""The tags of rows that a close is made from; the others are only added up."""
READ = sorted({*MOVING, *ASKED})
WINDOW = 5_000
TRIES = 500


class Books(Struct):
    """A book up to a position: the rows that a close asks for, and what its accounts hold by the end of each
    day (`moved` is what each day changed)."""

    book: Book
    position: int = 0
    through: date | None = None
    rows: list[tuple[int, Recorded]] = []
    moved: dict[date, Counter[tuple[str, str]]] = {}

    def take(self, position: int, row: Recorded) -> date | None:
        """A row of the book; the first day that it changed."""
        changed = None
        if row.movements:
            for entry in entries(row, position, self.through):
                changed = entry.day if changed is None else min(changed, entry.day)
                for leg in legs(entry, row):
                    self.moved.setdefault(entry.day, Counter())[leg.account, leg.currency] += leg.amount
        self.through = closed_through(self.through, row.body)
        if tag(type(row.body)) in ASKED:
            self.rows.append((position, row))
        return changed

    def held(self, day: date) -> Counter[tuple[str, str]]:
        """What accounts hold at the end of a day."""
        found: Counter[tuple[str, str]] = Counter()
        for each, moved in self.moved.items():
            if each <= day:
                found.update(moved)
        return found


def close(settings: Settings, period: str, account: str, actor: str, reason: str) -> PeriodClosed:
    """Close a month that is over. ValueError where it is not, or is closed already; AlreadyRunning."""
    if last_day(period) >= datetime.now(UTC).date():
        raise ValueError(f"{period} is not over: what is to come of it would be late")
    book = Book(account, settings.stripe_livemode)
    with migrated(settings) as database, journal_of(database) as journal, alone(database.app_dsn, "periods"):
        return close_in(journal, book, period, actor, reason)


def close_in(journal: Journal, book: Book, period: str, actor: str, reason: str) -> PeriodClosed:
    """Close a month of a book, while others write. The close must be the row behind what was looked at: what
    comes in between is looked at too, and if it stands in this month, the close is made again."""
    books, day = Books(book, rows=[], moved={}), last_day(period)
    made: PeriodClosed | None = None
    for _ in range(TRIES):
        changed = min(_catch_up(journal, books), default=None)
        if made is None or (changed is not None and changed <= day):
            made = closing.close(books.rows, period, books.held(day), books.position, actor, reason)
        try:
            journal.append_at(closing.row(book, made), books.position + 1)
            return made
        except LogMoved:
            continue
    raise LogBusy(f"{period} is not closed: in {TRIES} attempts somebody else was faster; try again")


def reopen(settings: Settings, period: str, account: str, actor: str, reason: str) -> list[PeriodReopened]:
    """Open a month and all later ones again. ValueError where it is not closed; AlreadyRunning."""
    book = Book(account, settings.stripe_livemode)
    with migrated(settings) as database, journal_of(database) as journal, alone(database.app_dsn, "periods"):
        found = [row.body for _, row in _rows(journal, book, 0, journal.head(), PERIODS)]
        opened = list(periods.reopened(periods.in_force(found), period, actor, reason))
        journal.append_new([closing.row(book, each) for each in opened])
        return opened


def said(closed: PeriodClosed) -> str:
    """A close in a few lines: what it moved, in minor units, and the digest of its trial balance."""
    lines = [f"{closed.period} is closed, with all that was told up to position {closed.known_at:,}"]
    for what in closing.MOVED:
        for part in getattr(closed, what):
            plan = part.plan or "no plan"
            lines.append(f"  {what:8}  {part.amount:>14,} {part.currency}  {plan}, {part.count:,} lines")
    return "\n".join([*lines, f"trial balance {closed.digest}"])


def _catch_up(journal: Journal, books: Books) -> Iterator[date]:
    """The first day that each new row of the book changed."""
    head = journal.head()
    changed = [books.take(*each) for each in _rows(journal, books.book, books.position, head, READ)]
    books.position = head
    return (day for day in changed if day is not None)


def _rows(
    journal: Journal, book: Book, after: int, head: int, tags: list[str] | tuple[str, ...]
) -> Iterator[tuple[int, Recorded]]:
    while after < head:
        found = journal.read(after, min(WINDOW, head - after), tags)
        for entry in found:
            if entry.row is not None and entry.row.book == book:
                yield entry.position, entry.row
        after = found[-1].position
