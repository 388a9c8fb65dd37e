"""Do the books keep their invariants? What accounts hold is compared, thing by thing, with what was told, and
with what invoices say of themselves; and what the last close deferred with its schedules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date

from msgspec import DecodeError

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.scan import scan
from ledgerstone.adapters.postgres.view_rows import known
from ledgerstone.bootstrap import views_of
from ledgerstone.ledger import closing
from ledgerstone.ledger.book_invariants import (
    Close,
    Problem,
    deferred_revenue_is_what_schedules_have_left,
    every_currency_balances,
    problems,
    square,
)
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.open_items import NO_INVOICE, Item, Mine, OpenItems, Shown
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, Recognised, closed_through, last_day
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.ledger.sales import sales
from ledgerstone.projections.closes import ASKED, WINDOW
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.postings import entries, legs
from ledgerstone.projections.view import table

MOST = 200_000
"""Open items in memory, some 100 MB. Where there are more the log is read once more for each part of them."""
ROWS = 200_000
"""Rows that closes ask for in memory; a book that has more takes as much as its close did."""
INVOICES = table(Invoices())
NAMES = [name for name, _ in INVOICES.columns]


class Books:
    """What accounts hold beside what was told, added up while the log is read."""

    def __init__(self) -> None:
        self.rows = self.position = 0
        self._parts = 1
        self._items = OpenItems(square)
        self._closes: dict[tuple[str, str], PeriodClosed] = {}
        self._asked = Counter[str]()

    def take(self, row: Recorded, position: int) -> None:
        """A row of the log, in its order."""
        self.rows, self.position = self.rows + 1, position
        self._items.take(position, row)
        if tag(type(row.body)) in ASKED:
            self._asked[str(row.book)] += 1
        if isinstance(row.body, PeriodClosed):
            self._closes[str(row.book), row.body.period] = row.body
        elif isinstance(row.body, PeriodReopened):
            self._closes.pop((str(row.book), row.body.period), None)
        while len(self._items.items) > MOST:
            self._parts *= 2
            self._items.keep(self._mine(0))

    @property
    def fine(self) -> str:
        """What to say where nothing is wrong."""
        return f"the books at position {self.position:,} keep their invariants"

    def found(self, database: Database, journal: Journal) -> Iterator[Problem]:
        """What is wrong, and what waits, after all rows that were taken."""
        yield from self._accounts()
        shown = _is_there(database, self.position)
        if not shown:
            said = f"at position {self.position:,} yet: invoices are not compared with what they say"
            yield Problem(f"the view of invoices is not {said}", waits=True)
        for part in range(self._parts):
            items = self._part(database, part) if part else self._items
            if shown:
                yield from _compared(items, database, self.position, self._mine(part))
            else:
                yield from (problem for item in items.items.values() for problem in problems(item))
        yield from self._schedules(journal)

    def _part(self, database: Database, part: int) -> OpenItems:
        """What is open of a part of all subjects, by reading the log once more."""
        items = OpenItems(square, self._mine(part))
        for at in scan(database.app_dsn):
            with suppress(DecodeError):
                if at.position <= self.position:
                    items.take(at.position, decode(at.state))
        return items

    def _mine(self, part: int) -> Mine:
        parts = self._parts
        return lambda key: hash(key) % parts == part

    def _accounts(self) -> Iterator[Problem]:
        books: dict[str, Counter[tuple[str, str]]] = {}
        for (book, account, currency), amount in self._items.accounts.items():
            books.setdefault(book, Counter())[account, currency] += amount
        for book, accounts in sorted(books.items()):
            for problem in every_currency_balances(accounts):
                yield Problem(f"books of {book}: {problem.said}")

    def _schedules(self, journal: Journal) -> Iterator[Problem]:
        """The last close of each book. The log is read once for as many books as fit into memory."""
        last = {book: self._closes[book, period] for book, period in sorted(self._closes)}
        for part in _parts({book: self._asked[book] for book in last}):
            known = _known(journal, {book: last[book].known_at for book in part})
            for book in part:
                close = Close(last[book], {}, unearned(known.pop(book), last[book]))
                for problem in deferred_revenue_is_what_schedules_have_left(close):
                    yield Problem(f"{last[book].period} of {book}, which is closed: {problem.said}")


def unearned(rows: Sequence[Recorded], closed: PeriodClosed) -> Counter[str]:
    """What deferred revenue should hold after a close, by currency, from the rows that it was made from: what
    schedules have left to earn, without what stands in later books."""
    day = last_day(closed.period)
    left = _booked_later(rows, day)
    for line, standing in closing.state(sales(corrected(rows)).values(), day).items():
        left[line.currency] += standing.deferred
    return left


def _booked_later(rows: Iterable[Recorded], day: date) -> Counter[str]:
    """What deferred revenue lacks at the end of a day: invoices from before it that were told while it was
    closed stand in later books, also when it was opened and closed again since."""
    through: date | None = None
    found: Counter[str] = Counter()
    for row in rows:
        for closed, sign in ((through, 1), (None, -1)) if not isinstance(row.body, Recognised) else ():
            for leg in (leg for entry in entries(row, 0, closed) for leg in legs(entry, row)):
                if leg.day > day and leg.account == "deferred_revenue":
                    found[leg.currency] += sign * leg.amount
        through = closed_through(through, row.body)
    return found


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


def _is_there(database: Database, position: int) -> bool:
    with views_of(database) as store:
        return store.positions([INVOICES])[0] >= position


def _compared(items: OpenItems, database: Database, position: int, mine: Mine) -> Iterator[Problem]:
    """What is wrong with items, and with invoices of which nothing is open here and something is there."""
    for book, key, _, *columns in known(database.app_dsn, INVOICES, "", position):
        row = dict(zip(NAMES, columns, strict=True))
        of = book, "invoice", key, row["currency"]
        if row["valid_to"] is None and mine(of):
            shown = Shown(row["status"], row["amount_due"], row["amount_paid"], row["amount_remaining"])
            item = items.items.get(of)
            if item is not None:
                item.shown = shown
            elif shown.open:
                yield from problems(Item(of, shown=shown))
    for item in items.items.values():
        if item.key[1] == "invoice" and item.shown is None:
            item.shown = NO_INVOICE
        yield from problems(item)
