"""How do log rows become versions of table rows? The only code that compares what a key showed with what it
shows now; live, rebuild, replay and the tests all use it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.growth import plus
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import AnyView, Cell, Key, Look, Ref, Row, Tally, adds

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
    """A key of a view in memory: its state, what its rows are made of, and since when each row is shown.
    `heard` collects the positions of one window."""

    __slots__ = ("heard", "part", "refs", "rows", "shown", "state", "tally")

    def __init__(
        self, state: Any = None, part: Any = NEVER, rows: tuple[Row, ...] = (), since: int = 0
    ) -> None:
        self.state = state
        self.part = part
        self.rows = rows
        self.shown = dict.fromkeys(rows, since)
        self.heard: list[int] = []
        self.refs: tuple[Ref, ...] = ()
        self.tally: Tally | None = None


class Changes:
    """What one window of the log changed in one view: to be written in one transaction, or looked at."""

    def __init__(self) -> None:
        self.dirty: set[Key] = set()
        self.touched: set[Key] = set()
        self.heard: set[Key] = set()
        self.closed: list[tuple[Key, Row, int]] = []
        self.passed: list[Version] = []
        self.edges: list[tuple[Ref, Key]] = []
        self.deltas: list[tuple[str, int, Cell, tuple[int, ...]]] = []


Loader = Callable[["Folder", AnyView, Sequence[Key]], None]


class Folder:
    """A chain of views in memory. `load` fetches entries that are not here yet (none: they are new)."""

    def __init__(self, views: Sequence[AnyView], load: Loader | None = None) -> None:
        self.views = views
        self.entries: dict[str, dict[Key, Entry]] = {view.name: {} for view in views}
        self.edges: dict[tuple[str, Ref], dict[tuple[AnyView, Key], None]] = defaultdict(dict)
        self.base = 0
        self.changes: dict[str, Changes] = {view.name: Changes() for view in views}
        self._load = load
        self._hears = {view: frozenset(view.hears) for view in views}
        self._read = {view for view in views if any(type(view) in reader.reads for reader in views)}
        self._by_name = {view.name: view for view in views}
        self._looks: dict[str, Look] = {}

    def begin(self, base: int) -> None:
        """A new window: everything up to position `base` is written."""
        self.base = base
        self.changes = {view.name: Changes() for view in self.views}

    def hear(self, position: int, row: Recorded) -> None:
        """Fold one log row: every view in stage order, each affected key shown once."""
        kind = type(row.body)
        stale: dict[AnyView, dict[Key, None]] = {}
        for view in self.views:
            affected = stale.get(view) or {}
            if kind in self._hears[view]:
                if view.summaries:
                    self._add(view, position, str(row.book), view.count(row))
                self._fold(view, position, row, affected)
            for key in affected:
                if self._show(view, key, position) and view in self._read:
                    for reader, dependant in self.edges.get((key[0], (view.name, key[1])), ()):
                        stale.setdefault(reader, {})[dependant] = None

    def entry(self, view: AnyView, key: Key) -> Entry:
        """The entry of a key, loaded or new."""
        found = self.entries[view.name].get(key)
        if found is None and self._load is not None:
            self._load(self, view, [key])
            found = self.entries[view.name].get(key)
        if found is None:
            found = self.entries[view.name][key] = Entry()
        return found

    def adopt(self, view: AnyView, key: Key, state: Any) -> None:
        """Take in a key as it was written: what it shows follows from its state and its references."""
        part = view.part(key[1], state, self._look(key[0]))
        rows = tuple(view.rows(key[1], part))
        entry = self.entries[view.name][key] = Entry(state, part, rows)
        self._point(view, key, entry)

    def settle(self) -> None:
        """The window was written: what it showed is what the tables show."""
        for view in self.views:
            entries, changes = self.entries[view.name], self.changes[view.name]
            for key in changes.touched:
                entry = entries[key]
                entry.shown = dict.fromkeys(entry.rows, 0)
            for key in changes.heard:
                entries[key].heard = []

    def forget(self) -> None:
        """Drop everything in memory; it comes back from the tables when it is needed."""
        for view in self.views:
            self.entries[view.name].clear()
        self.edges.clear()

    def opened(self, view: AnyView) -> Iterable[Version]:
        """The rows that this window opened and that are still shown."""
        entries = self.entries[view.name]
        for key in sorted(self.changes[view.name].touched):
            for row, since in entries[key].shown.items():
                if since > self.base:
                    yield Version(key, row, since, None)

    def _fold(self, view: AnyView, position: int, row: Recorded, affected: dict[Key, None]) -> None:
        book, changes = str(row.book), self.changes[view.name]
        for id in view.keys(row):
            key = (book, id)
            entry = self.entry(view, key)
            entry.heard.append(position)
            changes.heard.add(key)
            state = view.fold(entry.state, row, id)
            if state is not entry.state:
                entry.state = state
                changes.dirty.add(key)
                affected[key] = None
                if view.reads:
                    changes.edges += [(ref, key) for ref in self._point(view, key, entry)]

    def _point(self, view: AnyView, key: Key, entry: Entry) -> list[Ref]:
        """Note what the state points at; the references that are new."""
        refs = tuple(view.refs(key[1], entry.state)) if view.reads else ()
        if refs == entry.refs:
            return []
        new = [ref for ref in refs if ref not in entry.refs]
        for ref in new:
            self.edges[key[0], ref][view, key] = None
        entry.refs = refs
        return new

    def _look(self, book: str) -> Look:
        """The rows of earlier views in a book, for the state that points at them."""
        found = self._looks.get(book)
        if found is None:

            def found(ref: Ref) -> tuple[Row, ...]:
                return self.entry(self._by_name[ref[0]], (book, ref[1])).rows

            self._looks[book] = found
        return found

    def _show(self, view: AnyView, key: Key, position: int) -> bool:
        """Show a key again; whether its rows changed."""
        entry = self.entry(view, key)
        part = view.part(key[1], entry.state, self._look(key[0]))
        if part is entry.part or part == entry.part:
            return False
        entry.part = part
        rows = tuple(view.rows(key[1], part))
        if rows == entry.rows:
            return False
        changes = self.changes[view.name]
        changes.touched.add(key)
        if view.summaries:
            before = view.tally(entry.rows) if entry.tally is None else entry.tally
            entry.tally = view.tally(rows)
            self._add(view, position, key[0], entry.tally, before)
        self._replace(key, entry, rows, position, changes)
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
                elif since < position:
                    changes.passed.append(Version(key, row, since, position))
        for row in come:
            entry.shown.setdefault(row, position)
        entry.rows = rows

    def _add(self, view: AnyView, position: int, book: str, now: Tally, before: Tally = NOTHING) -> None:
        sums = {(name, cell): amounts for name, cell, amounts in adds(now, 1)}
        for name, cell, amounts in adds(before, -1):
            held = sums.get((name, cell))
            sums[name, cell] = amounts if held is None else plus(held, amounts)
        deltas = self.changes[view.name].deltas
        deltas += [(name, position, (book, *cell), sum) for (name, cell), sum in sums.items() if any(sum)]


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
            [*folder.changes[view.name].passed, *folder.opened(view)],
            key=lambda v: (v.key, v.known_from, v.known_to or 0, repr(v.row)),
        )
        for view in views
    }
