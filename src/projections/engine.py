"""How are views kept true to the log while it grows? One reader decodes each row once and feeds every chain
of views; each chain writes rows, states, sums and its position in one transaction, guarded by the position
that it started from, so that a second or a stale engine can only stop."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.growth import plus
from ledgerstone.ledger.recorded import Recorded, decode, decode_head
from ledgerstone.projections.folder import Changes, Entry, Folder
from ledgerstone.projections.view import AnyView, Cell, Key, Row, Table, chains, encode_state, table

WINDOW = 20_000
"""Log rows folded in one transaction by the live engine, at most: usually it takes what there is."""
CACHED = 200_000
"""Keys kept in memory between windows; beyond it they are dropped and come back from the tables."""

D = TypeVar("D")
Heard = tuple[int, Recorded | msgspec.MsgspecError]
"""A row of the log at its position, or why it cannot be decoded."""
Folded = tuple[int, Recorded]


class Write(Struct):
    """What one window changes in the tables of one view, as plain rows."""

    table: Table
    states: list[tuple[str, str, bytes]]
    heard: list[tuple[str, str, list[int]]]
    edges: list[tuple[str, str, str, str]]
    closed: list[tuple[str, str, int, int]]
    opened: list[tuple[Any, ...]]
    deltas: dict[str, list[tuple[Any, ...]]]
    heads: dict[str, list[tuple[Any, ...]]]


class Log(Protocol):
    """Where rows come from."""

    def raw(
        self, after: int, limit: int, tags: Sequence[str], heads: Sequence[str] = ()
    ) -> Sequence[tuple[int, str, bytes | None]]:
        """The rows after a position: position and tag, and the state where the tag is wanted, or its head."""
        ...

    def head(self) -> int:
        """The last position."""
        ...


class Store(Protocol):
    """Where tables are. Names are those of `Table`; each call is one transaction or one statement."""

    def position(self, tables: Sequence[Table]) -> int:
        """How far a chain is; creates what is missing. Refuses tables at different positions."""
        ...

    def states(self, table: Table, keys: Sequence[Key]) -> list[tuple[Key, bytes]]:
        """The states of those keys that have one."""
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
    """Views that read each other, at one position. Owns their memory, and writes what changed."""

    def __init__(self, views: Sequence[AnyView], store: Store) -> None:
        self.views = views
        self.tables = [table(view) for view in views]
        self.tags = sorted({tag(kind) for view in views for kind in view.hears})
        self.stopped: str | None = None
        self._store = store
        self._folder = Folder(views, self._load)
        self._decoders = {view.name: msgspec.msgpack.Decoder(view.state).decode for view in views}
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
        spoiled = next(((at, row) for at, row in heard if row.__class__ is not Recorded), None)
        whole = heard if spoiled is None else [one for one in heard if one[0] < spoiled[0]]
        readable = cast(Sequence[Folded], whole)
        self._preload(readable)
        try:
            for position, row in readable:
                self._folder.hear(position, row)
        except Exception as error:
            return position, f"row {position} ({row.name}): {type(error).__name__}: {error}"
        return None if spoiled is None else (spoiled[0], f"row {spoiled[0]} cannot be decoded: {spoiled[1]}")

    def _write(self, upto: int) -> None:
        folder = self._folder
        writes = [_write(view, shape, folder) for view, shape in zip(self.views, self.tables, strict=True)]
        if not self._store.commit(self.tables, self.position, upto, writes):
            folder.forget()
            raise Overtaken(f"{', '.join(t.name for t in self.tables)} moved on from {self.position}")
        self.position = upto
        if len(folder) > CACHED:
            folder.forget()

    def _preload(self, heard: Sequence[Folded]) -> None:
        """Fetch what this window needs in few queries: keys that hear a row, those that point at them, and
        what they point at."""
        if self.position == 0:
            return
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

    def _load(self, view: AnyView, keys: Sequence[Key]) -> None:
        """Adopt the written states of keys, after the rows that they point at; the rest are new."""
        here = self._folder.entries(view)
        missing = [key for key in keys if key not in here]
        if not missing or self.position == 0:
            return
        decode_state, shape = self._decoders[view.name], self.tables[self.views.index(view)]
        states = [(key, decode_state(state)) for key, state in self._store.states(shape, missing)]
        if view.reads:
            self._load_references(view, states)
        for key, state in states:
            self._folder.adopt(view, key, state)
        for key in missing:
            here.setdefault(key, Entry())

    def _load_references(self, view: AnyView, states: Sequence[tuple[Key, Any]]) -> None:
        pointed = {(key[0], ref): None for key, state in states for ref in view.refs(key[1], state)}
        for earlier in self._read_by(view):
            keys = [(book, id) for book, (name, id) in pointed if name == earlier.name]
            self._load(earlier, keys)


class Engine:
    """All chains, fed by one reader."""

    def __init__(self, views: Sequence[AnyView], log: Log, store: Store) -> None:
        self.chains = [Chain(group, store) for group in chains(views)]
        self._log = log
        whole = {kind for view in views for kind in view.hears if kind not in view.heads}
        self._heads = {tag(kind) for view in views for kind in view.heads if kind not in whole}

    def step(self, window: int = WINDOW) -> int:
        """Fold the next rows of the log in every chain; how many there were."""
        running = [chain for chain in self.chains if chain.stopped is None]
        after = min((chain.position for chain in running), default=self._log.head())
        lanes: dict[str, list[list[Heard]]] = {}
        heard = [self._lane(chain, lanes) for chain in running]
        heads = sorted(lanes.keys() & self._heads)
        raw = self._log.raw(after, window, sorted(lanes), heads)
        for position, name, state in raw:
            if state is not None:
                row = self._head(position, name, state) if name in self._heads else _decoded(state)
                for lane in lanes[name]:
                    lane.append((position, row))
        for chain, lane in zip(running, heard, strict=True):
            if raw and chain.position < raw[-1][0]:
                behind = chain.position > after
                chain.advance(
                    [one for one in lane if one[0] > chain.position] if behind else lane, raw[-1][0]
                )
        return len(raw)

    def _head(self, position: int, name: str, beginning: bytes) -> Recorded | msgspec.MsgspecError:
        row = _decoded(beginning, decode_head)
        if row is not None:
            return row
        (_, _, state), *_ = self._log.raw(position - 1, 1, [name])
        return _decoded(state or b"")

    def _lane(self, chain: Chain, lanes: dict[str, list[list[Heard]]]) -> list[Heard]:
        """What a chain is to hear of a window, filled by tag."""
        lane: list[Heard] = []
        for name in chain.tags:
            lanes.setdefault(name, []).append(lane)
        return lane

    def catch_up(self, window: int = WINDOW, told: Callable[[int], None] = lambda rows: None) -> int:
        """Fold until the log has no more rows; how many there were. `told` hears of each window."""
        total = 0
        while rows := self.step(window):
            total += rows
            told(rows)
        return total

    def restart(self) -> None:
        """Begin again from the tables, after another engine or a rebuild moved them."""
        for chain in self.chains:
            chain.restart()


def _decoded(
    state: bytes,
    read: Callable[[bytes], D] = decode,  # type: ignore[assignment]
) -> D | msgspec.MsgspecError:
    try:
        return read(state)
    except msgspec.MsgspecError as error:
        return error


def fingerprint(row: Row) -> int:
    """A row's own number within its key: finds the version to close without comparing columns."""
    digest = blake2b(msgspec.msgpack.encode(row), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _write(view: AnyView, shape: Table, folder: Folder) -> Write:
    changes, entries = folder.changes(view), folder.entries(view)
    versions = [*changes.passed, *folder.opened(view)]
    return Write(
        table=shape,
        states=[(*key, encode_state(entries[key].state)) for key in sorted(changes.dirty)],
        heard=[(*key, positions) for key, positions in sorted(changes.heard.items())],
        edges=sorted({(key[0], *ref, key[1]) for ref, key in changes.edges}),
        closed=sorted((*key, fingerprint(row), position) for key, row, position in changes.closed),
        opened=[(*v.key, fingerprint(v.row), v.known_from, v.known_to, *_columns(v.row)) for v in versions],
        deltas=_deltas(view, changes),
        heads=_heads(changes),
    )


def _columns(row: Row) -> Iterable[Any]:
    """A row's values as the database takes them: arrays are lists."""
    return [list(value) if type(value) is tuple else value for value in astuple(row)]


def _deltas(view: AnyView, changes: Changes) -> dict[str, list[tuple[Any, ...]]]:
    kept = {summary.name for summary in view.summaries if summary.history}
    lines: dict[str, list[tuple[Any, ...]]] = {name: [] for name in kept}
    for name, position, cell, amounts in changes.deltas:
        if name in kept:
            lines[name].append((position, *cell, *amounts))
    return lines


def _heads(changes: Changes) -> dict[str, list[tuple[Any, ...]]]:
    """What a window adds to each cell in all, sorted so that two writers lock cells in the same order."""
    sums: dict[str, dict[Cell, tuple[int, ...]]] = {}
    for name, _, cell, amounts in changes.deltas:
        _sum(sums.setdefault(name, {}), cell, amounts)
    for (book, (name, cell, amounts)), times in changes.counted.items():
        _sum(sums.setdefault(name, {}), (book, *cell), tuple([amount * times for amount in amounts]))
    return {
        name: sorted((*cell, *amounts) for cell, amounts in cells.items() if any(amounts))
        for name, cells in sums.items()
    }


def _sum(sums: dict[Cell, tuple[int, ...]], cell: Cell, amounts: tuple[int, ...]) -> None:
    held = sums.get(cell)
    sums[cell] = amounts if held is None else plus(held, amounts)
