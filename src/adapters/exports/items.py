"""What is an export made of? The same stream for every format: entries, and what accounts held in between."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct

from ledgerstone.ledger.posting import Movement

Held = Mapping[tuple[str, str], int]
"""What accounts hold: minor units by account and currency, above 0 on the debit side."""


class Head(Struct, frozen=True):
    """What an export is of: a `book` as known at a `position`, from the day `since` to `end`, exclusive.
    `opening` is what was held before `since`; `closing` before `end`, of every account in each currency in
    which it was ever moved. `company` is whose books they are, `made` the day of the export."""

    book: str
    position: int
    since: date
    end: date
    opening: Held
    closing: Held
    company: str
    made: date

    @property
    def title(self) -> str:
        """What identifies an export: two of one title have the same entries."""
        return f"Ledgerstone: book {self.book} as known at position {self.position}"


class Entry(Struct, frozen=True, gc=False):
    """What a row of the log put into one day's books: `first` is the place of the first of these movements
    in the row, `happened` the day on which it happened, which may be before `day`, in books that were closed.
    `evidence` is the position of the message that told it."""

    position: int
    first: int
    day: date
    name: str
    fact: str
    evidence: int | None
    happened: date
    movements: tuple[Movement, ...]


class Standing(Struct, frozen=True):
    """What accounts held when a day began."""

    day: date
    held: Held


Item = Entry | Standing


def reckonings(since: date, end: date) -> Iterator[date]:
    """The days on which it is said what accounts hold: the first of each month, and the end."""
    month = since.year * 12 + since.month  # counted from 0: this is the next one
    while (day := date(month // 12, month % 12 + 1, 1)) < end:
        yield day
        month += 1
    if since < end:
        yield end


def with_standings(
    entries: Iterable[Entry], days: Iterable[date], held: Callable[[date], Held]
) -> Iterator[Item]:
    """Entries in the order of their days, and before each of some days what was held when it began. Behind
    the last entry nothing moves any more: of the days that are left the first and the last say it."""
    waiting = deque(days)
    for entry in entries:
        while waiting and waiting[0] <= entry.day:
            yield Standing(waiting[0], held(waiting.popleft()))
        yield entry
    for day in sorted({waiting[0], waiting[-1]} if waiting else ()):
        yield Standing(day, held(day))
