"""How are views made from nothing? Everything is folded in memory. What no later row can change is written as
it comes, what is still shown at the end; then come the indexes, so that no row pays for them.

With more keys than may be held, half of them are given up and folded in another pass over the log, which
writes nothing up to where the first had them. What a key has heard is written and not held, so a correction,
which needs it, ends the work in bulk."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Protocol

from msgspec import Struct

from ledgerstone.projections.chain import folded, sound
from ledgerstone.projections.folder import Folder
from ledgerstone.projections.reader import Again, Heard, Log, Reader
from ledgerstone.projections.shares import Piece, Share
from ledgerstone.projections.view import AnyView, Table, table
from ledgerstone.projections.writes import Sums, Write, added, past, present

KEYS = 400_000
"""Keys held in memory by all processes that share the work, unless they are told otherwise; a key takes some
3 kB."""
PIECE = 1_000
"""Rows that are decoded and then folded: of more, the first are out of the processor's caches by then, which
took a twentieth of the whole."""
PARTS = 1 << 16
"""Shares into which a chain is divided at most."""


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


class Span(Struct, frozen=True):
    """How far the log is read in bulk, how many rows at a time, and how many keys are held meanwhile."""

    end: int
    window: int
    keys: int = KEYS


class Made(Struct, frozen=True):
    """What came of a piece of the work: what it sums up, by view, and the position that it is at; or why it
    cannot be made in bulk."""

    views: tuple[str, ...]
    sums: tuple[Sums, ...]
    position: int
    failure: str | None = None


class Bulk:
    """A piece of the work: a chain of views that is made from nothing, or a share of its keys. Nothing is
    left of it once it has failed."""

    def __init__(self, piece: Piece, views: Sequence[AnyView], store: Empty) -> None:
        self.piece, self.views, self.tables = piece, views, [table(view) for view in views]
        self.failure: str | None = None
        self._store = store
        self._unread = [view for view in views if not any(type(view) in other.reads for other in views)]
        self._folder = Folder(views, share=piece.share)
        self._sums: tuple[Sums, ...] = tuple({} for _ in views)

    def __len__(self) -> int:
        return 0 if self.failure else len(self._folder)

    @property
    def share(self) -> Share:
        """The keys that it folds now."""
        return self._folder.share

    @property
    def parted(self) -> int:
        """How many of the keys in memory could be given up to another pass."""
        return sum(len(self._folder.entries(view)) for view in self._unread)

    def hear(self, heard: Sequence[Heard]) -> None:
        """Fold rows of a window."""
        if self.failure:
            return
        readable, spoiled = sound(heard)
        if failed := folded(self._folder, readable):
            self.fail(failed[1])
            return
        if spoiled is not None:
            self.fail(f"row {spoiled[0]} cannot be decoded: {spoiled[1].why}")

    def close(self, again: Sequence[Again], upto: int) -> None:
        """A window was heard up to a position: count what came again, and write what is over."""
        if self.failure:
            return
        for row, times in again:
            self._folder.again(row, times)
        if upto > self.piece.since:
            self._write(upto)
        self._folder.begin(0)

    def give_up_half(self, upto: int) -> Piece:
        """Forget half of the keys; the piece that is to be made of them in another pass."""
        kept, given = self.share.halves()
        self._folder.keep(kept)
        return Piece(self.piece.views, given, max(upto, self.piece.since))

    def fail(self, why: str) -> None:
        """This cannot be made in bulk."""
        self.failure = why
        self._folder.forget()

    def finish(self, position: int, keep: bool = False) -> Made:
        """Write what is shown now, and forget it, unless it is to be kept."""
        if not self.failure:
            parts = zip(self.views, self.tables, strict=True)
            self._store.append(self.tables, position, [present(*each, self._folder) for each in parts])
            if not keep:
                self._folder.forget()
        return Made(self.piece.views, self._sums, position, self.failure)

    def _write(self, upto: int) -> None:
        changes = [self._folder.changes(view) for view in self.views]
        for sums, changed in zip(self._sums, changes, strict=True):
            added(sums, changed)
        parts = zip(self.views, self.tables, changes, strict=True)
        self._store.append(self.tables, upto, [past(*each, self.share) for each in parts])


def fill(
    pieces: Sequence[Piece],
    views: Mapping[str, AnyView],
    log: Log,
    store: Empty,
    span: Span,
    told: Callable[[int, int], None],
    aside: Executor | None = None,
    spent: list[Bulk] | None = None,
) -> list[Made]:
    """Fold pieces of the work from the beginning of the log to the span's end, or until a fact is corrected,
    in as many passes as memory demands. `told` hears how many rows were read, and how many more will be. What
    the last pass had in memory goes to `spent`, for a process that soon ends, since to let go of value after
    value takes long: unless an engine goes on from there, which holds as much itself."""
    made: list[Made] = []
    while pieces:
        told(0, span.end)
        bulks = [Bulk(piece, [views[name] for name in piece.views], store) for piece in pieces]
        upto, pieces = _one_pass(bulks, log, span, told, aside)
        failed = {bulk.piece.views for bulk in bulks if bulk.failure}
        keep = spent is not None and upto == span.end and not (pieces or failed)
        made += [bulk.finish(upto, keep) for bulk in bulks]
        if spent is not None and keep:
            spent += bulks
        pieces = [piece for piece in pieces if piece.views not in failed]
    return made


def _one_pass(
    bulks: Sequence[Bulk],
    log: Log,
    span: Span,
    told: Callable[[int, int], None],
    aside: Executor | None,
) -> tuple[int, list[Piece]]:
    """Read the log once; how far, and what is left for other passes."""
    reader, upto = Reader(log, [bulk.views for bulk in bulks], aside, span.end, counting=True), 0
    left: list[Piece] = []
    while any(not bulk.failure for bulk in bulks) and (read := reader.window(upto, span.window)).rows:
        if read.corrects:
            break
        for lanes in read.pieces(PIECE):
            for bulk, lane in zip(bulks, lanes, strict=True):
                bulk.hear(lane)
        upto, again = read.upto, list(read.again())
        for bulk in bulks:
            bulk.close(again, upto)
        left += _within(bulks, span.keys, upto)
        told(read.rows, 0)
    told(0, upto - span.end)
    return upto, left


def _within(bulks: Sequence[Bulk], most: int, upto: int) -> list[Piece]:
    """Hold no more than so many keys; the pieces that were given up. What cannot be parted any further, since
    it is pointed at by the rest, fails where it is too much by itself."""
    left: list[Piece] = []
    while sum(map(len, bulks)) > most:
        largest = max(bulks, key=lambda bulk: bulk.parted)
        if largest.parted > most // 8 and largest.share.of < PARTS:
            left.append(largest.give_up_half(upto))
        else:
            crowded = max(bulks, key=len)
            crowded.fail(f"{len(crowded):,} keys that others point at are more than may be held")
    return left
