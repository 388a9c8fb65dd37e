"""How do several processes share the work on views? Each takes some chains, reads what they hear, and writes
their tables; chains have nothing to do with each other, so nothing passes between the processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

import psycopg

from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import tune_interpreter
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import Built, Chained, Told, rebuild, shares, whole_chains
from ledgerstone.projections.views import VIEWS

T = TypeVar("T")
NEW = "_new"
GLANCE = 0.5
"""Seconds between two looks at how far the workers are."""


def rebuilt(dsn: str, groups: Sequence[Chained], told: Told, workers: int = 0) -> list[Built]:
    """Rebuild chains of views with as many processes as there are processors, or `workers`."""
    found = _shared(_rebuild, dsn, groups, workers, lambda: told(*_progress(dsn, NEW)))
    return [built for share in found for built in share]


def caught_up(dsn: str, groups: Sequence[Chained], suffix: str = "", workers: int = 0) -> None:
    """Let several processes bring views to the head of the log, when they are far behind."""
    _shared(_catch_up, dsn, groups, workers, lambda: None, suffix)


def _shared(
    work: Callable[..., T],
    dsn: str,
    groups: Sequence[Chained],
    workers: int,
    glance: Callable[[], None],
    *more: str,
) -> list[T]:
    portions = shares(groups, workers or os.cpu_count() or 1)
    names = [[view.name for group in share for view in group] for share in portions]
    with ProcessPoolExecutor(len(names), mp_context=get_context("spawn")) as pool:
        futures: list[Future[T]] = [pool.submit(work, dsn, share, *more) for share in names]
        while wait(futures, GLANCE).not_done:
            glance()
        return [future.result() for future in futures]


def _rebuild(dsn: str, names: Sequence[str]) -> list[Built]:
    with _opened(dsn, NEW) as (journal, store):
        return rebuild(whole_chains(VIEWS, names), journal, store)


def _catch_up(dsn: str, names: Sequence[str], suffix: str) -> None:
    views = [view for group in whole_chains(VIEWS, names) for view in group]
    with _opened(dsn, suffix) as (journal, store):
        Engine(views, journal, store).catch_up()


@contextmanager
def _opened(dsn: str, suffix: str) -> Iterator[tuple[Journal, PostgresViews]]:
    tune_interpreter()
    journal, store = Journal(environment(dsn)), PostgresViews(dsn, suffix)
    try:
        yield journal, store
    finally:
        store.close()
        journal.close()


def _progress(dsn: str, suffix: str) -> tuple[int, int]:
    """How many rows of how many all workers have done."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "select coalesce(min(position) filter (where name like %s), 0),"
            " (select coalesce(max(notification_id), 0) from stored_events) from views.tracking",
            (f"%{suffix.replace('_', chr(92) + '_')}",),
        ).fetchone()
    done, total = found or (0, 0)
    return done, total
