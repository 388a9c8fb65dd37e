"""How are the views made anew, while the old ones are read?"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg.rows import tuple_row

from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.postgres.rebuild_reports import RebuildReport
from ledgerstone.bootstrap import Settings, migrated, views_of
from ledgerstone.commands.crew import WorkerGone
from ledgerstone.commands.progress import progress
from ledgerstone.commands.workers import Order, plain, rebuilt
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.reads.projections import NAMES
from ledgerstone.projections.rebuild import Built, Chained, Told, ViewsDiffer, whole_chains
from ledgerstone.projections.views import VIEWS

SEEN = 0.5
"""Seconds for which the lock is held behind the end of a report: a snapshot from before that end shows one
that runs, which would be taken for killed if nobody held the lock."""
LATELY = 10.0
"""Seconds over which a rate is worked out."""


class Asked(Struct, frozen=True):
    """What is to be rebuilt (all, if no view is named), by how many processes (0: as many as there are
    processors), whether it is to be swapped, and whether in spite of differences."""

    views: tuple[str, ...] = ()
    workers: int = 0
    swap: bool = True
    replace: bool = False


def rebuild_views(settings: Settings, asked: Asked) -> list[Built]:
    """Rebuild the chains that hold the named views, and swap each for what is read.

    Raises ViewsDiffer, LookupError for unknown names, and AlreadyRunning."""
    groups = whole_chains(VIEWS, asked.views)
    names = ", ".join(view.name for group in groups for view in group)
    keys = settings.ledgerstone_rebuild_keys
    order = Order(asked.workers, keys, asked.swap, replace=asked.replace)
    with (
        migrated(settings) as database,
        alone(database.app_dsn, rebuilds.LOCK),
        views_of(database) as store,
        progress(f"rebuilding {names}", "rows") as shown,
    ):
        store.clear()
        store.sweep(NAMES)
        try:
            return reported(database.app_dsn, groups, order, shown)
        except WorkerGone as gone:
            raise click.ClickException(_gone(gone)) from None


def reported(dsn: str, groups: Sequence[Chained], order: Order, shown: Told) -> list[Built]:
    """Rebuild chains, in tables that have a number of their own, with a report. Whoever calls must be the
    only one who rebuilds. Raises ViewsDiffer and WorkerGone."""
    names = [view.name for group in groups for view in group]
    with RebuildReport(dsn, names, order.processes, order.swap) as report:
        order = replace(order, suffix=f"_new_{report.id}")

        def work() -> list[Built]:
            tell = _telling(report, shown)
            return rebuilt(dsn, groups, tell, order, lambda each: report.built(plain(each)))

        try:
            return _ended(report, order.swap, work)
        finally:
            time.sleep(SEEN)


def told(built: Iterable[Built]) -> Iterator[str]:
    """What was rebuilt, for people."""
    for each in built:
        yield f"{', '.join(each.views)}: rebuilt up to position {each.position:,}"
        yield from map(_revised, each.revised)
        yield from rebuilds.replacement(each.replaced)


def _revised(table: Mapping[str, Any]) -> str:
    if why := table.get("incomparable"):
        return f"  {table['table']} cannot be compared with {table['before']}: {why}"
    return (
        f"  {table['table']}: {table['differing']:,} keys differ from {table['before']};"
        " `ledgerstone rebuild --reports` lists them"
    )


def list_reports(settings: Settings, most: int = rebuilds.KEPT) -> list[str]:
    """What came of the latest rebuilds, for people; the latest first."""
    query = rebuilds.latest(most)
    with (
        migrated(settings) as database,
        psycopg.connect(database.app_dsn, row_factory=tuple_row) as connection,
    ):
        rows = connection.execute(query.text.encode(), query.parameters).fetchall()
    return [line for report in rebuilds.reports(rows) for line in rebuilds.lines(report)]


def _ended(report: RebuildReport, swap: bool, work: Callable[[], list[Built]]) -> list[Built]:
    """Do it, and have what comes of it in the report."""
    try:
        built = work()
    except ViewsDiffer as differ:
        report.ended("refused", str(differ))
        raise
    except WorkerGone as gone:
        report.ended("failed", _gone(gone))
        raise
    except BaseException as error:
        report.ended("failed", str(error) or "it was ended")
        raise
    report.ended("swapped" if swap else "compared")
    return built


def _gone(gone: WorkerGone) -> str:
    return f"{gone}: what was swapped is whole, and the rest is as it was; rebuild again"


def _telling(report: RebuildReport, shown: Told) -> Told:
    """Tells whoever asked, and the report, how far it is."""
    seen = deque[tuple[float, int]]()

    def tell(done: int, total: int) -> None:
        shown(done, total)
        now = time.monotonic()
        seen.append((now, done))
        while now - seen[0][0] > LATELY:
            seen.popleft()
        passed = now - seen[0][0]
        rate = (done - seen[0][1]) / passed if passed else None
        report.moved("folding" if done < total else "comparing", done, total, rate)

    return tell


def named(views: Sequence[str], everything: bool) -> tuple[str, ...]:
    """Which views are meant: those that are named, or all."""
    if views and everything:
        raise click.BadParameter("name views, or say --all", param_hint="--all")
    return tuple(views)
