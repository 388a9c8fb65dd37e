"""A log as plain rows, and what every view shows of its first so many: folded afresh, and kept in lists.

Nothing here knows of a table, of SQL or of how the engine keeps what was known when."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ledgerstone.ledger.journal import Entry
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.folder import fold
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS

Key = tuple[str, str]
TICK = timedelta(microseconds=1)


class Known:
    """What the first `position` rows of a log come to; books are asked by their name, `acct_1:live`."""

    def __init__(self, position: int, rows: Sequence[Entry]) -> None:
        self.position = position
        self.log: list[tuple[int, datetime, Recorded]] = []
        for entry in rows:
            assert entry.row is not None
            self.log.append((entry.position, entry.recorded_at, entry.row))
        told = [(at, row) for at, _, row in self.log]
        self._rows: dict[str, dict[str, list[tuple[str, Any]]]] = {view.name: {} for view in VIEWS}
        self.versions: dict[str, dict[Key, list[Version]]] = {view.name: {} for view in VIEWS}
        """All that each key of a view ever showed, whenever it was known."""
        self.changed: set[int] = set()
        """Positions at which any view shows something else than just before."""
        for group in chains(VIEWS):
            for name, versions in fold(group, told).items():
                self.changed.update(version.known_to for version in versions if version.known_to is not None)
                for version in versions:
                    self.versions[name].setdefault(version.key, []).append(version)
                    if version.known_to is None:
                        book, id = version.key
                        self._rows[name].setdefault(book, []).append((id, version.row))
        self._kept: dict[Any, Any] = {}

    def kept(self, name: Any, work: Callable[[], Any]) -> Any:
        """What is asked again and again, worked out once."""
        if name not in self._kept:
            self._kept[name] = work()
        return self._kept[name]

    def rows(self, view: str, book: str) -> list[tuple[str, Any]]:
        """Everything that a view shows of a book: the id of what a row is about, and the row."""
        return self._rows[view].get(book, [])

    def of(self, view: str, book: str, id: str | None) -> list[Any]:
        """What a view shows of one object."""
        return [row for key, row in self.rows(view, book) if key == id]

    def then(self, view: str, book: str, end: datetime) -> list[tuple[str, Any]]:
        """The states that held just before an instant."""
        return [(id, row) for id, row in self.rows(view, book) if holds(row, end)]

    def lines(self, book: str, end: datetime) -> list[Any]:
        """What every item that counts just before an instant is worth a month."""
        found: list[Any] = self.kept((book, end), lambda: [row for _, row in self.then("mrr", book, end)])
        return found

    def customer(self, book: str, id: str | None, end: datetime) -> Any:
        """A customer as it was just before an instant, else as first heard of; None: never heard of."""
        told = sorted(self.of("customers", book, id), key=lambda row: row.valid_from)
        return next((row for row in reversed(told) if row.valid_from < end), told[0] if told else None)

    def tenant(self, book: str, id: str | None, end: datetime) -> str | None:
        """Who pays for a customer."""
        known = self.customer(book, id, end)
        return known.tenant if known else id


class Told:
    """A whole log."""

    def __init__(self, rows: Sequence[Entry]) -> None:
        self.rows = rows
        self.known = lru_cache(None)(lambda position: Known(position, rows[:position]))

    @property
    def head(self) -> int:
        return len(self.rows)

    def position(self, known_at: str | None) -> tuple[int, bool]:
        """The position that `known_at` means, and whether it was beyond the head."""
        if known_at is None:
            return self.head, False
        if known_at.isdigit():
            return min(int(known_at), self.head), int(known_at) > self.head
        last = exclusive(known_at) - (TICK if len(known_at) <= 10 else timedelta(0))
        found = [entry.position for entry in self.rows if entry.recorded_at <= last]
        return max(found, default=0), self.rows[-1].recorded_at < last

    def is_within_a_message(self, position: int) -> bool:
        """Whether the next row was read from the same message as the last one, or from that."""
        rows = [entry.row for entry in self.rows[max(0, position - 1) : position + 1] if entry.row]
        return len(rows) == 2 and rows[1].cause is not None and rows[1].cause in (rows[0].name, rows[0].cause)

    def recorded_at(self, position: int) -> datetime | None:
        return self.rows[position - 1].recorded_at if position else None


def holds(row: Any, end: datetime) -> bool:
    """Whether a state held just before an instant."""
    return bool(row.valid_from < end and (row.valid_to is None or row.valid_to >= end))


def first(text: str) -> datetime:
    """The first instant of a month or date, or a time itself."""
    if len(text) <= 10:
        year, month, day = (*map(int, text.split("-")), 1)[:3]
        return datetime(year, month, day, tzinfo=UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def exclusive(text: str) -> datetime:
    """The exclusive end of a month or date, or a time itself."""
    start = first(text)
    if len(text) == 7:
        return next_month(start)
    return start + timedelta(days=1) if len(text) == 10 else start


def month(at: datetime) -> datetime:
    """The start of the month in which an instant lies."""
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def day(at: datetime) -> datetime:
    """The start of the day in which an instant lies."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def next_month(start: datetime) -> datetime:
    return (start + timedelta(days=31)).replace(day=1)


def grouped(rows: Any, key: Any) -> dict[Any, list[Any]]:
    """Rows by what they have in common."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)
