"""Live, in windows of any size, is the same as the fold in memory: every row, every position."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections import bulk, chain, rebuild
from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.live import Stopped, follow
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import in_memory, versions
from tests.worlds import log_of, messages, shuffled


@pytest.mark.parametrize(("seed", "window"), [(1, 7), (2, 100), (3, 10_000)])
@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("cached", [0, 10**6])
def test_the_tables_are_the_fold_of_the_log(
    database: Database,
    journal: Journal,
    store: PostgresViews,
    seed: int,
    window: int,
    threads: int,
    cached: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is read in one go, read ahead, and kept in memory."""
    monkeypatch.setattr(chain, "CACHED", cached)
    told = shuffled(messages(seed), seed)
    for message in told:
        journal.submit(message)

    with ThreadPoolExecutor(1) as pool:
        engine = Engine(VIEWS, journal, store, pool if threads else None)
        while journal.head() < len(log_of(told)):
            engine.step(window)
        engine.catch_up(window)

    for group in chains(VIEWS):
        meaning = fold(group, log_of(told))
        for view in group:
            assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))


def test_views_are_announced_once_a_step_and_when_there_is_something(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    """However many chains have moved, and apart from what moves them, which would wait for the log's disk."""
    journal.append_many(messages(1))
    engine = Engine(VIEWS, journal, store)
    with psycopg.connect(database.app_dsn, autocommit=True) as listening:
        listening.execute("listen views")
        moved = sum(engine.step(300) > 0 for _ in range(20))
        with psycopg.connect(database.app_dsn, autocommit=True) as other:
            other.execute("notify views, 'all'")  # who tells later is heard later

        heard = [notice.payload for notice in listening.notifies(timeout=60, stop_after=moved + 1)]

    assert 1 < moved < 20
    assert heard == [*[""] * moved, "all"]


def test_a_second_engine_can_only_stop(database: Database, journal: Journal, store: PostgresViews) -> None:
    for message in messages(1):
        journal.append(message)
    other = PostgresViews(database.app_dsn)
    first, second = Engine(VIEWS, journal, store), Engine(VIEWS, journal, other)
    first.step(50)

    with pytest.raises(Overtaken):
        second.step(50)

    other.close()


@pytest.mark.parametrize("keys", [20, 10**6])
def test_views_of_a_long_log_are_begun_in_bulk(
    database: Database,
    journal: Journal,
    store: PostgresViews,
    keys: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebuild, "LONG", 100)
    monkeypatch.setattr(bulk, "KEYS", keys)
    told = shuffled(messages(3), 3)
    journal.append_many(told)
    beside = PostgresViews(database.app_dsn, "_begin")
    engine = Engine(VIEWS, journal, store)

    rebuild.begin(engine, journal, beside, None)

    assert {chain.position for chain in engine.chains} == {journal.head()}
    assert rebuild.fresh(engine, journal) == []
    for group in chains(VIEWS):
        meaning = fold(group, log_of(told))
        for view in group:
            assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))
    beside.close()


def test_a_beginning_that_is_told_to_end_shows_nothing_and_can_be_begun_again(
    database: Database, journal: Journal, store: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LONG", 100)
    monkeypatch.setattr(rebuild, "WINDOW", 50)
    journal.append_many(messages(3))
    beside = PostgresViews(database.app_dsn, "_begin")
    engine, stopping = Engine(VIEWS, journal, store), Event()

    def begin() -> None:
        rebuild.begin(engine, journal, beside, None, told)

    def told(done: int, total: int) -> None:
        if done > 100:
            stopping.set()
            raise Stopped

    follow(engine, begin, lambda: None, stopping, lambda failure: pytest.fail(str(failure)))

    assert stopping.is_set()
    assert not any(versions(database.app_dsn, view) for view in VIEWS)
    rebuild.begin(engine, journal, beside, None)
    assert {chain.position for chain in engine.chains} == {journal.head()}
    beside.close()


def test_what_could_not_be_written_is_begun_again(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    told = messages(1)
    journal.append_many(told)
    engine = Engine(VIEWS, journal, store)
    engine.step(50)
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("alter table views.customers_v2 rename to mislaid")
    with pytest.raises(psycopg.errors.UndefinedTable):
        engine.catch_up(50)
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("alter table views.mislaid rename to customers_v2")

    engine.restart()
    engine.catch_up(50)

    meaning = fold([view for view in VIEWS if view.name == "customers"], log_of(told))
    (view,) = (view for view in VIEWS if view.name == "customers")
    assert versions(database.app_dsn, view) == in_memory(list(meaning["customers"]))


def test_tables_of_an_older_layout_are_thrown_away_and_made_anew(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    journal.append_many(messages(1))
    Engine(VIEWS, journal, store).catch_up()
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("comment on table views.tracking is 'layout 1'")
        connection.execute("alter table views.customers_v2 drop column place")
        connection.execute("create table views.notes (line text)")
    newer = PostgresViews(database.app_dsn)

    engine = Engine(VIEWS, journal, newer)

    assert {chain.position for chain in engine.chains} == {0}
    engine.catch_up()
    newer.close()
    with psycopg.connect(database.app_dsn) as connection:
        assert connection.execute("select to_regclass('views.notes')").fetchone() == ("views.notes",)
