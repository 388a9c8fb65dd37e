"""How do views that read each other keep up with the log? Together: they share a memory and a position, and
a window of the log changes all their tables in one transaction, guarded by the position that it started
from, so that a second or a stale engine can only stop."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol, TypeVar, cast

from ledgerstone.ledger.corrections import now, was
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.folder import Folder, anew
from ledgerstone.projections.reader import CORRECTION, Heard, Log, Spoiled
from ledgerstone.projections.shown import Entry
from ledgerstone.projections.view import AnyView, Key, Table, decoder, readers, table
from ledgerstone.projections.writes import Write, changed

CACHED = 200_000
"""Keys kept in memory between windows; beyond it they are dropped and come back from the tables."""

Folded = tuple[int, Recorded]
Stop = tuple[int, str]
"""The position of a row that cannot be folded, and why."""
Held = tuple[Key, Any, tuple[tuple[int, int], ...]]
"""A key, its state, and how its rows are shown."""
T = TypeVar("T")


class Store(Protocol):
    """Where tables are. Names are those of `Table`; each call is one transaction or one statement."""

    def positions(self, tables: Sequence[Table]) -> list[int]:
        """How far each view of a chain is; creates what is missing."""
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

    def commit(
        self,
        tables: Sequence[Table],
        expected: int,
        position: int,
        writes: Sequence[Write],
        stopped: Stop | None = None,
    ) -> bool:
        """Write a window and advance from `expected` to `position`, and note whether the chain is `stopped`
        there; False if another engine did it first."""
        ...

    def halt(self, tables: Sequence[Table], reason: str) -> None:
        """Note, unless that is known, why tables cannot go on from where they are."""
        ...

    def announce(self) -> None:
        """Tell those who wait that tables have moved."""
        ...


class Overtaken(Exception):
    """Another engine advanced this chain: this one must not write."""


class Misplaced(Exception):
    """Tables of views that read each other do not go together: some were made by other code."""


class Unanswered(Exception):
    """The tables, or the log, did not answer while a row was folded: that is no fault of the row."""


class Chain:
    """Views that read each other, at one position. Owns their memory, and writes what changed. The log is
    read for what was heard before, when a fact among that is corrected.

    `ahead` are views which these read, and which went on when these were stopped: they are folded again, in
    memory only, from what they had heard by then. Of keys as many as are `cached`, or what is usual, are kept
    in memory between windows."""

    def __init__(
        self,
        views: Sequence[AnyView],
        store: Store,
        log: Log,
        position: int = 0,
        ahead: Sequence[AnyView] = (),
        cached: int | None = None,
    ) -> None:
        self.views, self.ahead = views, ahead
        self.tables = [table(view) for view in views]
        self.position = position
        self.stopped: str | None = None
        self.divided: tuple[AnyView, ...] = ()
        self._store = store
        self._log = log
        self._cached = cached
        self._all = (*ahead, *views)
        self._topics = _topics(self._all)
        self._failing: Sequence[AnyView] = ()
        self._shapes = {view.name: table(view) for view in self._all}
        self._folder = Folder(self._all, self._load, self._recall)
        self._decoders = {view.name: decoder(view) for view in views}

    def advance(self, heard: Sequence[Heard], upto: int) -> None:
        """Fold the rows of one window that this chain hears, and write. A row that cannot be decoded or
        folded stops just before it the view that cannot and those that read it: if others are left, the chain
        is `divided`. Raises `Overtaken` when another engine was faster."""
        stopped: Stop | None = None
        concerned = tuple(self.views)
        while failed := self._fold(heard):
            stopped, upto = failed, failed[0] - 1
            concerned = self._concerned()
            self._folder.forget()
            heard = [(position, row) for position, row in heard if position <= upto]
        self.divided = concerned if stopped and len(concerned) < len(self.views) else ()
        self._write(upto, None if self.divided else stopped)
        if self.divided:
            self._commit([self._shapes[view.name] for view in concerned], upto, [], stopped)
        self.stopped = stopped and stopped[1]

    def lead(self, tables: Sequence[Table], upto: int) -> None:
        """Take tables of other chains along, which show nothing new. Raises `Overtaken`."""
        self._commit(tables, upto, [], None)

    def divide(self) -> list["Chain"]:
        """What goes on, and what is stopped."""
        others = [view for view in self.views if view not in self.divided]
        ahead = _read_by(self.divided, [*self.ahead, *others])
        going = Chain(others, self._store, self._log, self.position, self.ahead, self._cached)
        halted = Chain(self.divided, self._store, self._log, self.position, ahead, self._cached)
        halted.stopped = self.stopped
        return [going, halted]

    def _concerned(self) -> tuple[AnyView, ...]:
        """The views that cannot go on: those that could not fold, and those that read them."""
        hindered = [view for one in self._failing for view in readers(self._all, one)]
        return tuple(view for view in self.views if view in hindered)

    def _fold(self, heard: Sequence[Heard]) -> Stop | None:
        self._folder.begin(self.position)
        readable, spoiled = sound(heard, self._topics)
        self._preload(readable)
        if failed := folded(self._folder, readable):
            self._failing = [view for view in self._all if view.name == self._folder.folding]
            return failed
        if spoiled is None:
            return None
        self._failing = [view for view in self._all if spoiled[1].topic in _topics([view])]
        return spoiled[0], f"row {spoiled[0]} cannot be decoded: {spoiled[1].why}"

    def _write(self, upto: int, stopped: Stop | None) -> None:
        folder = self._folder
        writes = [changed(view, shape, folder) for view, shape in zip(self.views, self.tables, strict=True)]
        self._commit(self.tables, upto, writes, stopped)
        if len(folder) > (CACHED if self._cached is None else self._cached):
            folder.forget()

    def _commit(
        self, tables: Sequence[Table], upto: int, writes: Sequence[Write], stopped: Stop | None
    ) -> None:
        if not self._store.commit(tables, self.position, upto, writes, stopped):
            self._folder.forget()
            raise Overtaken(f"another engine moved {', '.join(shape.name for shape in tables)}")
        self.position = upto

    def _preload(self, heard: Sequence[Folded]) -> None:
        """Fetch what this window needs in few queries: keys that hear a row, those that point at them, and
        what they point at."""
        if self.position == 0:
            return
        heard = tellings(heard)
        by_view = {view: self._heard_by(view, heard) for view in self._all}
        for view in self._all:
            if view.reads:
                shape = self._shapes[view.name]
                moving = [(book, v.name, id) for v in self._read_by(view) for book, id in by_view[v]]
                by_view[view].update(dict.fromkeys(answer(self._store.dependants, shape, sorted(moving))))
                for earlier, key in self._pointed(view, heard):
                    by_view[earlier][key] = None
        for view in self._all:
            self._load(view, list(by_view[view]))

    def _heard_by(self, view: AnyView, heard: Sequence[Folded]) -> dict[Key, None]:
        kinds = frozenset(view.hears)
        return {
            (str(row.book), id): None for _, row in heard if type(row.body) in kinds for id in view.keys(row)
        }

    def _read_by(self, view: AnyView) -> list[AnyView]:
        return [earlier for earlier in self._all if isinstance(earlier, view.reads)]

    def _pointed(self, view: AnyView, heard: Sequence[Folded]) -> Iterator[tuple[AnyView, Key]]:
        by_name, kinds = {earlier.name: earlier for earlier in self._all}, frozenset(view.hears)
        for _, row in heard:
            for name, id in view.points(row) if type(row.body) in kinds else ():
                yield by_name[name], (str(row.book), id)

    def _recall(self, view: AnyView, key: Key, heard: Sequence[int]) -> list[Recorded]:
        """What a key heard, from the log: as it was written, and then in this window."""
        written = answer(self._store.heard, self._shapes[view.name], key) if self.position else []
        before = [at for at in written if at <= self.position]
        return [decode(state) for _, state in answer(self._log.picked, [*before, *heard])]

    def _load(self, view: AnyView, keys: Sequence[Key]) -> None:
        """Adopt the written states of keys, after the rows that they point at; the rest are new."""
        here = self._folder.entries(view)
        missing = [key for key in keys if key not in here]
        if not missing or self.position == 0:
            return
        written = list(self._replayed(view, missing) if view in self.ahead else self._written(view, missing))
        if view.reads:
            self._load_references(view, [(key, state) for key, state, _ in written])
        for key, state, shown in written:
            self._folder.adopt(view, key, state, shown)
        for key in missing:
            here.setdefault(key, Entry())

    def _written(self, view: AnyView, keys: Sequence[Key]) -> Iterator[Held]:
        decode_state, shape = self._decoders[view.name], self._shapes[view.name]
        for key, state in answer(self._store.states, shape, keys):
            yield key, *decode_state(state)

    def _replayed(self, view: AnyView, keys: Sequence[Key]) -> Iterator[Held]:
        """States as they were at our position. How they are shown is of no concern: nobody writes them."""
        for key in keys:
            if (state := anew(view, key, self._recall(view, key, ()))) is not None:
                yield key, state, ()

    def _load_references(self, view: AnyView, states: Sequence[tuple[Key, Any]]) -> None:
        """Of keys that have a state: a correction may have left nothing of what one heard."""
        there = [(key, state) for key, state in states if state is not None]
        pointed = {(key[0], ref): None for key, state in there for ref in view.refs(key[1], state)}
        for earlier in self._read_by(view):
            keys = [(book, id) for book, (name, id) in pointed if name == earlier.name]
            self._load(earlier, keys)


def pass_over(chains: Sequence[Chain], upto: int) -> None:
    """Have chains of one position, none of which hears any row of a window, go on in one transaction."""
    if chains:
        chains[0].lead([shape for chain in chains for shape in chain.tables], upto)
    for chain in chains:
        chain.position = upto


def parts(views: Sequence[AnyView], store: Store, log: Log, cached: int | None = None) -> list[Chain]:
    """A chain as its tables stand: in one, or in several where views were stopped and the rest went on.
    Raises Misplaced where a view is ahead of one that it reads."""
    places = dict(zip(views, store.positions([table(view) for view in views]), strict=True))
    for view in views:
        if any(places[one] < places[view] for one in views if isinstance(one, view.reads)):
            told = ", ".join(f"{one.name} at {at}" for one, at in places.items())
            raise Misplaced(f"views that read each other are at different positions ({told}): rebuild them")
    found = []
    for place in sorted(set(places.values()), reverse=True):
        here = [view for view in views if places[view] == place]
        ahead = _read_by(here, [view for view in views if places[view] > place])
        found.append(Chain(here, store, log, place, ahead, cached))
    return found


def _read_by(views: Sequence[AnyView], earlier: Sequence[AnyView]) -> list[AnyView]:
    """Of earlier views (in stages) those that some views read, or that are read by such."""
    found: list[AnyView] = []
    for one in reversed(earlier):
        if any(isinstance(one, reader.reads) for reader in (*views, *found)):
            found.insert(0, one)
    return found


def answer(question: Callable[..., T], *arguments: object) -> T:
    """What the tables or the log say. Raises Unanswered."""
    try:
        return question(*arguments)
    except Exception as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from error


def tellings(heard: Sequence[Folded]) -> Sequence[Folded]:
    """Rows, and what corrections among them end and put in force: who hears those, hears the correction."""
    corrections = [one for one in heard if type(one[1].body) is Superseded]
    return [*heard, *((at, tell(row)) for at, row in corrections for tell in (was, now))]


def sound(
    heard: Sequence[Heard], topics: Collection[str] | None = None
) -> tuple[Sequence[Folded], tuple[int, Spoiled] | None]:
    """The rows before the first of some topics (of any, where none are named) that cannot be decoded, and
    which that is."""
    spoiled = [(at, row) for at, row in heard if type(row) is Spoiled]
    if not spoiled:
        return cast(Sequence[Folded], heard), None
    first = next((one for one in spoiled if topics is None or one[1].topic in topics), None)
    before = [one for one in heard if first is None or one[0] < first[0]]
    return cast(Sequence[Folded], [one for one in before if not isinstance(one[1], Spoiled)]), first


def _topics(views: Sequence[AnyView]) -> frozenset[str]:
    """What some views hear: a correction may be of anything."""
    return frozenset({CORRECTION, *(tag(kind) for view in views for kind in view.hears)})


def folded(folder: Folder, rows: Sequence[Folded]) -> Stop | None:
    """Fold rows; which could not be folded, and why. What does not answer now is no fault of the row."""
    try:
        for position, row in rows:
            folder.hear(position, row)
    except (Unanswered, LogUnavailable):
        raise
    except Exception as error:
        return position, f"row {position} ({row.name}): {type(error).__name__}: {error}"
    return None
