"""How are views made anew from the log while the old ones are read? Into new tables, then compared with the
old ones as both were known at one position, and put in their place in one transaction."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol

from msgspec import Struct

from ledgerstone.projections.bulk import Empty, Spoiled, fill
from ledgerstone.projections.chain import Store
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.reader import Log
from ledgerstone.projections.view import AnyView, Table, chains, table

WINDOW = 50_000
"""Log rows folded in one transaction while rebuilding: what opens and closes within one is written once."""

LONG = 20_000
"""Rows of a log from which on views are begun in bulk."""

Told = Callable[[int, int], None]
"""Told how many rows of how many are done."""


class Tables(Store, Empty, Protocol):
    """A store whose tables can be thrown away, compared and swapped."""

    def drop(self, tables: Sequence[Table]) -> None:
        """Remove tables."""
        ...

    def differences(self, tables: Sequence[Table], other: str, position: int) -> list[str]:
        """How these tables differ from those with suffix `other`, as both were known at a position."""
        ...

    def swap(self, tables: Sequence[Table], suffix: str, ready: Callable[[int], None]) -> None:
        """Put these tables in the place of those with `suffix`. While they stand still, `ready` is told
        their position; what it raises leaves everything as it was."""
        ...


Chained = Sequence[AnyView]
"""Views that read each other, in stages."""


def unheard(done: int, total: int) -> None:
    """Nobody is told."""


class ViewsDiffer(Exception):
    """The same version of a view gave other rows than those that are read: one of them is wrong."""

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = differences
        super().__init__(
            "the rebuilt views differ from those that are read, so those were kept:\n  "
            + "\n  ".join(differences)
            + "\nIf the code of a view changed on purpose, give it a new version."
        )

    def __reduce__(self) -> tuple[type["ViewsDiffer"], tuple[Sequence[str]]]:
        """So that it comes whole from a worker's process."""
        return type(self), (self.differences,)


class Built(Struct, frozen=True):
    """What was rebuilt: the views, and the position that they are at."""

    views: tuple[str, ...]
    position: int


def whole_chains(views: Sequence[AnyView], names: Sequence[str]) -> list[tuple[AnyView, ...]]:
    """The chains that hold the named views (all, if none is named). Raises LookupError for unknown names."""
    unknown = sorted(set(names) - {view.name for view in views})
    if unknown:
        known = ", ".join(sorted(view.name for view in views))
        raise LookupError(f"no view is called {', '.join(unknown)}: there are {known}")
    return [group for group in chains(views) if not names or any(view.name in names for view in group)]


def rebuild(
    groups: Sequence[Chained],
    log: Log,
    store: Tables,
    told: Told = unheard,
    aside: Executor | None = None,
) -> list[Built]:
    """Make chains of views anew in `store`, reading the log once for all, and swap each for what is read.

    Raises ViewsDiffer, and swaps nothing of that chain, when rows of the same version came out otherwise."""
    build(groups, log, store, told, aside)
    return [take_place(group, log, store) for group in groups]


def take_place(views: Chained, log: Log, store: Tables) -> Built:
    """Catch up, compare and swap one chain that was built, while no engine moves the tables that are read."""
    shapes, engine = [table(view) for view in views], Engine(views, log, store)

    def ready(position: int) -> None:
        engine.catch_up(WINDOW)
        if position and (found := store.differences(shapes, "", position)):
            raise ViewsDiffer(found)

    try:
        store.swap(shapes, "", ready)
    except ViewsDiffer:
        store.drop(shapes)
        raise
    return Built(tuple(view.name for view in views), engine.chains[0].position)


def begin(engine: Engine, log: Log, beside: Tables, aside: Executor | None, told: Told = unheard) -> None:
    """Make what an engine has not begun yet as a rebuild does, beside the empty tables: in windows it would
    take longer. Who else wants to do the same must be kept out meanwhile."""
    rebuild(fresh(engine, log), log, beside, told, aside)
    engine.restart()


def fresh(engine: Engine, log: Log) -> list[Chained]:
    """The chains that an engine has not begun yet, where the log is long."""
    chains = [chain.views for chain in engine.chains if chain.position == 0 and not chain.ahead]
    return chains if chains and log.head() > LONG else []


def build(
    groups: Sequence[Chained],
    log: Log,
    store: Tables,
    told: Told = unheard,
    aside: Executor | None = None,
) -> None:
    """Fold the whole log into new tables: in windows, as live, where a row spoils a chain, or from where on
    there are more keys than are held in memory."""
    views, done = [view for group in groups for view in group], 0
    shapes = [table(view) for view in views]

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        told(done, max(done, log.head()))

    store.drop(shapes)
    try:
        fill(groups, log, store, WINDOW, count, aside)
    except Spoiled:
        done = 0
        store.drop(shapes)
    Engine(views, log, store, aside).catch_up(WINDOW, count)


def compare(views: Chained, log: Log, store: Tables, position: int, told: Told = unheard) -> list[str]:
    """How the tables that are read differ from a replay of the log, as known at their `position`."""
    shapes = [table(view) for view in views]
    build([views], log, store, told)
    found = store.differences(shapes, "", position)
    store.drop(shapes)
    return found


def shares(groups: Sequence[Chained], workers: int) -> list[list[Chained]]:
    """The chains divided among workers, the heaviest first, each to whom has least."""
    found: list[list[Chained]] = [[] for _ in range(min(workers, len(groups)))]
    for group in sorted(groups, key=_weight, reverse=True):
        min(found, key=lambda share: sum(map(_weight, share))).append(group)
    return found


def _weight(group: Chained) -> int:
    return sum(view.weight for view in group)
