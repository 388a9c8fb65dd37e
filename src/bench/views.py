"""How fast are all views kept and rebuilt, beside the library's runner with one view of one upsert an event?

Rows of the log count evidence too; the rate per fact is told beside it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bench import peer
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS

PEER_EVENTS = 6_000
SUFFIX = "_bench"


def live(database: Database, journal: Journal, stock: peer.Stock) -> Result:
    """Catching up from nothing in the live engine's windows."""
    what, promised = "live catch-up of all views", 25
    return _result(what, promised, database, journal, stock, lambda: _caught_up(database, journal))


def rebuilt(database: Database, journal: Journal, stock: peer.Stock, rebuild: Callable[[], object]) -> Result:
    """The plain rebuild, from new tables to the swap."""
    return _result("plain rebuild of all views", 40, database, journal, stock, rebuild)


def _result(
    what: str,
    promised: float,
    database: Database,
    journal: Journal,
    stock: peer.Stock,
    work: Callable[[], object],
) -> Result:
    rows, facts = journal.head(), _facts(journal)

    def theirs() -> float:
        peer.forget(database.app_dsn)
        return rate(PEER_EVENTS, lambda: peer.project(database.app_dsn, PEER_EVENTS))

    peer.fill(stock, PEER_EVENTS)
    note = f"of {rows:,} rows, evidence counted; x {facts / rows:.2f} per fact"
    return paired(what, lambda: rate(rows, work), theirs, promised, "log rows/s", note=note)


def _facts(journal: Journal) -> int:
    tags = ["stripe-event-heard"]
    return journal.head() - sum(state is not None for _, _, state in journal.raw(0, 1 << 40, tags))


def _caught_up(database: Database, journal: Journal) -> None:
    with _empty(database) as store, _no_collector():
        Engine(VIEWS, journal, store).catch_up()


@contextmanager
def _empty(database: Database) -> Iterator[PostgresViews]:
    store = PostgresViews(database.app_dsn, SUFFIX)
    tables = [table(view) for group in chains(VIEWS) for view in group]
    store.drop(tables)
    yield store
    store.drop(tables)
    store.close()


@contextmanager
def _no_collector() -> Iterator[None]:
    """As the service runs its engine."""
    gc.disable()
    yield
    gc.enable()
