"""How are views made anew from the log while the old ones are read? Into new tables, then compared with the
old ones as both were known at one position, and put in their place in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

from msgspec import Struct

from ledgerstone.projections import bulk
from ledgerstone.projections.bulk import Empty, Made, Span, fill
from ledgerstone.projections.chain import Store
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.reader import Log
from ledgerstone.projections.shares import Piece
from ledgerstone.projections.view import AnyView, Table, chains, table
from ledgerstone.projections.writes import summed

WINDOW = 50_000
"""Log rows folded in one transaction while rebuilding: what opens and closes within one is written once."""

LEAST = 500
"""Rows of a window, however little memory there is."""

LONG = 20_000
"""Rows of a log from which on views are begun in bulk."""

Told = Callable[[int, int], None]
"""Told how many rows of how many are done."""

Revision = Mapping[str, Any]
"""How a table of a new version differs from the one before it: plain values, see `Tables.revised`."""


class Tables(Store, Empty, Protocol):
    """A store whose tables can be thrown away, compared and swapped."""

    def drop(self, tables: Sequence[Table]) -> None:
        """Remove tables."""
        ...

    def standings(self, tables: Sequence[Table], suffix: str) -> Mapping[str, int]:
        """How far those with a suffix are that there are."""
        ...

    def differences(self, tables: Sequence[Table], other: str, position: int) -> list[str]:
        """How these tables differ from those with suffix `other`, as both were known at a position."""
        ...

    def unsummed(self, tables: Sequence[Table], position: int) -> list[str]:
        """Where what they add up in blocks, up to a position, is not what their deltas come to."""
        ...

    def revised(self, tables: Sequence[Table]) -> list[Revision]:
        """How what these tables show differs from what the version before shows, at a position that both
        have: counted, and listed by key."""
        ...

    def swap(self, tables: Sequence[Table], suffix: str, ready: Callable[[Mapping[str, int]], None]) -> None:
        """Put these tables in the place of those with `suffix`. While they stand still, `ready` is told the
        position of each; what it raises leaves everything as it was."""
        ...


Chained = Sequence[AnyView]
"""Views that read each other, in stages."""


def unheard(done: int, total: int) -> None:
    """Nobody is told."""


class NotSwapped(Exception):
    """What was rebuilt cannot be read instead; the message says why."""


class ViewsDiffer(NotSwapped):
    """The same version of a view gave other rows than those that are read: one of them is wrong."""

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = differences
        super().__init__(
            "the rebuilt views differ from those that are read, so those were kept:\n  "
            + "\n  ".join(differences)
            + "\nIf the code of a view changed on purpose, give it a new version. If somebody touched its"
            " tables, `ledgerstone rebuild VIEW --replace` puts the rebuilt ones in their place."
        )

    def __reduce__(self) -> tuple[type["ViewsDiffer"], tuple[Sequence[str]]]:
        """So that it comes whole from a worker's process."""
        return type(self), (self.differences,)


class Built(Struct, frozen=True):
    """What was rebuilt: the views, the position that they are at, what their new versions changed, and in
    spite of which differences those of the same version were `replaced`."""

    views: tuple[str, ...]
    position: int
    revised: tuple[Revision, ...] = ()
    replaced: tuple[str, ...] = ()


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


def take_place(
    views: Chained,
    log: Log,
    store: Tables,
    swap: bool = True,
    keys: int | None = None,
    replace: bool = False,
) -> Built:
    """Catch up, compare and swap one chain that was built, while no engine moves the tables that are read.
    Where they are not to be swapped, they go when they were compared. Raises NotSwapped, and they go too;
    differences are no reason where what is read is to be replaced in any case."""
    shapes, revised, differing = [table(view) for view in views], list[Revision](), list[str]()
    engine, window = Engine(views, log, store, cached=keys), span(0, keys).window

    def ready(positions: Mapping[str, int]) -> None:
        engine.catch_up(window)
        differing[:] = _differences(engine, store, positions)
        if differing and not replace:
            raise ViewsDiffer(differing)
        revised[:] = store.revised(shapes)

    engine.catch_up(window)  # as far as it goes before the tables that are read stand still

    try:
        if swap:
            store.swap(shapes, "", ready)
        else:
            ready(store.standings(shapes, ""))
            store.drop(shapes)
    except NotSwapped:
        store.drop(shapes)
        raise
    position = min(chain.position for chain in engine.chains)
    return Built(tuple(view.name for view in views), position, tuple(revised), tuple(differing))


def _differences(engine: Engine, store: Tables, positions: Mapping[str, int]) -> list[str]:
    """How what was rebuilt differs from what is read, each table as known where that is: views that read each
    other are not at one position while some are stopped. Raises NotSwapped."""
    found = []
    for chain in engine.chains:
        for shape in chain.tables:
            position = positions.get(shape.name, 0)
            if chain.position < position:
                if chain.stopped:
                    raise NotSwapped(f"{shape.name} stopped before the one that is read: {chain.stopped}")
                found.append(f"{shape.name} is at position {position}, and the log ends at {chain.position}")
            if position:
                found += store.differences([shape], "", min(position, chain.position))
    return found


def begin(engine: Engine, log: Log, beside: Tables, aside: Executor | None, told: Told = unheard) -> None:
    """Make what an engine has not begun yet as a rebuild does, beside the empty tables: in windows it would
    take longer. Who else wants to do the same must be kept out meanwhile."""
    rebuild(fresh(engine, log), log, beside, told, aside)
    engine.restart()


def fresh(engine: Engine, log: Log) -> list[Chained]:
    """The chains that an engine has not begun yet, where the log is long."""
    chains = [chain.views for chain in engine.chains if chain.position == 0 and not chain.ahead]
    return chains if chains and log.head() > LONG else []


def span(end: int, keys: int | None = None) -> Span:
    """How the log is read up to `end`, with so many keys in memory: all who share a chain must have the same
    windows."""
    held = bulk.KEYS if keys is None else keys
    return Span(end, max(LEAST, min(WINDOW, held)) if keys else WINDOW, held)


def build(
    groups: Sequence[Chained],
    log: Log,
    store: Tables,
    told: Told = unheard,
    aside: Executor | None = None,
) -> None:
    """Fold the whole log into new tables, in this process: in bulk, and in windows, as live, what comes
    after, or where a row spoils a chain, or where too many keys are pointed at by others."""
    views, done, total = [view for group in groups for view in group], 0, 0

    def count(rows: int, more: int = 0) -> None:
        nonlocal done, total
        done, total = done + rows, total + more
        told(done, max(done, total, log.head()))

    begin_tables(groups, store)
    pieces = [Piece(tuple(view.name for view in group)) for group in groups]
    named = {view.name: view for view in views}
    made = fill(pieces, named, log, store, span(log.head()), count, aside)
    for group, piece in zip(groups, pieces, strict=True):
        complete(group, [part for part in made if part.views == piece.views], store)
    Engine(views, log, store, aside).catch_up(WINDOW, count)


def begin_tables(groups: Sequence[Chained], store: Tables) -> None:
    """Have empty tables for chains."""
    shapes = [table(view) for group in groups for view in group]
    store.drop(shapes)
    store.lay(shapes)


def complete(views: Chained, made: Sequence[Made], store: Tables) -> None:
    """The tables of a chain are at a position now: all its pieces are made. Where one could not be, they are
    thrown away, and an engine begins with nothing."""
    shapes, positions = [table(view) for view in views], {part.position for part in made}
    if any(part.failure for part in made) or len(positions) != 1:
        store.drop(shapes)
        return
    parts = zip(shapes, *(part.sums for part in made), strict=True)
    store.complete(shapes, positions.pop(), [summed(shape, sums) for shape, *sums in parts])


def compare(views: Chained, log: Log, store: Tables, position: int, told: Told = unheard) -> list[str]:
    """How the tables that are read differ from a replay of the log, as known at their `position`."""
    shapes = [table(view) for view in views]
    build([views], log, store, told)
    found = store.unsummed(shapes, position) + store.differences(shapes, "", position)
    store.drop(shapes)
    return found
