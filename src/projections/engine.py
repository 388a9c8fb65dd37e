"""How are views kept true to the log while it grows? One reader decodes each row once and feeds every chain
of views; each chain writes rows, states, sums and its position in one transaction."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from ledgerstone.projections.chain import Chain, Misplaced, Store, parts, pass_over
from ledgerstone.projections.reader import Log, Reader
from ledgerstone.projections.view import AnyView, chains, table

WINDOW = 20_000
"""Log rows folded in one transaction by the live engine, at most: usually it takes what there is."""


class Engine:
    """All chains, fed by one reader. With `aside`, a thread that reads ahead. One that `waits` asks for
    nothing before it is restarted. Each chain keeps as many keys in memory between windows as are `cached`,
    or what is usual."""

    def __init__(
        self,
        views: Sequence[AnyView],
        log: Log,
        store: Store,
        aside: Executor | None = None,
        waits: bool = False,
        cached: int | None = None,
    ) -> None:
        self._groups, self._cached, self._steps = chains(views), cached, 0
        self._store, self._log, self._reader = store, log, Reader(log, self._groups, aside)
        self._parts = [[Chain(group, store, log, cached=cached)] for group in self._groups]
        if not waits:
            self.restart()

    @property
    def chains(self) -> list[Chain]:
        """What is folded together."""
        return [chain for parts in self._parts for chain in parts]

    def step(self, window: int = WINDOW) -> int:
        """Fold the next rows of the log in every chain; how many there were. What is behind the rest, since
        it was stopped, catches up beside it, a window at a time."""
        places = sorted({chain.position for chain in self.chains if chain.stopped is None}, reverse=True)
        rows = sum(self._fold(position, window) for position in places)
        if rows:
            self._store.announce()
        self._steps += 1
        if any(map(_together, self._parts)) or ((not rows or self._steps % 32 == 0) and self._mended()):
            self.restart()
        return rows

    def _mended(self) -> bool:
        """Whether what was stopped was moved meanwhile: rebuilt, say, by code that can fold the row."""
        stopped = [chain for chain in self.chains if chain.stopped is not None]
        moved = any({*self._store.positions(chain.tables)} != {chain.position} for chain in stopped)
        apart = [group for group, of_it in zip(self._groups, self._parts, strict=True) if not of_it]
        return moved or any(map(self._parted, apart))

    def _fold(self, position: int, window: int) -> int:
        """Fold a window in those chains that are at a position."""
        read, idle = self._reader.window(position, window), list[Chain]()
        for group, lane in zip(self._parts, read.lanes(), strict=True) if read.rows else ():
            for chain in [one for one in group if one.stopped is None and one.position == position]:
                if not lane:
                    idle.append(chain)
                    continue
                chain.advance(lane, read.upto)
                if chain.divided:
                    at = group.index(chain)
                    group[at : at + 1] = chain.divide()
        pass_over(idle, read.upto)
        return read.rows

    def catch_up(self, window: int = WINDOW, told: Callable[[int], None] = lambda rows: None) -> int:
        """Fold until the log has no more rows; how many there were. `told` hears of each window."""
        total = 0
        while rows := self.step(window):
            total += rows
            told(rows)
        return total

    def restart(self) -> None:
        """Begin again from the tables, after another engine or a rebuild moved them."""
        self._parts = [self._parted(group) for group in self._groups]

    def _parted(self, group: Sequence[AnyView]) -> list[Chain]:
        """The chains of some views; none, which is noted, where their tables do not go together."""
        try:
            return parts(group, self._store, self._log, self._cached)
        except Misplaced as misplaced:
            self._store.halt([table(view) for view in group], str(misplaced))
            return []


def _together(parts: Sequence[Chain]) -> bool:
    """Whether what was behind has caught up, and is one chain with the rest again."""
    return len(parts) > 1 and all(one.stopped is None and one.position == parts[0].position for one in parts)
