"""A service that finds a long log and no views begins them by several processes, and by itself where it
cannot."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import active_children

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.postgres.rebuild_reports import RebuildReport
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.adapters.postgres.view_swap import BEGINNING
from ledgerstone.bootstrap import Beginning, following, views_of
from ledgerstone.commands.beginning import beginning
from ledgerstone.commands.workers import finishing
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections import rebuild
from ledgerstone.projections.folder import fold
from ledgerstone.projections.live import Stopped
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.rebuild import Chained, Told, unheard
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import in_memory, versions
from tests.waiting import until
from tests.worlds import log_of, messages, shuffled

LOG = shuffled(messages(3), 3)


@pytest.fixture
def journal(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setattr(rebuild, "LONG", 100)
    journal = Journal(environment(database.app_dsn))
    journal.append_many(LOG)
    yield journal
    journal.close()


def test_views_are_begun_by_processes_and_followed_from_there(database: Database, journal: Journal) -> None:
    begun: list[bool] = []
    begin = beginning(database.app_dsn, processes=2)

    def noted(groups: Sequence[Chained], told: Told) -> bool:
        begun.append(begin(groups, told))
        return begun[-1]

    _followed(database, journal, noted, lambda: begun)

    assert begun == [True]
    assert _left(database) == []
    assert _put_aside(database) == sorted(f"{table(view).name}_old_1" for view in VIEWS)
    for group in chains(VIEWS):
        meaning = fold(group, log_of(LOG))
        for view in group:
            assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))


def test_who_cannot_begin_by_others_begins_alone(
    database: Database, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    with alone(database.app_dsn, rebuilds.LOCK), pytest.MonkeyPatch.context() as impatient:
        impatient.setattr("ledgerstone.adapters.postgres.lock.PATIENCE", 50)
        _followed(database, journal, beginning(database.app_dsn, processes=2))

    assert "begun by one process: another rebuild is running" in caplog.text
    assert not beginning(database.app_dsn, processes=1)([], unheard)


def test_a_killed_process_is_noticed_and_leaves_nothing(
    database: Database, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    def kill(done: int, total: int) -> None:
        for child in active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    assert not beginning(database.app_dsn, processes=2)(chains(VIEWS), kill)
    assert "was ended from outside" in caplog.text
    assert _left(database) == []


def test_a_service_that_is_told_to_end_ends_its_processes(database: Database, journal: Journal) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        beginning(database.app_dsn, processes=2)(chains(VIEWS), stop)

    assert not active_children()
    assert _left(database) == []


def test_a_database_without_room_for_others_leaves_it_to_one() -> None:
    assert not beginning("host=127.0.0.1 port=1 dbname=nowhere", processes=2)(chains(VIEWS), unheard)


def test_it_is_reported_as_a_rebuild_is_and_ends_what_was_left_of_one(
    database: Database, journal: Journal
) -> None:
    killed = RebuildReport(database.app_dsn, ["mrr"], 2, True)
    killed.moved("folding", 40, 100, 10.0)
    with killed, psycopg.connect(database.app_dsn, autocommit=True) as connection:
        states = "select state from views.rebuilds order by id"

        assert beginning(database.app_dsn, processes=2)(chains(VIEWS), unheard)

        assert connection.execute(states).fetchall() == [("failed",), ("swapped",)]


def test_what_a_service_began_alone_goes_though_others_begin(database: Database, journal: Journal) -> None:
    beside = PostgresViews(database.app_dsn, BEGINNING)
    rebuild.begin_tables(chains(VIEWS), beside)
    beside.close()
    assert _left(database)

    _followed(database, journal, beginning(database.app_dsn, processes=2))

    assert _left(database) == []


def test_what_a_frozen_process_holds_is_let_go(database: Database) -> None:
    with finishing(database.app_dsn) as connection:
        assert connection.execute("show idle_in_transaction_session_timeout").fetchone() == ("1min",)


def _followed(
    database: Database, journal: Journal, begun_by: Beginning, also: Callable[[], object] = lambda: True
) -> None:
    """Run an engine until all views are at the head, which they are before who begins them is through."""
    troubles: list[Exception] = []
    with (
        views_of(database) as store,
        following(database, journal, troubles.append, begun_by),
    ):
        head, groups = journal.head(), [[*map(table, group)] for group in chains(VIEWS)]
        until(lambda: all(store.position(group) == head for group in groups) and also())
    assert not troubles


def _put_aside(database: Database) -> list[str]:
    """The empty tables in whose place others came."""
    with psycopg.connect(database.app_dsn) as connection:
        query = 'select name from views.retired order by name collate "C"'
        return [name for (name,) in connection.execute(query).fetchall()]


def _left(database: Database) -> list[str]:
    """The tables of what was begun by processes and not swapped."""
    with psycopg.connect(database.app_dsn) as connection:
        query = "select tablename from pg_tables where schemaname = 'views' and tablename ~ %s"
        return [name for (name,) in connection.execute(query, ["_(new_[0-9]+|begin)$"]).fetchall()]
