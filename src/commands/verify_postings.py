"""Is the index of postings what the log says? Its legs are added up beside the movements of the rows, and its
sums beside its legs. And is each closed month as its close left it?"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import islice

from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.book_invariants import Close, closed_months_are_as_their_close_left_them
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, closed_through, last_day
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.postings import NAME, SPANS, entries, legs

NAMED = 20
"""How many cells that differ are named; the others are counted."""
Cell = tuple[str, str, str, date]
"""A book, an account, a currency and a day."""


class Postings:
    """What the index should hold, added up while the log is read. Memory grows with accounts and days."""

    def __init__(self, dsn: str) -> None:
        self._index = PostingIndex(dsn, NAME, SPANS)
        self._position = self._index.reached()
        self._closed: dict[str, date | None] = {}
        self._closes: dict[tuple[str, str], PeriodClosed] = {}
        self._sums: defaultdict[Cell, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def take(self, row: Recorded, position: int) -> None:
        """A row of the log; those that the index has not reached do not count."""
        if self._position is None or position > self._position:
            return
        book = str(row.book)
        closed = self._closed.get(book)
        for entry in entries(row, position, closed):
            for leg in legs(entry, row):
                cell = book, leg.account, leg.currency, leg.day
                debit, credit = self._sums[cell]
                self._sums[cell] = debit + max(leg.amount, 0), credit + max(-leg.amount, 0)
        self._closed[book] = closed_through(closed, row.body)
        if isinstance(row.body, PeriodClosed):
            self._closes[book, row.body.period] = row.body
        elif isinstance(row.body, PeriodReopened):
            self._closes.pop((book, row.body.period), None)

    def problems(self) -> Iterator[str]:
        """What is wrong, a sentence each; beyond `NAMED` they are counted."""
        if self._position is not None:
            found = self._found()
            yield from islice(found, NAMED)
            if more := sum(1 for _ in found):
                yield f"… and {more:,} more in the index of postings"
        self._index.close()

    @property
    def fine(self) -> str | None:
        """What to say where nothing is wrong; None where there is no index yet."""
        if self._position is None:
            return None
        return f"the index of postings at position {self._position:,}: equal to the movements of the log"

    def _found(self) -> Iterator[str]:
        assert self._position is not None
        kept = self._index.totals(self._position)
        for cell in sorted(kept.keys() | self._sums.keys()):
            held, told = kept.get(cell, (0, 0)), self._sums.get(cell, (0, 0))
            if held != told:
                yield f"{_named(cell)}: the index has {_sides(held)}, and the log {_sides(told)}"
        for kind, book, account, currency, day in self._index.faults():
            yield f"{_named((book, account, currency, day))}: its {kind} are not the sums of its postings"
        for (book, period), closed in sorted(self._closes.items()):
            close = Close(closed, self._held(book, last_day(period)), {})
            for problem in closed_months_are_as_their_close_left_them(close):
                yield f"{period} of {book}, which is closed: {problem.said}"

    def _held(self, of: str, end: date) -> Counter[tuple[str, str]]:
        held: Counter[tuple[str, str]] = Counter()
        for (book, account, currency, day), (debit, credit) in self._sums.items():
            if book == of and day <= end:
                held[account, currency] += debit - credit
        return held


def _named(cell: Cell) -> str:
    book, account, currency, day = cell
    return f"postings of {book}, {account} in {currency}, {day:%Y-%m-%d}"


def _sides(sums: tuple[int, ...]) -> str:
    return f"{sums[0]} debited and {sums[1]} credited"
