"""How do log rows become versions of table rows? The only code that compares what a key showed with what it
shows now; live, rebuild, replay and the tests all use it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ledgerstone.ledger.corrections import corrected, now, was
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.shares import WHOLE, Share
from ledgerstone.projections.shown import NEVER, Changes, Entry, Shown, Version
from ledgerstone.projections.view import AnyView, Key, Look, Ref, Row, Tally, View, common


class Memory:
    """What is in memory of one view."""

    __slots__ = (
        "changes", "counts", "entries", "hears", "is_read", "name", "passes", "reads", "tallies", "view"
    )  # fmt: skip

    def __init__(self, view: AnyView, is_read: bool, sums: bool, share: Share) -> None:
        self.view = view
        self.name = view.name
        self.hears = frozenset(view.hears)
        self.counts = sums and type(view).count is not View.count and share.first
        self.tallies = sums and type(view).tally is not View.tally
        self.reads = bool(view.reads)
        self.is_read = is_read
        self.passes = share.of > 1 and not is_read
        """Passes over keys of other shares: those of a view that others read may be pointed at by any key."""
        self.entries: dict[Key, Entry] = {}
        self.changes = Changes()


Way = tuple[tuple[Memory, bool], ...]
"""The views that a kind of fact may change, in stages, and whether each hears it itself."""
Affected = dict[Key, Entry]
"""Keys that may show something else after a row."""
Stale = dict[str, Affected]
"""The same of later views, by name."""
Loader = Callable[[AnyView, Sequence[Key]], None]
Recall = Callable[[AnyView, Key, Sequence[int]], Iterable[Recorded]]
"""All that a key of a view has heard, in order; the positions are those of this window."""


def unable(view: AnyView, key: Key, heard: Sequence[int]) -> Iterable[Recorded]:
    """What was heard is not at hand."""
    raise LookupError(f"{view.name} {key} is to be folded anew, and what it heard is not at hand")


class Folder:
    """A chain of views in memory, or a share of its keys. `load` fetches entries that are not here yet (none:
    they are new), `recall` what a key has heard, for when a fact among that is corrected: of whole chains.
    Without `sums` nothing is added up."""

    def __init__(
        self,
        views: Sequence[AnyView],
        load: Loader | None = None,
        recall: Recall = unable,
        sums: bool = True,
        share: Share = WHOLE,
    ) -> None:
        self.base, self.share = 0, share
        self.folding = ""
        """The view that was folded last: where a row cannot be folded, the one that could not."""
        self._load = load
        self._recall = recall
        self._memories = {
            view.name: Memory(view, any(type(view) in reader.reads for reader in views), sums, share)
            for view in views
        }
        self._stages = tuple(self._memories.values())
        self._ways = {kind: self._way(kind) for view in views for kind in view.hears}
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
        way = self._ways.get(type(row.body))
        if way is None:  # only then, so that ordinary rows do not pay for corrections
            if isinstance(row.body, Superseded):
                self._correct(position, row)
            return
        book = self._books.get(row.book) or self._book(row.book)
        stale: Stale = {}
        for memory, hears in way:
            self.folding = memory.name
            affected = stale.get(memory.name) if stale else None
            if hears:
                if memory.counts:
                    self._count(memory, row, book)
                affected = self._fold(memory, position, row, book, affected)
            for key, entry in affected.items() if affected else ():
                if self._show(memory, key, entry, position) and memory.is_read:
                    self._disturb(memory, key, stale)

    def again(self, row: Recorded, times: int) -> None:
        """Count a row that was heard so many times more: one of which no view hears more than a count."""
        for memory, hears in self._ways.get(type(row.body), ()):
            if hears and memory.counts:
                self._count(memory, row, self._book(row.book), times)

    def adopt(self, view: AnyView, key: Key, state: Any, shown: tuple[Shown, ...]) -> None:
        """Take in a key as it was written: its rows follow from its state and its references."""
        memory = self._memories[view.name]
        if state is None:
            memory.entries[key] = Entry()
            return
        part = view.part(key[1], state, self._look(key[0]))
        entry = memory.entries[key] = Entry(state, part, tuple(view.rows(key[1], part)), shown)
        self._point(memory, key, entry)

    def forget(self) -> None:
        """Drop everything in memory; it comes back from the tables when it is needed."""
        for memory in self._stages:
            memory.entries.clear()
        self._edges.clear()

    def keep(self, share: Share) -> None:
        """Give the keys of other shares up, for good; those that any key may point at stay."""
        self.share = share
        for memory in self._stages:
            memory.passes = not memory.is_read
            if memory.passes:
                memory.entries = {key: e for key, e in memory.entries.items() if share.has(key[1])}
        for pointing in self._edges.values():
            for reader, key in list(pointing):
                if key not in self._memories[reader].entries:
                    del pointing[reader, key]

    def opened(self, view: AnyView) -> Iterable[Version]:
        """The rows that this window opened and that are still shown."""
        memory = self._memories[view.name]
        for key in sorted(memory.changes.touched):
            for version in memory.entries[key].versions(key):
                if version.known_from > self.base:
                    yield version

    def pointing(self, view: AnyView) -> Iterable[tuple[Ref, Key]]:
        """What keys of a view ever pointed at, of those in memory. As in the tables, none is taken back."""
        for (_, *ref), dependants in self._edges.items():
            for reader, key in dependants:
                if reader == view.name:
                    yield (ref[0], ref[1]), key

    def _way(self, kind: type[Fact]) -> Way:
        way: list[tuple[Memory, bool]] = []
        for memory in self._stages:
            hears = kind in memory.view.hears
            if hears or any(isinstance(earlier.view, memory.view.reads) for earlier, _ in way):
                way.append((memory, hears))
        return tuple(way)

    def _book(self, book: Book) -> str:
        return self._books.setdefault(book, str(book))

    def _entry(self, memory: Memory, key: Key) -> Entry:
        found = memory.entries.get(key)
        if found is None and self._load is not None:
            self._load(memory.view, [key])
            found = memory.entries.get(key)
        if found is None:
            found = memory.entries[key] = Entry()
        return found

    def _count(self, memory: Memory, row: Recorded, book: str, times: int = 1) -> None:
        count = memory.view.count(row)
        if count is not None:
            counted, cell = memory.changes.counted, (book, count)
            counted[cell] = counted.get(cell, 0) + times

    def _fold(
        self, memory: Memory, position: int, row: Recorded, book: str, affected: Affected | None
    ) -> Affected | None:
        """Fold a row into the keys that hear it; those that may show something else, with the others that are
        `affected`."""
        view, changes, entries = memory.view, memory.changes, memory.entries
        for id in view.keys(row):
            if memory.passes and not self.share.has(id):
                continue
            key = (book, id)
            entry = entries.get(key) or self._entry(memory, key)
            heard = changes.heard.get(key)
            if heard is None:
                changes.heard[key] = [position]
            else:
                heard.append(position)
            held = entry.state
            state = view.fold(held, row, id)
            if state is held:
                continue
            entry.state = state
            changes.dirty.add(key)
            if memory.reads:  # also where it shows the same: what is written must not depend on what is kept
                changes.edges += [(ref, key) for ref in self._point(memory, key, entry)]
            if held is None or not view.alike(held, state):
                affected = affected or {}
                affected[key] = entry
        return affected

    def _correct(self, position: int, row: Recorded) -> None:
        """Every view as if the fact had been told at first as it is told now, from this position on."""
        book = self._book(row.book)
        stale: Stale = {}
        for memory in self._stages:
            self.folding = memory.name
            affected = stale.get(memory.name, {})
            self._recount(memory, row, book)
            for key in self._concerned(memory, row, book):
                affected[key] = self._refold(memory, position, row, key)
            for key, entry in affected.items():
                if self._show(memory, key, entry, position) and memory.is_read:
                    self._disturb(memory, key, stale)

    def _recount(self, memory: Memory, row: Recorded, book: str) -> None:
        for told, times in ((was(row), -1), (now(row), 1)) if memory.counts else ():
            if type(told.body) in memory.hears:
                self._count(memory, told, book, times)

    def _concerned(self, memory: Memory, row: Recorded, book: str) -> dict[Key, None]:
        """The keys that heard what was in force of a fact, and those that hear what is."""
        tellings = [told for told in (was(row), now(row)) if type(told.body) in memory.hears]
        return {(book, id): None for told in tellings for id in memory.view.keys(told)}

    def _refold(self, memory: Memory, position: int, row: Recorded, key: Key) -> Entry:
        """A key from all that it heard, each fact as it is in force; without any its state is None."""
        view, changes, entry = memory.view, memory.changes, self._entry(memory, key)
        heard = changes.heard.setdefault(key, [])
        state = anew(view, key, [*self._recall(view, key, heard), row])
        heard.append(position)
        entry.state = state
        changes.dirty.add(key)
        changes.edges += [(ref, key) for ref in self._point(memory, key, entry)]
        return entry

    def _disturb(self, memory: Memory, key: Key, stale: Stale) -> None:
        """The rows of a key changed: who points at them must be shown again."""
        for reader, dependant in self._edges.get((key[0], memory.name, key[1]), ()):
            entry = self._entry(self._memories[reader], dependant)
            stale.setdefault(reader, {})[dependant] = entry

    def _point(self, memory: Memory, key: Key, entry: Entry) -> list[Ref]:
        """Note what the state points at; the references that are new."""
        gone = not memory.reads or entry.state is None
        refs = () if gone else tuple(memory.view.refs(key[1], entry.state))
        if refs == entry.refs:
            return []
        new = [ref for ref in refs if ref not in entry.refs]
        for view, id in new:
            self._edges[key[0], view, id][memory.name, key] = None
        entry.refs = refs
        return new

    def _look(self, book: str) -> Look:
        """The rows of earlier views in a book, for the state that points at them."""

        def look(ref: Ref) -> tuple[Row, ...]:
            return self._entry(self._memories[ref[0]], (book, ref[1])).rows

        return self._looks.setdefault(book, look)

    def _show(self, memory: Memory, key: Key, entry: Entry, position: int) -> bool:
        """Show a key again; whether its rows changed."""
        view, id = memory.view, key[1]
        part: Any = NEVER
        rows: tuple[Row, ...] = ()
        if entry.state is not None:
            part = view.part(id, entry.state, self._looks.get(key[0]) or self._look(key[0]))
            if part == entry.part:
                return False
            rows = tuple(view.rows(id, part))
        entry.part = part
        same = common(entry.rows, rows)
        if same == len(rows) == len(entry.rows):
            return False
        memory.changes.touched.add(key)
        if memory.tallies and (memory.passes or self.share.has(id)):
            self._tally(memory, position, key[0], view.tally(entry.rows, rows))
        self._replace(key, entry, rows, same, position, memory.changes)
        return True

    def _replace(
        self, key: Key, entry: Entry, rows: tuple[Row, ...], same: int, position: int, changes: Changes
    ) -> None:
        """Close what is shown no more, open what was not, and keep since when the rest is shown; the first
        rows are the `same`."""
        come = rows[same:]
        shown = [(position, place) for place in range(same, len(rows))]
        for row, since in zip(entry.rows[same:], entry.shown[same:]):  # noqa: B905 (of one length)
            if row in come:
                shown[come.index(row)] = since
            elif since[0] <= self.base:
                changes.closed.append((key, since, position))
            else:
                changes.passed.append(Version(key, row, since[0], position, since[1]))
        entry.rows, entry.shown = rows, entry.shown[:same] + tuple(shown)

    def _tally(self, memory: Memory, position: int, book: str, tally: Tally) -> None:
        memory.changes.deltas += [
            (name, position, (book, *cell), amounts)
            for name, cells in tally.items()
            for cell, amounts in cells.items()
            if any(amounts)
        ]


def anew(view: AnyView, key: Key, heard: Iterable[Recorded]) -> Any:
    """The state of a key from all that it heard, each fact as it is in force; None where nothing is."""
    state = None
    for told in corrected(heard):
        if type(told.body) in view.hears and key[1] in view.keys(told):
            state = view.fold(state, told, key[1])
    return state


def remembering(views: Sequence[AnyView], rows: Iterable[tuple[int, Recorded]], sums: bool = True) -> Folder:
    """A chain of views in memory that has heard rows, and keeps them."""
    kept: dict[int, Recorded] = {}
    folder = Folder(views, None, lambda view, key, heard: [kept[position] for position in heard], sums)
    for position, row in rows:
        kept[position] = row
        folder.hear(position, row)
    return folder


def fold(views: Sequence[AnyView], rows: Iterable[tuple[int, Recorded]]) -> Mapping[str, list[Version]]:
    """The meaning of a chain of views in memory: every version of every row, by view, in a fixed order."""
    folder = remembering(views, rows)
    return {
        view.name: sorted(
            [*folder.changes(view).passed, *folder.opened(view)],
            key=lambda v: (v.key, v.known_from, v.known_to or 0, repr(v.row)),
        )
        for view in views
    }
