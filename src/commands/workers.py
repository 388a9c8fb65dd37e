"""How do several processes share the work on views? Each takes some chains, or a share of the keys of one,
reads what they hear, folds it and writes it; nothing passes between them but sums. When all of a chain is
folded, one of them completes its tables, compares and swaps."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import psycopg
from msgspec import Struct

from ledgerstone.adapters.postgres.lease import UNFINISHED
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.commands.crew import Crew, crew
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.bulk import KEYS, Bulk, Made, Span, fill
from ledgerstone.projections.rebuild import (
    Built,
    Chained,
    Told,
    ViewsDiffer,
    begin_tables,
    complete,
    span,
    take_place,
    whole_chains,
)
from ledgerstone.projections.shares import Piece, divided, weight
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS

NEW = "_new_0"
UNAIDED = "set max_parallel_workers_per_gather = 0; set max_parallel_maintenance_workers = 0"
"""There is a process for each processor: PostgreSQL's own workers would only take their time from them."""
GLANCE = 0.5
"""Seconds between two looks at how far the workers are."""
NAMED = {view.name: view for view in VIEWS}


def processors() -> int:
    """How many processors this process may use."""
    may = getattr(os, "sched_getaffinity", None)
    return len(may(0)) if may else os.cpu_count() or 1


class Order(Struct, frozen=True):
    """How a rebuild is to be done: by how many processes (0: as many as there are processors), with how many
    keys in memory, to be swapped or not, in spite of differences or not; what the names of its tables end
    with, and by how much the processes are to give way to others (as `nice` has it)."""

    workers: int = 0
    keys: int = KEYS
    swap: bool = True
    suffix: str = NEW
    replace: bool = False
    nice: int = 0

    @property
    def processes(self) -> int:
        return self.workers or processors()


class Tools(Struct):
    """What a process has open, and where it tells how far it is: rows that were read, and that will be."""

    journal: Journal
    store: PostgresViews
    aside: ThreadPoolExecutor
    counted: Any
    number: int
    spent: list[Bulk]

    def told(self, rows: int, more: int = 0) -> None:
        """So many rows were read, and so many will be that nobody knew of."""
        self.counted[2 * self.number] += rows
        self.counted[2 * self.number + 1] += more


def nobody(built: Built) -> None:
    """Nobody is told."""


def rebuilt(
    dsn: str,
    groups: Sequence[Chained],
    told: Told,
    order: Order | None = None,
    built: Callable[[Built], None] = nobody,
) -> list[Built]:
    """Rebuild chains of views in several processes. Those of which rows of the same version came out
    otherwise are not swapped, and raise one ViewsDiffer when all the others are. Raises WorkerGone."""
    order = order or Order()
    store = PostgresViews(dsn, order.suffix)
    try:
        return _rebuilt(dsn, groups, told, order, built, store)
    except BaseException:
        store.drop([table(view) for group in groups for view in group])  # what was not swapped
        raise
    finally:
        store.close()


def _rebuilt(
    dsn: str,
    groups: Sequence[Chained],
    told: Told,
    order: Order,
    built: Callable[[Built], None],
    store: PostgresViews,
) -> list[Built]:
    journal = Journal(environment(dsn))
    end = journal.head()
    journal.close()
    portions = divided(groups, order.processes)
    counted = get_context("spawn").Array("q", 2 * len(portions), lock=False)
    with crew(len(portions), _begin, dsn, order, counted) as processes:
        begin_tables(groups, store)  # while they start
        work = _Rebuilding(processes, groups, portions, order)
        work.begin(span(end, max(1, order.keys // len(portions))))
        for answer in processes.answers(GLANCE):
            work.take(answer)
            if isinstance(answer, Built):
                built(answer)
            told(*_progress(counted, end))
    return work.result()


def _progress(counted: Sequence[int], end: int) -> tuple[int, int]:
    """How many rows of the log are as good as done, of how many."""
    done, total = sum(counted[::2]), sum(counted[1::2])
    return (min(end, end * done // total) if total else 0), end


class _Rebuilding:
    """What is done of a rebuild, and what is to be done next."""

    def __init__(
        self, processes: Crew, groups: Sequence[Chained], portions: Sequence[Sequence[Piece]], order: Order
    ) -> None:
        self._crew, self._order, self._portions = processes, order, portions
        self._chains = [tuple(view.name for view in group) for group in groups]
        self._weights = dict(zip(self._chains, map(weight, groups), strict=True))
        self._open = {names: sum(_of(names, portion) for portion in portions) for names in self._chains}
        self._made: dict[tuple[str, ...], list[Made]] = {names: [] for names in self._chains}
        self._built: dict[tuple[str, ...], Built] = {}
        self._differences: list[str] = []

    def begin(self, limits: Span) -> None:
        """Have everything folded."""
        for portion in self._portions:
            self._crew.give(_fold, portion, limits)

    def take(self, answer: list[Made] | Built | ViewsDiffer | None) -> None:
        """Something is done."""
        if isinstance(answer, Built):
            self._built[answer.views] = answer
        elif isinstance(answer, ViewsDiffer):
            self._differences += answer.differences
        elif answer is not None:
            self._folded(answer)

    def result(self) -> list[Built]:
        """What was rebuilt, in order. Raises ViewsDiffer."""
        if self._differences:
            raise ViewsDiffer(self._differences)
        return [self._built[names] for names in self._chains]

    def _folded(self, made: list[Made]) -> None:
        """A process has folded its portion: chains of which that was the last are completed."""
        touched = dict.fromkeys(part.views for part in made)
        for part in made:
            self._made[part.views].append(part)
        for names in touched:
            self._open[names] -= 1
            if not self._open[names]:
                work = (_finish, names, self._made.pop(names), self._order)
                self._crew.give(*work, weight=self._weights[names])


def _of(names: tuple[str, ...], portion: Sequence[Piece]) -> bool:
    return any(piece.views == names for piece in portion)


def _begin(number: int, dsn: str, order: Order, counted: Any) -> Tools:
    """In a process: open what it needs."""
    os.nice(order.nice)
    store = PostgresViews(dsn, order.suffix, finishing)
    return Tools(Journal(environment(dsn)), store, ThreadPoolExecutor(1), counted, number, [])


def finishing(dsn: str) -> psycopg.Connection[Any]:
    """A connection of a process that may be frozen in the midst of a swap: what it holds still is let go."""
    connection = connect(dsn)
    connection.execute(UNFINISHED)
    connection.execute(UNAIDED)
    return connection


def _fold(tools: Tools, portion: Sequence[Piece], limits: Span) -> list[Made]:
    """In a process: fold a portion of the work."""
    return fill(portion, NAMED, tools.journal, tools.store, limits, tools.told, tools.aside, tools.spent)


def _finish(tools: Tools, names: Sequence[str], made: Sequence[Made], order: Order) -> Built | ViewsDiffer:
    """In a process: complete the tables of a chain, compare and swap."""
    (group,) = whole_chains(VIEWS, names)
    if any(part.failure for part in made):  # an engine folds it anew, and holds as much as was kept
        tools.spent.clear()
    complete(group, made, tools.store)
    try:
        keys = order.keys // order.processes
        return take_place(group, tools.journal, tools.store, order.swap, keys, order.replace)
    except ViewsDiffer as differ:
        return differ


def plain(built: Built) -> Mapping[str, Any]:
    """What was built, as plain values for a report."""
    return {
        "views": list(built.views),
        "position": built.position,
        "revised": list(built.revised),
        "replaced": list(built.replaced),
    }
