"""What moved on which account, of whom, in which day's books? An index over the movements in the log.

It is no view: movements never change, so a leg is a line that stays, and *as known at p* is `position <= p`.
It is kept as the index of messages is: apart from the chains of views, and brought up to date when there is
time, or when somebody asks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

import msgspec
from msgspec import Struct

from ledgerstone.ledger.corrections import outgrown
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.invoices import InvoiceOverpaid
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.periods import booked, closed_for, closed_through
from ledgerstone.ledger.posting import TABLE
from ledgerstone.ledger.recorded import Recorded, decode

NAME = "postings_v1"
"""What `views.tracking` calls it. Another shape, or another way to book, is another version."""
MOVING = tuple(sorted([tag(Superseded), *map(tag, TABLE)]))
"""The tags of rows that can move money, or change what is open: the others are not even read."""
SPANS = (4_096, 65_536, 1_048_576)
"""Positions of a block of sums, by level: bucket k of a span has those from k × span + 1 on. Each is a
multiple of the one before; what was known at any position takes less than sixteen of each but the highest.
"""
WINDOW = 5_000
"""Log rows for one transaction, at most."""

Raw = Sequence[tuple[int, str, bytes | None]]


class Leg(Struct, frozen=True, gc=False):
    """One side of a movement: `amount` minor units, above 0 where it debits. `line` tells the legs of a row
    apart: twice the place of the movement, and one more for the credit."""

    book: str
    day: date
    position: int
    line: int
    account: str
    of: str
    currency: str
    amount: int


class Entry(Struct, frozen=True, gc=False):
    """The movements of a row that stand in one day's books, which balance: `count` of them, from `first` on.
    A correction has two entries where it undoes what stood on another day. `evidence` is the stream of the
    message that told it."""

    book: str
    day: date
    position: int
    first: int
    count: int
    evidence: UUID | None


class Closing(Struct, frozen=True, gc=False):
    """From a position on, all days of a book up to `through` are closed; None: all are open again."""

    book: str
    position: int
    through: date | None


class Pages(Struct, frozen=True):
    """What a window of the log adds to the index, which then is at position `upto`."""

    upto: int
    entries: list[Entry]
    legs: list[Leg]
    closings: list[Closing]


class Undecodable(LogUnavailable):
    """A row of the log that may have moved money cannot be read; the message says which."""


class Log(Protocol):
    """Where rows come from."""

    def raw(self, after: int, limit: int, tags: Sequence[str] | None = None) -> Raw:
        """The rows after a position that have one of these tags, and the last; its state only if it has."""
        ...


class Index(Protocol):
    """Where the index is kept."""

    def position(self) -> int:
        """How far it is; makes its tables where they are missing."""
        ...

    def closed(self) -> dict[str, date | None]:
        """The last closed day of each book that has closed one."""
        ...

    def write(self, expected: int, pages: Pages) -> bool:
        """Add to it, unless it is not at `expected` any more: then nothing is written."""
        ...


def advance(log: Log, index: Index) -> bool:
    """Index the next window; whether the log may go on behind it. Any number of processes may do the same:
    one of them writes."""
    position = index.position()
    if not (raw := log.raw(position, WINDOW, MOVING)):
        return False
    index.write(position, pages(raw, index.closed()))
    return raw[-1][0] - position == WINDOW


def pages(raw: Raw, closed: Mapping[str, date | None]) -> Pages:
    """What some rows of the log add, where so much was `closed` before. Raises Undecodable: books that lack a
    row are no books, so nothing is indexed behind it."""
    found = Pages(raw[-1][0], [], [], [])
    through = dict(closed)
    for position, row in _decoded(raw):
        book = str(row.book)
        held = through.get(book)
        for entry in entries(row, position, held):
            found.entries.append(entry)
            found.legs.extend(legs(entry, row))
        if (now := closed_through(held, row.body)) != held:
            through[book] = now
            found.closings.append(Closing(book, position, now))
    return found


def entries(row: Recorded, position: int, closed: date | None) -> Iterator[Entry]:
    """What a row puts into the books, by day, where so much is `closed`. What a correction undoes is taken
    from the day on which it was thought to have happened, so that every day is as if told so at first; but a
    sum that grew was true until then, and only what it grew by is booked on the day that it did."""
    parts, evidence = _parts(row, closed), stream(row.cause) if row.cause else None
    if len(parts) == 2 and parts[0][0] == parts[1][0]:
        parts = ((parts[0][0], 0, len(row.movements)),)
    for day, first, count in parts:
        if count:
            yield Entry(str(row.book), day, position, first, count, evidence)


def legs(entry: Entry, row: Recorded) -> Iterator[Leg]:
    """Both sides of each movement of an entry."""
    book, day, position = entry.book, entry.day, entry.position
    for place in range(entry.first, entry.first + entry.count):
        move, line = row.movements[place], 2 * place
        yield Leg(book, day, position, line, move.debit, move.debit_of, move.currency, move.amount)
        yield Leg(book, day, position, line + 1, move.credit, move.credit_of, move.currency, -move.amount)


def is_credit(leg: Leg, row: Recorded) -> bool:
    """Whether a leg of a row is a credit. What a correction undoes is taken off the side that it stood on."""
    undone = row.body.undone if isinstance(row.body, Superseded) else 0
    return (leg.amount < 0) is not (leg.line < 2 * undone)


def _parts(row: Recorded, closed: date | None) -> tuple[tuple[date, int, int], ...]:
    """The days of a row, with the place of the first movement of each and how many there are."""
    day, count = booked(row.happened_at, closed_for(closed, row.body)), len(row.movements)
    if not isinstance(row.body, Superseded):
        return ((day, 0, count),)
    undone, was, now = row.body.undone, row.body.was, row.body.now
    if isinstance(was, InvoiceOverpaid) and outgrown(was, now):
        return ((day, 0, count),)
    return (booked(row.body.was_at, closed), 0, undone), (day, undone, count - undone)


def _decoded(raw: Raw) -> Iterable[tuple[int, Recorded]]:
    for position, topic, state in raw:
        try:
            if state is not None:
                yield position, decode(state)
        except msgspec.MsgspecError as error:
            what = f"row {position} ({topic}) cannot be decoded: {error}"
            raise Undecodable(f"{what}. The index of postings ends before it") from None
