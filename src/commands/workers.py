"""How do several processes share the work on views? Each takes some chains, reads what they hear, and writes
their tables; chains have nothing to do with each other, so nothing passes between the processes."""

import gc
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import closing
from multiprocessing import get_context

from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.rebuild import Built, Chained, Told, rebuild, shares, whole_chains
from ledgerstone.projections.views import VIEWS

NEW = "_new"
GLANCE = 0.5
"""Seconds between two looks at how far the workers are."""


def rebuilt(dsn: str, groups: Sequence[Chained], told: Told, workers: int = 0) -> list[Built]:
    """Rebuild chains of views with as many processes as there are processors, or `workers`."""
    portions = shares(groups, workers or os.cpu_count() or 1)
    names = [[view.name for group in share for view in group] for share in portions]
    with ProcessPoolExecutor(len(names), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_rebuild, dsn, share) for share in names]
        while wait(futures, GLANCE).not_done:
            told(*_progress(dsn))
        return [built for future in futures for built in future.result()]


def _rebuild(dsn: str, names: Sequence[str]) -> list[Built]:
    """One worker's share. It soon ends, and its values have no circles: nothing to collect."""
    gc.disable()
    journal, store = Journal(environment(dsn)), PostgresViews(dsn, NEW)
    try:
        with ThreadPoolExecutor(1) as aside:
            return rebuild(whole_chains(VIEWS, names), journal, store, aside=aside)
    finally:
        store.close()
        journal.close()


def _progress(dsn: str) -> tuple[int, int]:
    """How many rows of how many all workers have done."""
    with closing(connect(dsn)) as connection:  # which also makes what the workers have not made yet
        found = connection.execute(
            "select coalesce(min(greatest(position, reached)) filter (where right(name, 4) = %s), 0),"
            " (select coalesce(max(notification_id), 0) from stored_events) from views.tracking",
            (NEW,),
        ).fetchone()
    done, total = found or (0, 0)
    return done, total
