"""What is open in books whose rows are read, and what is wrong with it. Whoever closes a month and whoever
verifies the log hold the same list of invariants (`ledger.book_invariants`) against what they read."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.book_invariants import Problem, every_currency_balances, problems, square
from ledgerstone.ledger.open_items import NO_INVOICE, Item, Key, Mine, OpenItems, Shown
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.view import table

MOST = 200_000
"""Open items in memory, some 100 MB. Where there are more the log is read once more for each part of them."""
NAMES = ("currency", "status", "amount_due", "amount_paid", "amount_remaining", "valid_to")
SHOWN = replace(
    table(Invoices()), columns=tuple(each for each in table(Invoices()).columns if each[0] in NAMES)
)
"""Where invoices say of themselves what is paid and owed."""

Again = Callable[[], Iterable[tuple[int, Recorded]]]
"""Reads the same rows once more."""
Words = Callable[[int], Iterator[Sequence[Any]] | None]
"""The rows of `SHOWN` as known at a position: book, key, since when it is known, and its columns. None where
the view is not there yet."""


class Few(Struct, frozen=True):
    """The first of some sentences, and how many there are."""

    said: tuple[str, ...] = ()
    count: int = 0


def sorted_out(found: Iterable[Problem], most: int) -> tuple[Few, Few]:
    """What is wrong, and what only waits; of each so many are named at most."""
    said: tuple[list[str], list[str]] = [], []
    counts = [0, 0]
    for problem in found:
        counts[problem.waits] += 1
        if len(said[problem.waits]) < most:
            said[problem.waits].append(problem.said)
    return Few(tuple(said[False]), counts[False]), Few(tuple(said[True]), counts[True])


class OpenBooks:
    """What is open after the rows that were taken, of any number of books."""

    def __init__(self) -> None:
        self._parts = 1
        self._items = OpenItems(square)

    def take(self, position: int, row: Recorded) -> Collection[Item]:
        """A row of the log, behind those that were taken; what it is about."""
        about = self._items.take(position, row)
        while len(self._items.items) > MOST:
            self._parts *= 2
            self._items.keep(self._mine(0))
        return about

    def problems(self, position: int, again: Again, words: Words) -> Iterator[Problem]:
        """What is wrong, and what waits, after all rows up to a position were taken."""
        yield from self._accounts()
        shown = words(position)
        if shown is None:
            said = f"at position {position:,} yet: invoices are not compared with what they say"
            yield Problem(f"the view of invoices is not {said}", waits=True)
        for part in range(self._parts):
            items, shown = (self._part(again, part), words(position)) if part else (self._items, shown)
            yield from _compared(items, shown, self._mine(part))

    def _part(self, again: Again, part: int) -> OpenItems:
        items = OpenItems(square, self._mine(part))
        for position, row in again():
            items.take(position, row)
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


def _compared(items: OpenItems, shown: Iterator[Sequence[Any]] | None, mine: Mine) -> Iterator[Problem]:
    """What is wrong with items, and with invoices of which nothing is open here and something is there."""
    for of, words in _shown(shown, mine):
        item = items.items.get(of)
        if item is not None:
            item.shown = words
        elif words.open:
            yield from problems(Item(of, shown=words))
    for item in items.items.values():
        if shown is not None and item.key[1] == "invoice" and item.shown is None:
            item.shown = NO_INVOICE
        yield from problems(item)


def _shown(rows: Iterator[Sequence[Any]] | None, mine: Mine) -> Iterator[tuple[Key, Shown]]:
    """What invoices say now, by what they are of."""
    names = [name for name, _ in SHOWN.columns]
    for book, key, _, *columns in rows or ():
        row = dict(zip(names, columns, strict=True))
        of = book, "invoice", key, row["currency"]
        if row["valid_to"] is None and mine(of):
            yield of, Shown(row["status"], row["amount_due"], row["amount_paid"], row["amount_remaining"])
