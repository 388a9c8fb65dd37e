"""How are views made from nothing? Everything is folded in memory. What no later row can change is written as
it comes, what is still shown at the end; then come the indexes, so that no row pays for them.

What a key has heard is written and not held, so a correction, which needs it, ends the work in bulk."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol

from ledgerstone.projections.chain import folded, sound
from ledgerstone.projections.folder import Folder
from ledgerstone.projections.reader import Heard, Log, Reader
from ledgerstone.projections.view import AnyView, Table, table
from ledgerstone.projections.writes import Sums, Write, added, past, present

KEYS = 200_000
"""Keys held in memory, at most: with more, what there is is written, and the engine goes on in windows."""


class Empty(Protocol):
    """Where new tables are."""

    def lay(self, tables: Sequence[Table]) -> None:
        """Create tables, at position 0 and without indexes."""
        ...

    def append(self, tables: Sequence[Table], reached: int, writes: Sequence[Write]) -> None:
        """Add new rows; `reached` is the position that was read so far, for those who wait."""
        ...

    def complete(self, tables: Sequence[Table], position: int, writes: Sequence[Write]) -> None:
        """Add the last rows and the indexes: from now on the tables are at a position."""
        ...


class Spoiled(Exception):
    """A row cannot be decoded or folded: in windows a chain stops just before it."""


class Bulk:
    """A chain of views that is made from nothing."""

    def __init__(self, views: Sequence[AnyView], store: Empty) -> None:
        self.views, self.tables = views, [table(view) for view in views]
        self._store = store
        self._folder = Folder(views)
        self._sums: list[Sums] = [{} for _ in views]

    def __len__(self) -> int:
        return len(self._folder)

    def take(self, heard: Sequence[Heard], upto: int) -> None:
        """Fold the rows of a window, and write what is over. Raises Spoiled."""
        readable, spoiled = sound(heard)
        if failed := folded(self._folder, readable) or spoiled:
            raise Spoiled(failed[1])
        changes = [self._folder.changes(view) for view in self.views]
        for sums, changed in zip(self._sums, changes, strict=True):
            added(sums, changed)
        writes = [past(*one) for one in zip(self.views, self.tables, changes, strict=True)]
        self._store.append(self.tables, upto, writes)
        self._folder.begin(0)

    def finish(self, position: int) -> None:
        """Write what is shown now."""
        parts = zip(self.views, self.tables, self._sums, strict=True)
        writes = [present(view, shape, self._folder, sums) for view, shape, sums in parts]
        self._store.complete(self.tables, position, writes)


def fill(
    groups: Sequence[Sequence[AnyView]],
    log: Log,
    store: Empty,
    window: int,
    told: Callable[[int], None],
    aside: Executor | None = None,
) -> None:
    """Make chains of views from the beginning of a log, as far as it goes, or `KEYS` reach, or until a fact
    is corrected. Raises Spoiled, and leaves tables behind that nobody can use."""
    chains, reader, upto = [Bulk(views, store) for views in groups], Reader(log, groups, aside), 0
    store.lay([shape for chain in chains for shape in chain.tables])
    while sum(map(len, chains)) < KEYS and (read := reader.window(upto, window)).rows:
        if read.corrects:
            break
        for chain, lane in zip(chains, read.lanes, strict=True):
            chain.take(lane, read.upto)
        upto = read.upto
        told(read.rows)
    for chain in chains:
        chain.finish(upto)
