"""How do figures grow with the log? The same measures at each of several lengths of one log that grows."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from io import BufferedReader
from itertools import count
from random import Random
from statistics import median, quantiles
from time import perf_counter

import msgspec
import psycopg
from msgspec import Struct

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bench.append import appended
from ledgerstone.bench.asof import YEAR, ask
from ledgerstone.bench.reads import serving
from ledgerstone.bench.replays import keys, times
from ledgerstone.bench.views import made
from ledgerstone.commands import workers
from ledgerstone.commands.imports import import_lines
from ledgerstone.demo.history import generate
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import whole_chains
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS

CUSTOMERS = 400
"""Of one business: about 100,000 rows in two years. A longer log holds several."""
ASKED, WEBHOOKS = 300, 300
HEAD = "log rows   append/s  lag ms p50/p99  rebuild/s  replay ms p50/p99  as-of ms p50/p99  B/row log  views"

_seeds = count(10_000)


class Measures(Struct, frozen=True):
    """At one length: rates a second, milliseconds as (p50, p99), bytes for a row of the log."""

    rows: int
    append: float
    lag: tuple[float, float]
    rebuild: float
    replay: tuple[float, float]
    asof: tuple[float, float]
    log: float
    views: float

    def __str__(self) -> str:
        lag, replay, asof = (f"{p50:.1f}/{p99:.1f}" for p50, p99 in (self.lag, self.replay, self.asof))
        return (
            f"{self.rows:>10,} {self.append:>9,.0f} {lag:>14} {self.rebuild:>10,.0f} {replay:>18} {asof:>17}"
            f" {self.log:>10,.0f} {self.views:>6,.0f}"
        )


def grown(database: Database, journal: Journal, lengths: Sequence[int], say: Callable[[str], None]) -> None:
    """Say the measures of each length, shortest first."""
    say(HEAD)
    for rows in sorted(lengths):
        _grow(journal, rows)
        say(str(_measured(database, journal)))


def _grow(journal: Journal, rows: int) -> None:
    """Import further businesses until the log is as long."""
    while journal.head() < rows:
        size = [f"--customers={CUSTOMERS}", f"--seed={next(_seeds)}"]
        command = [sys.executable, "-m", "ledgerstone.demo", *size]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as history:
            assert isinstance(history.stdout, BufferedReader)
            import_lines(journal, history.stdout, livemode=True)


def _measured(database: Database, journal: Journal) -> Measures:
    made(database, journal)
    rows = journal.head()
    begun = perf_counter()
    workers.rebuilt(database.app_dsn, chains(VIEWS), lambda done, total: None)
    rebuild = rows / (perf_counter() - begun)
    log, views = _disk(database, rows)
    return Measures(
        rows=rows,
        rebuild=rebuild,
        lag=_cut(list(_lags(database, journal))),
        replay=_cut(list(_replays(database, rows))),
        asof=_cut(list(_asked(database, rows))),
        log=log,
        views=views,
        append=appended(journal),
    )


def _lags(database: Database, journal: Journal) -> Iterator[float]:
    """From a commit of one message until all views have it."""
    store = PostgresViews(database.app_dsn)
    engine = Engine(VIEWS, journal, store)
    events = generate(seed=next(_seeds), customers=CUSTOMERS // 10, months=2).events
    for _, event in zip(range(WEBHOOKS), events, strict=False):
        message = read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True)
        journal.append(message.rows)
        begun = perf_counter()
        engine.catch_up()
        yield 1000 * (perf_counter() - begun)
    store.close()


def _replays(database: Database, rows: int) -> Iterator[float]:
    """Keys of the view with most to fold, as known at random positions."""
    (views,), store = whole_chains(VIEWS, ["mrr"]), PostgresViews(database.app_dsn)
    view = next(view for view in views if view.name == "mrr")
    for microseconds in times(views, view, keys(database, view), rows, store, Random(rows)):
        yield microseconds / 1000
    store.close()


def _asked(database: Database, rows: int) -> Iterator[float]:
    """The MRR table of twelve months, as known at random positions."""
    random = Random(rows)
    with serving("ours", database.app_dsn, b"") as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(ASKED):
            yield ask(connection, f"/sys/billing/mrr?{YEAR}&known_at={random.randint(1, rows - 1)}")
        connection.close()


def _disk(database: Database, rows: int) -> tuple[float, float]:
    """Bytes of the log and of the views with their indexes, for a row of the log."""
    query = """select coalesce(sum(size) filter (where relname = 'stored_events'), 0),
        coalesce(sum(size) filter (where nspname = 'views'), 0)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace, pg_total_relation_size(c.oid) size
        where c.relkind = 'r'"""
    with psycopg.connect(database.app_dsn) as connection:
        log, views = connection.execute(query).fetchone() or (0, 0)
    return float(log) / rows, float(views) / rows


def _cut(milliseconds: Sequence[float]) -> tuple[float, float]:
    return median(milliseconds), quantiles(milliseconds, n=100)[98]
