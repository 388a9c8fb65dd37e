"""Do the books keep their invariants? What accounts hold is compared, thing by thing, with what was told, and
with what invoices say of themselves; and what the last close deferred with its schedules."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

from msgspec import DecodeError

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.scan import scan
from ledgerstone.adapters.postgres.view_rows import known_there
from ledgerstone.ledger.book_invariants import Problem
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.closes import ASKED, WINDOW
from ledgerstone.projections.open_books import SHOWN, OpenBooks
from ledgerstone.projections.unearned import deferred

ROWS = 200_000
"""Rows that closes ask for in memory; a book that has more takes as much as its close did."""


class Books:
    """What accounts hold beside what was told, added up while the log is read."""

    def __init__(self) -> None:
        self.rows = self.position = 0
        self._open = OpenBooks()
        self._closes: dict[tuple[str, str], PeriodClosed] = {}
        self._asked = Counter[str]()

    def take(self, row: Recorded, position: int) -> None:
        """A row of the log, in its order."""
        self.rows, self.position = self.rows + 1, position
        self._open.take(position, row)
        if tag(type(row.body)) in ASKED:
            self._asked[str(row.book)] += 1
        if isinstance(row.body, PeriodClosed):
            self._closes[str(row.book), row.body.period] = row.body
        elif isinstance(row.body, PeriodReopened):
            self._closes.pop((str(row.book), row.body.period), None)

    @property
    def fine(self) -> str:
        """What to say where nothing is wrong."""
        return f"the books at position {self.position:,} keep their invariants"

    def found(self, database: Database, journal: Journal) -> Iterator[Problem]:
        """What is wrong, and what waits, after all rows that were taken."""
        again = partial(self._again, database.app_dsn)
        words = partial(known_there, database.app_dsn, SHOWN, None)
        yield from self._open.problems(self.position, again, words)
        yield from self._schedules(journal)

    def _again(self, dsn: str) -> Iterator[tuple[int, Recorded]]:
        for at in scan(dsn):
            with suppress(DecodeError):
                if at.position <= self.position:
                    yield at.position, decode(at.state)

    def _schedules(self, journal: Journal) -> Iterator[Problem]:
        """The last close of each book. The log is read once for as many books as fit into memory."""
        last = {book: self._closes[book, period] for book, period in sorted(self._closes)}
        for part in _parts({book: self._asked[book] for book in last}):
            known = _known(journal, {book: last[book].known_at for book in part})
            for book in part:
                for problem in deferred(known.pop(book), last[book]):
                    yield Problem(f"{last[book].period} of {book}, which is closed: {problem.said}")


def _parts(rows: Mapping[str, int]) -> Iterator[list[str]]:
    """Books, by how many rows each has, in parts that have few enough together, or are of one book."""
    part, held = list[str](), 0
    for book, count in rows.items():
        if part and held + count > ROWS:
            yield part
            part, held = [], 0
        part.append(book)
        held += count
    if part:
        yield part


def _known(journal: Journal, upto: Mapping[str, int]) -> dict[str, list[Recorded]]:
    """The rows that a close of each book asks for, up to a position each."""
    found: dict[str, list[Recorded]] = {book: [] for book in upto}
    after, last, tags = 0, max(upto.values()), sorted(ASKED)
    while after < last:
        window = journal.read(after, min(WINDOW, last - after), tags)
        for each in window:
            if each.row is not None and each.position <= upto.get(str(each.row.book), 0):
                found[str(each.row.book)].append(each.row)
        after = window[-1].position
    return found
