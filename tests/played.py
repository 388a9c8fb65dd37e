"""A log that a business is played into, and what is wrong with its books after any row."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from ledgerstone.ledger import closing, periods
from ledgerstone.ledger.book_invariants import (
    INVARIANTS_OF_ACCOUNTS,
    INVARIANTS_OF_CLOSES,
    Close,
    Problem,
    problems,
    square,
)
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceSeen
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.open_items import NO_INVOICE, Item, OpenItems, Shown
from ledgerstone.ledger.periods import closed_through, in_force, last_day
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.folder import fold
from ledgerstone.projections.invoices import InvoiceRow, Invoices
from ledgerstone.projections.money import Money
from ledgerstone.projections.postings import entries, legs
from ledgerstone.projections.unearned import unearned
from tests.books import Books, Message

Cell = tuple[str, str]


class Log:
    """A log in memory of one book, which admits messages as the real one does, and what they come to."""

    def __init__(self) -> None:
        self.books = Books()
        self.rows: list[Recorded] = []
        self.items = OpenItems(square)
        self.days: dict[date, Counter[Cell]] = {}
        self.through: date | None = None

    def append(self, *messages: Message) -> None:
        self.books.append(*messages)
        self.take(self.books.rows[len(self.rows) :])

    def take(self, new: Sequence[Recorded]) -> None:
        for row in new:
            self.rows.append(row)
            self.items.take(len(self.rows), row)
            for entry in entries(row, len(self.rows), self.through):
                for leg in legs(entry, row):
                    self.days.setdefault(entry.day, Counter())[leg.account, leg.currency] += leg.amount
            self.through = closed_through(self.through, row.body)

    def held(self, day: date = date.max) -> Counter[Cell]:
        """What accounts hold at the end of a day."""
        found: Counter[Cell] = Counter()
        for each, moved in self.days.items():
            if each <= day:
                found.update(moved)
        return found

    def close(self, period: str) -> None:
        known = list(enumerate(self.rows, start=1))
        fact = closing.close(known, period, self.held(last_day(period)), len(known), "ada")
        self.append((closing.row(Book(), fact),))

    def reopen(self, period: str) -> None:
        closes = in_force([row.body for row in self.rows])
        opened = list(periods.reopened(closes, period, "ada", "an invoice was missing"))
        self.append(*((closing.row(Book(), each),) for each in opened))

    def problems(self) -> list[Problem]:
        """What is wrong with the books, and what waits."""
        found = [problem for rule in INVARIANTS_OF_ACCOUNTS for problem in rule(self.held())]
        found += [
            problem for close in self._closes() for rule in INVARIANTS_OF_CLOSES for problem in rule(close)
        ]
        shown, items = self._shown(), self.items.items
        for row in shown.values():
            key = ":live", "invoice", row.id, row.currency
            item = items.get(key) or Item(key)
            item.shown = Shown(row.status, row.amount_due, row.amount_paid, row.amount_remaining)
            found += problems(item) if key not in items else ()
        for item in items.values():
            if item.key[1] == "invoice" and item.key[2] not in shown:
                item.shown = NO_INVOICE
            found += problems(item)
        return found

    def _closes(self) -> list[Close]:
        return [
            Close(closed, self.held(last_day(period)), unearned(self.rows[: closed.known_at], closed))
            for period, closed in in_force([row.body for row in self.rows]).items()
        ]

    def _shown(self) -> dict[str, InvoiceRow]:
        """Invoices as their view has them now."""
        told = [row for row in self.rows if isinstance(row.body, InvoiceSeen | Superseded)]
        found = fold((Money(), Invoices()), list(enumerate(told, start=1)))["invoices"]
        now = [v.row for v in found if v.known_to is None and v.row.valid_to is None]  # type: ignore[attr-defined]
        return {row.id: row for row in now if isinstance(row, InvoiceRow)}


class RealLog(Log):
    """The same in a database: what is taken is what the log has."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def append(self, *messages: Message) -> None:
        for message in messages:
            self.journal.append(message)
        self._read()

    def close(self, period: str) -> None:
        """As whoever closes a month does: it is refused where the books do not keep their invariants."""
        close_in(self.journal, Book(), period, "ada")
        self._read()

    def _read(self) -> None:
        read = self.journal.read(len(self.rows), 10_000)
        self.take([each.row for each in read if each.row is not None])
