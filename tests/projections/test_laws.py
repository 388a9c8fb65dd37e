"""The laws of views: order, repetition and windows never matter; live is rebuilt is replayed."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections import bulk
from ledgerstone.projections import rebuild as rebuilding
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.rebuild import rebuild
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import in_memory, sums, versions
from tests.worlds import log_of, messages, shown, shuffled

seeds = st.integers(1, 400)
orders = st.integers(0, 2**32)


@given(seeds, orders)
@settings(max_examples=25, deadline=None)
def test_the_order_of_messages_and_their_repetition_never_matter(seed: int, order: int) -> None:
    told = messages(seed, customers=4, months=4)

    assert shown(log_of(shuffled(told, order))) == shown(log_of(told))


@given(
    seeds,
    orders,
    st.sampled_from([1, 3, 17, 250]),
    st.sampled_from([5, 90, 50_000]),
    st.sampled_from([7, 40, 10**6]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_live_is_rebuilt_is_replayed_whatever_the_windows(
    database: Database, seed: int, order: int, window: int, rebuilt: int, keys: int
) -> None:
    told = shuffled(messages(seed, customers=3, months=3), order)
    with afresh(database), world(database) as (journal, store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuilding, "WINDOW", rebuilt)
        patch.setattr(bulk, "KEYS", keys)
        engine = Engine(VIEWS, journal, store)
        for message in told:
            journal.submit(message)
            if window == 1:
                engine.step(1)
        journal.append(told[0])
        engine.catch_up(window)
        live = {view.name: (versions(database.app_dsn, view), sums(database.app_dsn, view)) for view in VIEWS}
        beside = PostgresViews(database.app_dsn, "_new")
        rebuild(chains(VIEWS), journal, beside)
        beside.close()

        rows = [(entry.position, entry.row) for entry in journal.read(0, 10**6) if entry.row is not None]
        for group in chains(VIEWS):
            meaning = fold(group, rows)
            for view in group:
                assert live[view.name][0] == in_memory(list(meaning[view.name]))
                assert live[view.name] == (versions(database.app_dsn, view), sums(database.app_dsn, view))


@contextmanager
def world(database: Database) -> Iterator[tuple[Journal, PostgresViews]]:
    """A journal and a store."""
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    yield journal, store
    store.close()
    journal.close()


@contextmanager
def afresh(database: Database) -> Iterator[None]:
    """The same database for the next example: no views, no log. Only the server's owner could do that."""
    try:
        yield
    finally:  # after one that failed too, or all that follow would fail, and nobody would see why
        _emptied(database)


def _emptied(database: Database) -> None:
    superuser = psycopg.conninfo.make_conninfo(database.owner_dsn, user="postgres")
    with psycopg.connect(superuser) as connection:
        connection.execute(
            "do $$ declare each text; begin for each in select tablename from pg_tables"
            " where schemaname = 'views' and tablename not in ('rebuilds', 'retired', 'verifications')"
            " loop execute format('drop table views.%I', each); end loop; end $$"
        )
        connection.execute("truncate views.retired, views.rebuilds")
        connection.execute("alter table stored_events disable trigger all; truncate stored_events")
        connection.execute("alter table stored_events enable always trigger stored_events_append_only")
