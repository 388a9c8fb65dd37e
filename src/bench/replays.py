"""How long does an auditor wait for one key as it was known at a past position, folded from the log alone?"""

from collections.abc import Iterator, Sequence
from random import Random
from statistics import median, quantiles
from time import perf_counter

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bench.measure import Result
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.rebuild import Chained
from ledgerstone.projections.replay import of_key
from ledgerstone.projections.view import AnyView, Key, chains, table
from ledgerstone.projections.views import VIEWS

LIMIT = 20_000
"""Microseconds that the slowest of a hundred may take."""
KEYS = 300
"""Of each view."""
WARM = 20
"""Of these, whose time is not taken: statements are prepared meanwhile."""


def of_one(database: Database, journal: Journal) -> Result:
    """Random keys, as many of each view, each at a random position, in one process: p99 beside its limit."""
    random, head, store = Random(1), journal.head(), PostgresViews(database.app_dsn)
    taken = {
        view.name: list(times(views, view, keys(database, view), head, store, random))
        for views in chains(VIEWS)
        for view in views
    }
    store.close()
    every = [time for some in taken.values() for time in some]
    slowest = max((_p99(some), name) for name, some in taken.items() if some)
    note = (
        f"of {head:,} rows, {len(every):,} keys, p50 {median(every):,.0f}; "
        f"of {slowest[1]}, the slowest, p99 {slowest[0]:,.0f}"
    )
    what, p99 = "replay of one key at a past position, p99, and its limit", _p99(every)
    return Result(what, p99, LIMIT, LIMIT / p99, 1, "µs", note)


def times(
    views: Chained, view: AnyView, some: Sequence[Key], head: int, store: PostgresViews, random: Random
) -> Iterator[float]:
    """Microseconds that the replay of each of some keys takes, at a random position each."""
    for number, key in enumerate(some):
        position = random.randint(1, head)
        begun = perf_counter()
        of_key(views, view, key, position, store)
        if number >= WARM:
            yield (perf_counter() - begun) * 1e6


def keys(database: Database, view: AnyView) -> list[Key]:
    """Some keys of a view, by chance but the same each time."""
    query = "select distinct book, key, md5(key) from {} order by 3 limit %s"
    name = sql.Identifier("views", f"{table(view).name}_heard")
    with psycopg.connect(database.app_dsn) as connection:
        rows = connection.execute(sql.SQL(query).format(name), [KEYS + WARM]).fetchall()
    return [(book, key) for book, key, _ in rows]


def _p99(times: Sequence[float]) -> float:
    return quantiles(times, n=100)[-1] if len(times) > 1 else 0.0
