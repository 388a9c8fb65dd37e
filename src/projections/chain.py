"""How do views that read each other keep up with the log? Together: they share a memory and a position, and
a window of the log changes all their tables in one transaction, guarded by the position that it started
from, so that a second or a stale engine can only stop."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from ledgerstone.ledger.corrections import now, was
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.folder import Entry, Folder
from ledgerstone.projections.reader import Heard, Log
from ledgerstone.projections.view import AnyView, Key, Table, decoder, table
from ledgerstone.projections.writes import Write, changed

CACHED = 200_000
"""Keys kept in memory between windows; beyond it they are dropped and come back from the tables."""

Folded = tuple[int, Recorded]


class Store(Protocol):
    """Where tables are. Names are those of `Table`; each call is one transaction or one statement."""

    def position(self, tables: Sequence[Table]) -> int:
        """How far a chain is; creates what is missing. Refuses tables at different positions."""
        ...

    def states(self, table: Table, keys: Sequence[Key]) -> list[tuple[Key, bytes]]:
        """The states of those keys that have one, each with how its rows are shown."""
        ...

    def heard(self, table: Table, key: Key) -> list[int]:
        """The positions of the rows that a key heard, as they were written."""
        ...

    def dependants(self, table: Table, refs: Sequence[tuple[str, str, str]]) -> list[Key]:
        """The keys whose states point at any of these references (book, view, id)."""
        ...

    def commit(self, tables: Sequence[Table], expected: int, position: int, writes: Sequence[Write]) -> bool:
        """Write a window and advance from `expected` to `position`; False if another engine did it first."""
        ...

    def stop(self, tables: Sequence[Table], position: int, reason: str) -> None:
        """Note that a chain cannot go on: the row at `position` cannot be folded."""
        ...


class Overtaken(Exception):
    """Another engine advanced this chain: this one must not write."""


class Chain:
    """Views that read each other, at one position. Owns their memory, and writes what changed. The log
    is read for what was heard before, when a fact among that is corrected."""

    def __init__(self, views: Sequence[AnyView], store: Store, log: Log, cached: int | None = None) -> None:
        self.views = views
        self.tables = [table(view) for view in views]
        self.stopped: str | None = None
        self._store = store
        self._log = log
        self._cached = cached
        self._folder = Folder(views, self._load, self._recall)
        self._decoders = {view.name: decoder(view) for view in views}
        self.position = store.position(self.tables)

    def advance(self, heard: Sequence[Heard], upto: int) -> None:
        """Fold the rows of one window that this chain hears, and write. A row that cannot be decoded or
        folded stops the chain just before it; raises `Overtaken` when another engine was faster."""
        stopped: tuple[int, str] | None = None
        while failed := self._fold(heard):
            stopped, upto = failed, failed[0] - 1
            self._folder.forget()
            heard = [(position, row) for position, row in heard if position <= upto]
        self._write(upto)
        if stopped is not None:
            self._store.stop(self.tables, *stopped)
            self.stopped = stopped[1]

    def restart(self) -> None:
        """Begin again from what the tables say, with an empty memory."""
        self._folder.forget()
        self.position = self._store.position(self.tables)
        self.stopped = None

    def _fold(self, heard: Sequence[Heard]) -> tuple[int, str] | None:
        self._folder.begin(self.position)
        readable, spoiled = sound(heard)
        self._preload(readable)
        return folded(self._folder, readable) or spoiled

    def _write(self, upto: int) -> None:
        folder = self._folder
        writes = [changed(view, shape, folder) for view, shape in zip(self.views, self.tables, strict=True)]
        if not self._store.commit(self.tables, self.position, upto, writes):
            folder.forget()
            raise Overtaken(f"another engine moved {', '.join(shape.name for shape in self.tables)}")
        self.position = upto
        if len(folder) > (CACHED if self._cached is None else self._cached):
            folder.forget()

    def _preload(self, heard: Sequence[Folded]) -> None:
        """Fetch what this window needs in few queries: keys that hear a row, those that point at them, and
        what they point at."""
        if self.position == 0:
            return
        heard = tellings(heard)
        by_view = {view: self._heard_by(view, heard) for view in self.views}
        for view, shape in zip(self.views, self.tables, strict=True):
            if view.reads:
                moving = [(book, v.name, id) for v in self._read_by(view) for book, id in by_view[v]]
                by_view[view].update(dict.fromkeys(self._store.dependants(shape, sorted(moving))))
                for earlier, key in self._pointed(view, heard):
                    by_view[earlier][key] = None
        for view in self.views:
            self._load(view, list(by_view[view]))

    def _heard_by(self, view: AnyView, heard: Sequence[Folded]) -> dict[Key, None]:
        kinds = frozenset(view.hears)
        return {
            (str(row.book), id): None for _, row in heard if type(row.body) in kinds for id in view.keys(row)
        }

    def _read_by(self, view: AnyView) -> list[AnyView]:
        return [earlier for earlier in self.views if isinstance(earlier, view.reads)]

    def _pointed(self, view: AnyView, heard: Sequence[Folded]) -> Iterator[tuple[AnyView, Key]]:
        by_name, kinds = {earlier.name: earlier for earlier in self.views}, frozenset(view.hears)
        for _, row in heard:
            for name, id in view.points(row) if type(row.body) in kinds else ():
                yield by_name[name], (str(row.book), id)

    def _recall(self, view: AnyView, key: Key, heard: Sequence[int]) -> list[Recorded]:
        """What a key heard, from the log: as it was written, and then in this window."""
        written = self._store.heard(self.tables[self.views.index(view)], key) if self.position else []
        return [decode(state) for _, state in self._log.picked([*written, *heard])]

    def _load(self, view: AnyView, keys: Sequence[Key]) -> None:
        """Adopt the written states of keys, after the rows that they point at; the rest are new."""
        here = self._folder.entries(view)
        missing = [key for key in keys if key not in here]
        if not missing or self.position == 0:
            return
        decode_state, shape = self._decoders[view.name], self.tables[self.views.index(view)]
        written = [(key, *decode_state(state)) for key, state in self._store.states(shape, missing)]
        if view.reads:
            self._load_references(view, [(key, state) for key, state, _ in written])
        for key, state, shown in written:
            self._folder.adopt(view, key, state, shown)
        for key in missing:
            here.setdefault(key, Entry())

    def _load_references(self, view: AnyView, states: Sequence[tuple[Key, Any]]) -> None:
        pointed = {(key[0], ref): None for key, state in states for ref in view.refs(key[1], state)}
        for earlier in self._read_by(view):
            keys = [(book, id) for book, (name, id) in pointed if name == earlier.name]
            self._load(earlier, keys)


def tellings(heard: Sequence[Folded]) -> Sequence[Folded]:
    """Rows, and what corrections among them end and put in force: who hears those, hears the correction."""
    corrections = [one for one in heard if type(one[1].body) is Superseded]
    return [*heard, *((at, tell(row)) for at, row in corrections for tell in (was, now))]


def sound(heard: Sequence[Heard]) -> tuple[Sequence[Folded], tuple[int, str] | None]:
    """The rows before the first that cannot be decoded, and which that is and why."""
    spoiled = next(((at, row) for at, row in heard if row.__class__ is not Recorded), None)
    if spoiled is None:
        return cast(Sequence[Folded], heard), None
    before = [one for one in heard if one[0] < spoiled[0]]
    return cast(Sequence[Folded], before), (spoiled[0], f"row {spoiled[0]} cannot be decoded: {spoiled[1]}")


def folded(folder: Folder, rows: Sequence[Folded]) -> tuple[int, str] | None:
    """Fold rows; which could not be folded, and why. A log that cannot be read now is no fault of the row."""
    try:
        for position, row in rows:
            folder.hear(position, row)
    except LogUnavailable:
        raise
    except Exception as error:
        return position, f"row {position} ({row.name}): {type(error).__name__}: {error}"
    return None
