"""How fast are all views kept and rebuilt, beside the library's runner with one view of one upsert an event?

Rows of the log count evidence too; the rate per fact is told beside it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.adapters.postgres.view_swap import BEGINNING
from ledgerstone.bench import peer
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.bootstrap import without_collection
from ledgerstone.commands import workers
from ledgerstone.commands.beginning import beginning
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import decode
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import WINDOW, begin, build, fresh, unheard, whole_chains
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS

ALONE = "_alone"
PEER_EVENTS = 12_000
"""Some seconds of work for its runner."""


def live(database: Database, journal: Journal, stock: peer.Stock) -> Result:
    """Catching up from nothing as the service does: by a process for each processor, then by its engine."""
    what, promised = "live catch-up of all views", 25
    return _result(what, promised, database, journal, stock, lambda: made(database, journal))


def rebuilt(database: Database, journal: Journal, stock: peer.Stock) -> Result:
    """The plain rebuild, as the command does it where none of these views is there: new tables, and swap."""
    what = "plain rebuild of all views"
    none = partial(_drop_all, database)
    return _result(what, 40, database, journal, stock, partial(_rebuild, database), none)


def compared(database: Database, journal: Journal, stock: peer.Stock) -> Result:
    """The same where they are there: what is rebuilt is compared with what is read before it is swapped."""
    what = "rebuild of all views, compared"
    return _result(what, 40, database, journal, stock, partial(_rebuild, made(database, journal)))


def _rebuild(database: Database) -> None:
    workers.rebuilt(database.app_dsn, chains(VIEWS), lambda done, total: None)


def one(database: Database, journal: Journal, name: str = "mrr") -> Result:
    """One view made anew, in one process, beside reading and decoding the rows that its chain hears."""
    (group,) = whole_chains(VIEWS, [name])
    heard = {tag(fact) for view in group for fact in view.hears}
    rows, store = journal.head(), PostgresViews(database.app_dsn, ALONE)

    def build_it() -> None:
        with ThreadPoolExecutor(1) as aside, without_collection():
            build([group], journal, store, aside=aside)
        store.drop([table(view) for view in group])

    def throw_away() -> None:
        after = 0
        while after < rows:
            found = journal.raw(after, WINDOW, sorted(heard))
            for _, _, state in found:
                if state is not None:
                    decode(state)
            after = found[-1][0]

    try:
        return paired(
            f"rebuild of {name} alone, beside reading what it hears",
            lambda: rate(rows, build_it),
            lambda: rate(rows, throw_away),
            0.25,
            "log rows/s",
        )
    finally:
        store.close()


def _result(
    what: str,
    promised: float,
    database: Database,
    journal: Journal,
    stock: peer.Stock,
    work: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> Result:
    rows, facts = journal.head(), _facts(database)

    def ours() -> float:
        before()
        return rate(rows, work)

    def theirs() -> float:
        peer.forget(database.app_dsn)
        return rate(PEER_EVENTS, lambda: peer.project(database.app_dsn, PEER_EVENTS))

    peer.fill(stock, PEER_EVENTS)
    note = f"of {rows:,} rows, evidence counted; x {facts / rows:.2f} per fact"
    return paired(what, ours, theirs, promised, "log rows/s", note=note)


def _facts(database: Database) -> int:
    with psycopg.connect(database.app_dsn) as connection:
        query = "select count(*) filter (where topic <> 'stripe-event-heard') from stored_events"
        (facts,) = connection.execute(query).fetchone() or (0,)
        return int(facts)


def _drop_all(database: Database) -> None:
    store = PostgresViews(database.app_dsn)
    store.drop([table(view) for view in VIEWS])
    store.close()


def made(database: Database, journal: Journal) -> Database:
    """Make all views, as the service that finds a log and no views."""
    _drop_all(database)
    store, beside = PostgresViews(database.app_dsn), PostgresViews(database.app_dsn, BEGINNING)
    with ThreadPoolExecutor(1) as aside, without_collection():
        engine = Engine(VIEWS, journal, store, aside)
        if (groups := fresh(engine, journal)) and not beginning(database.app_dsn)(groups, unheard):
            begin(engine, journal, beside, aside)
        engine.restart()
        engine.catch_up()
    store.close()
    beside.close()
    return database
