"""How do log rows become versions of table rows? The only code that compares what a key showed with what it
shows now; live, rebuild, replay and the tests all use it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.growth import minus
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.view import AnyView, Cell, Key, Look, Ref, Row, Tally

NEVER: Any = object()
"""The part of a key that has shown nothing yet: equal to no part."""
NOTHING: Tally = {}


class Version(Struct, frozen=True, gc=False):
    """A row as it was known from one position until another (None: still)."""

    key: Key
    row: Row
    known_from: int
    known_to: int | None


class Entry:
    """A key of a view in memory: its state, what its rows are made of and point at, and since when each row
    is shown."""

    __slots__ = ("part", "refs", "rows", "shown", "state", "tally")

    def __init__(self, state: Any = None, part: Any = NEVER, rows: tuple[Row, ...] = ()) -> None:
        self.state = state
        self.part = part
        self.rows = rows
        self.shown = dict.fromkeys(rows, 0)
        self.refs: tuple[Ref, ...] = ()
        self.tally: Tally | None = None


class Changes:
    """What one window of the log changed in one view: to be written in one transaction, or looked at."""

    __slots__ = ("closed", "deltas", "dirty", "edges", "heard", "passed", "touched")

    def __init__(self) -> None:
        self.heard: dict[Key, list[int]] = {}
        self.dirty: set[Key] = set()
        self.touched: set[Key] = set()
        self.closed: list[tuple[Key, Row, int]] = []
        self.passed: list[Version] = []
        self.edges: list[tuple[Ref, Key]] = []
        self.deltas: list[tuple[str, int, Cell, tuple[int, ...]]] = []


class Memory:
    """What is in memory of one view."""

    __slots__ = ("changes", "entries", "hears", "is_read", "view")

    def __init__(self, view: AnyView, is_read: bool) -> None:
        self.view = view
        self.hears = frozenset(view.hears)
        self.is_read = is_read
        self.entries: dict[Key, Entry] = {}
        self.changes = Changes()


Loader = Callable[[AnyView, Sequence[Key]], None]


class Folder:
    """A chain of views in memory. `load` fetches entries that are not here yet (none: they are new)."""

    def __init__(self, views: Sequence[AnyView], load: Loader | None = None) -> None:
        self.base = 0
        self._load = load
        self._memories = {
            view.name: Memory(view, any(type(view) in reader.reads for reader in views)) for view in views
        }
        self._stages = tuple(self._memories.values())
        self._edges: dict[tuple[str, str, str], dict[tuple[str, Key], None]] = defaultdict(dict)
        self._books: dict[Book, str] = {}
        self._looks: dict[str, Look] = {}

    def __len__(self) -> int:
        return sum(len(memory.entries) for memory in self._stages)

    def entries(self, view: AnyView) -> dict[Key, Entry]:
        """The keys of a view that are in memory."""
        return self._memories[view.name].entries

    def changes(self, view: AnyView) -> Changes:
        """What this window has changed in a view so far."""
        return self._memories[view.name].changes

    def begin(self, base: int) -> None:
        """A new window: everything up to position `base` is written."""
        self.base = base
        for memory in self._stages:
            memory.changes = Changes()

    def hear(self, position: int, row: Recorded) -> None:
        """Fold one log row: every view in stage order, each affected key shown once."""
        kind, book = type(row.body), self._book(row.book)
        stale: dict[str, dict[Key, None]] = {}
        for memory in self._stages:
            affected = stale.get(memory.view.name) or {}
            if kind in memory.hears:
                if memory.view.summaries:
                    self._add(memory, position, book, memory.view.count(row), NOTHING)
                self._fold(memory, position, row, book, affected)
            for key in affected:
                if self._show(memory, key, position) and memory.is_read:
                    for reader, dependant in self._edges.get((book, memory.view.name, key[1]), ()):
                        stale.setdefault(reader, {})[dependant] = None

    def adopt(self, view: AnyView, key: Key, state: Any) -> None:
        """Take in a key as it was written: what it shows follows from its state and its references."""
        memory = self._memories[view.name]
        part = view.part(key[1], state, self._look(key[0]))
        entry = memory.entries[key] = Entry(state, part, tuple(view.rows(key[1], part)))
        self._point(memory, key, entry)

    def settle(self) -> None:
        """The window was written: what it showed is what the tables show."""
        for memory in self._stages:
            for key in memory.changes.touched:
                entry = memory.entries[key]
                entry.shown = dict.fromkeys(entry.rows, 0)

    def forget(self) -> None:
        """Drop everything in memory; it comes back from the tables when it is needed."""
        for memory in self._stages:
            memory.entries.clear()
        self._edges.clear()

    def opened(self, view: AnyView) -> Iterable[Version]:
        """The rows that this window opened and that are still shown."""
        memory = self._memories[view.name]
        for key in sorted(memory.changes.touched):
            for row, since in memory.entries[key].shown.items():
                if since > self.base:
                    yield Version(key, row, since, None)

    def _book(self, book: Book) -> str:
        found = self._books.get(book)
        return found if found is not None else self._books.setdefault(book, str(book))

    def _entry(self, memory: Memory, key: Key) -> Entry:
        found = memory.entries.get(key)
        if found is None and self._load is not None:
            self._load(memory.view, [key])
            found = memory.entries.get(key)
        if found is None:
            found = memory.entries[key] = Entry()
        return found

    def _fold(
        self, memory: Memory, position: int, row: Recorded, book: str, affected: dict[Key, None]
    ) -> None:
        view, changes = memory.view, memory.changes
        for id in view.keys(row):
            key = (book, id)
            entry = self._entry(memory, key)
            changes.heard.setdefault(key, []).append(position)
            state = view.fold(entry.state, row, id)
            if state is not entry.state:
                entry.state = state
                changes.dirty.add(key)
                affected[key] = None
                if view.reads:
                    changes.edges += [(ref, key) for ref in self._point(memory, key, entry)]

    def _point(self, memory: Memory, key: Key, entry: Entry) -> list[Ref]:
        """Note what the state points at; the references that are new."""
        refs = tuple(memory.view.refs(key[1], entry.state)) if memory.view.reads else ()
        if refs == entry.refs:
            return []
        new = [ref for ref in refs if ref not in entry.refs]
        for view, id in new:
            self._edges[key[0], view, id][memory.view.name, key] = None
        entry.refs = refs
        return new

    def _look(self, book: str) -> Look:
        """The rows of earlier views in a book, for the state that points at them."""

        def look(ref: Ref) -> tuple[Row, ...]:
            return self._entry(self._memories[ref[0]], (book, ref[1])).rows

        return self._looks.setdefault(book, look)

    def _show(self, memory: Memory, key: Key, position: int) -> bool:
        """Show a key again; whether its rows changed."""
        view, entry = memory.view, self._entry(memory, key)
        part = view.part(key[1], entry.state, self._looks.get(key[0]) or self._look(key[0]))
        if part is entry.part or part == entry.part:
            return False
        entry.part = part
        rows = tuple(view.rows(key[1], part))
        if rows == entry.rows:
            return False
        memory.changes.touched.add(key)
        if view.summaries:
            before = view.tally(entry.rows) if entry.tally is None else entry.tally
            entry.tally = view.tally(rows)
            self._add(memory, position, key[0], entry.tally, before)
        self._replace(key, entry, rows, position, memory.changes)
        return True

    def _replace(
        self, key: Key, entry: Entry, rows: tuple[Row, ...], position: int, changes: Changes
    ) -> None:
        same = _common(entry.rows, rows)
        gone, come = entry.rows[same:], rows[same:]
        for row in gone:
            if row not in come:
                since = entry.shown.pop(row)
                if since <= self.base:
                    changes.closed.append((key, row, position))
                else:
                    changes.passed.append(Version(key, row, since, position))
        for row in come:
            entry.shown.setdefault(row, position)
        entry.rows = rows

    def _add(self, memory: Memory, position: int, book: str, now: Tally, before: Tally) -> None:
        sums = {(name, cell): amounts for name, cells in now.items() for cell, amounts in cells.items()}
        for name, cells in before.items():
            for cell, amounts in cells.items():
                held = sums.get((name, cell))
                sums[name, cell] = minus(held, amounts) if held else tuple([-amount for amount in amounts])
        memory.changes.deltas += [
            (name, position, (book, *cell), amounts) for (name, cell), amounts in sums.items() if any(amounts)
        ]


def _common(one: Sequence[Row], other: Sequence[Row]) -> int:
    """How many rows two lists begin with alike: what is long past seldom changes."""
    same = 0
    for row, also in zip(one, other, strict=False):
        if row != also:
            break
        same += 1
    return same


def fold(views: Sequence[AnyView], rows: Iterable[tuple[int, Recorded]]) -> Mapping[str, list[Version]]:
    """The meaning of a chain of views in memory: every version of every row, by view, in a fixed order."""
    folder = Folder(views)
    for position, row in rows:
        folder.hear(position, row)
    return {
        view.name: sorted(
            [*folder.changes(view).passed, *folder.opened(view)],
            key=lambda v: (v.key, v.known_from, v.known_to or 0, repr(v.row)),
        )
        for view in views
    }
