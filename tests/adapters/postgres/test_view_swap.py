"""What is beside the tables that are read goes when nobody needs it any more, and not before."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from threading import Event, Thread

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.adapters.postgres.view_swap import (
    BEGINNING,
    BESIDE,
    REBUILDING,
    REPLAYING,
    VERIFYING,
    swap,
    sweep,
)
from ledgerstone.adapters.postgres.view_tables import SAMPLED
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.rebuild import begin_tables, build, rebuild, take_place, whole_chains
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS
from tests.corrected import with_corrections
from tests.projections.tables import everything
from tests.waiting import until
from tests.worlds import messages

CHAIN = whole_chains(VIEWS, ["mrr"])[0]
STATISTICS = (
    "select relname, array_agg(distinct attstattarget) from pg_class t"
    " join pg_attribute a on a.attrelid = t.oid and attnum > 0"
    " where relnamespace = 'views'::regnamespace and relkind = 'r' and relname ~ '_v[0-9]+(_|$)' group by 1"
)
KNOWN = "select tablename from pg_stats where schemaname = 'views'"
OPTIONS = "select relname, reloptions from pg_class where relnamespace = 'views'::regnamespace"
WAITING_FOR_TABLE = "select count(*) from pg_locks where locktype = 'relation' and not granted"
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
BY = {REBUILDING: "_new_12", VERIFYING: "_verify", REPLAYING: "_replay"}


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    """A log, and tables of it that are read."""
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    journal.append_many(messages(3)[:40])
    Engine(CHAIN, journal, store).catch_up()
    yield journal
    store.close()
    journal.close()


def _begun(database: Database, journal: Journal, suffix: str) -> None:
    """Build tables and leave them, as who is killed does."""
    beside = PostgresViews(database.app_dsn, suffix)
    build([CHAIN], journal, beside)
    beside.close()


@pytest.mark.parametrize("work", BESIDE)
def test_what_killed_work_left_goes_while_none_runs(
    database: Database, journal: Journal, connection: psycopg.Connection, work: str
) -> None:
    read = [everything(database.app_dsn, view) for view in CHAIN]
    _begun(database, journal, BY[work])
    others = next(suffix for each, suffix in BY.items() if each != work)
    _begun(database, journal, others)
    with alone(database.app_dsn, next(each for each, suffix in BY.items() if suffix == others)):
        with alone(database.app_dsn, work):
            assert sweep(connection, []) == []
            assert _tables(connection, BY[work])
        assert sorted(sweep(connection, [])) == [f"mrr_v3{BY[work]}", *_also(work)]

    assert _tables(connection, BY[work]) == []
    assert _tables(connection, others)
    assert [everything(database.app_dsn, view) for view in CHAIN] == read


def test_what_a_service_began_goes_when_none_of_its_version_lives(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    _begun(database, journal, BEGINNING)
    with closing(Lease(database.app_dsn, "this", serves=["mrr_v3"])) as lease:
        until(lambda: lease.held)
        assert sweep(connection, []) == ["schedules_v1_begin", "terms_v2_begin"]
        assert _tables(connection, BEGINNING)

    assert sweep(connection, []) == ["mrr_v3_begin"]
    assert _tables(connection, BEGINNING) == []


def test_a_version_that_older_code_still_moves_stays_though_nobody_says_that_he_serves_it(
    connection: psycopg.Connection, journal: Journal
) -> None:
    connection.execute("create table views.customers_v1 ()")
    connection.execute("insert into views.tracking (name, position) values ('customers_v1', 0)")
    connection.execute(
        "insert into views.retired (name, at) values ('customers_v1', clock_timestamp() - interval '2 days')"
    )
    assert sweep(connection, []) == []
    assert _tables(connection, "_v1")

    for each in ("tracking", "retired"):
        connection.execute(f"update views.{each} set at = at - interval '25 hours'".encode())
    assert sweep(connection, []) == ["customers_v1"]


def test_a_vacuum_is_waited_for_while_readers_and_the_engine_go_on(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    """As an automatic one holds its lock, which it gives up when it is waited for."""
    _begun(database, journal, BY[REBUILDING])
    beside = PostgresViews(database.app_dsn, BY[REBUILDING])
    swapping = Thread(target=take_place, args=(CHAIN, journal, beside))
    with psycopg.connect(database.app_dsn) as vacuum:
        vacuum.execute("lock table views.mrr_v3 in share update exclusive mode")
        swapping.start()
        until(lambda: connection.execute(WAITING_FOR_TABLE).fetchone() == (1,))
        connection.execute("set lock_timeout = '20ms'")
        assert connection.execute("select count(*) from views.mrr_v3").fetchone()
        connection.execute("update views.tracking set at = at where name = 'mrr_v3'")
        vacuum.rollback()
    swapping.join()
    beside.close()

    assert _tables(connection, "_old_1")


def test_tables_are_not_vacuumed_while_they_are_filled(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    beside = PostgresViews(database.app_dsn, BY[REBUILDING])
    begin_tables([CHAIN], beside)
    beside.close()
    assert set(_untended(connection)) == set(_tables(connection, BY[REBUILDING]))

    _begun(database, journal, BY[REBUILDING])

    assert _untended(connection) == []


def test_few_statistics_are_kept_of_tables_that_are_read_and_of_those_beside(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    _begun(database, journal, BY[REBUILDING])

    targets: dict[str, list[int]] = dict(connection.execute(STATISTICS).fetchall())

    assert {*_tables(connection, BY[REBUILDING]), "mrr_v3", "mrr_v3_state"} <= set(targets)
    assert set(map(tuple, targets.values())) == {(SAMPLED,)}


@pytest.mark.parametrize("corrections", [0, 1])
def test_tables_that_are_swapped_in_have_statistics(
    database: Database, journal: Journal, connection: psycopg.Connection, corrections: int
) -> None:
    """Also where a correction has rows folded in windows, after the tables were made in bulk."""
    rows = [entry.row for entry in journal.read(0, 100) if entry.row is not None]
    corrected, _ = with_corrections(rows, 3, corrections)
    journal.append_new([row for row in corrected if isinstance(row.body, Superseded)])
    beside = PostgresViews(database.app_dsn, BY[REBUILDING])
    rebuild([CHAIN], journal, beside)
    beside.close()

    found = connection.execute(KNOWN).fetchall()

    assert {("terms_v2",), ("terms_v2_state",), ("terms_v2_heard",)} <= set(found)


def test_tables_that_were_just_made_are_vacuumed_when_they_have_doubled(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    _begun(database, journal, BY[REBUILDING])

    (rows,) = connection.execute("select count(*) from views.terms_v2_new_12").fetchone() or (0,)
    options: dict[str, list[str] | None] = dict(connection.execute(OPTIONS).fetchall())

    kept = [
        "autovacuum_vacuum_insert_scale_factor=0",
        f"autovacuum_vacuum_insert_threshold={2 * rows + 1000}",
    ]
    assert rows
    assert options["terms_v2_new_12"] == kept
    assert options["terms_v2"] is None


def test_what_is_waited_for_behind_the_locks_of_a_swap_has_its_time(
    database: Database, journal: Journal, connection: psycopg.Connection
) -> None:
    """The engine's own window, say, which holds what the swap needs next."""
    _begun(database, journal, BY[REBUILDING])
    usual, seen = connection.execute("show lock_timeout").fetchone(), list[object]()

    def ready(positions: Mapping[str, int]) -> None:
        seen.append(connection.execute("show lock_timeout").fetchone())

    with connection.transaction():
        swap(connection, [table(view) for view in CHAIN], (BY[REBUILDING], ""), ready)
        seen.append(connection.execute("show lock_timeout").fetchone())

    assert seen == [usual, usual]


def _untended(connection: psycopg.Connection) -> list[str]:
    """The tables that no automatic vacuum looks at."""
    query = (
        "select distinct t.relname from pg_class t join pg_class c on c.oid in (t.oid, t.reltoastrelid)"
        " where t.relnamespace = 'views'::regnamespace and 'autovacuum_enabled=off' = any(c.reloptions)"
    )
    return [name for (name,) in connection.execute(query.encode())]


def _also(work: str) -> list[str]:
    return [f"schedules_v1{BY[work]}", f"terms_v2{BY[work]}"]


def test_the_lock_of_a_rebuild_is_the_one_that_is_looked_for() -> None:
    assert rebuilds.LOCK == REBUILDING


def test_who_begins_while_tables_are_swept_waits_and_is_not_refused(
    database: Database, connection: psycopg.Connection
) -> None:
    begun = Event()

    def begin() -> None:
        with alone(database.app_dsn, VERIFYING):
            begun.set()

    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [VERIFYING])
        thread = Thread(target=begin)
        thread.start()
        until(lambda: connection.execute(WAITING).fetchone() != (0,))
        assert not begun.is_set()

    thread.join()
    assert begun.is_set()


def test_who_begins_what_runs_is_refused(database: Database) -> None:
    with (
        alone(database.app_dsn, VERIFYING),
        pytest.raises(AlreadyRunning, match="another verification is running"),
        alone(database.app_dsn, VERIFYING),
    ):
        pass


def _tables(connection: psycopg.Connection, suffix: str) -> list[str]:
    query = (
        "select tablename from pg_tables where schemaname = 'views' and tablename like %s"
        " union all select name from views.tracking where name like %s"
    )
    like = "%" + suffix.replace("_", "\\_")
    return [name for (name,) in connection.execute(query, [like, like])]
