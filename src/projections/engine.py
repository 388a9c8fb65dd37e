"""How are views kept true to the log while it grows? One reader decodes each row once and feeds every chain
of views; each chain writes rows, states, sums and its position in one transaction."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from ledgerstone.projections.chain import Chain, Store
from ledgerstone.projections.reader import Heard, Log, Reader
from ledgerstone.projections.view import AnyView, chains

WINDOW = 20_000
"""Log rows folded in one transaction by the live engine, at most: usually it takes what there is."""


class Engine:
    """All chains, fed by one reader. With `aside`, a thread that reads ahead. Each chain keeps as many keys
    in memory between windows as are `cached`, or what is usual."""

    def __init__(
        self,
        views: Sequence[AnyView],
        log: Log,
        store: Store,
        aside: Executor | None = None,
        cached: int | None = None,
    ) -> None:
        groups = chains(views)
        self.chains = [Chain(group, store, log, cached) for group in groups]
        self._log, self._reader = log, Reader(log, groups, aside)

    def step(self, window: int = WINDOW) -> int:
        """Fold the next rows of the log in every chain; how many there were."""
        running = [chain.position for chain in self.chains if chain.stopped is None]
        read = self._reader.window(min(running, default=self._log.head()), window)
        for chain, lane in zip(self.chains, read.lanes, strict=True):
            if chain.stopped is None and chain.position < read.upto:
                chain.advance(_after(chain.position, lane), read.upto)
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
        for chain in self.chains:
            chain.restart()


def _after(position: int, lane: list[Heard]) -> list[Heard]:
    """What a chain has not heard: all of it, but where another chain is behind."""
    return lane if not lane or lane[0][0] > position else [one for one in lane if one[0] > position]
