"""Two engines on one database: one leads and the other waits, takes over when the first is gone, frozen or
cut off, and at no time is a row folded twice or not at all."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.lease import LEADING, Lease
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import following
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.reads.projections import CODE
from ledgerstone.projections.rebuild import compare
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.worlds import messages

HOLDER = (
    "select l.pid, split_part(a.application_name, ' ', 4)::int from pg_locks l"
    " join pg_stat_activity a on a.pid = l.pid where l.locktype = 'advisory' and l.granted"
    " and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)"
    " and l.database = (select oid from pg_database where datname = current_database())"
    " and a.application_name like 'ledgerstone engine %%'"
)
WAITING = "select from pg_stat_activity where wait_event_type = 'Lock' and query like 'update views%'"
Process = subprocess.Popen[bytes]


@contextmanager
def service(database: Database, silence: float = 60.0) -> Iterator[Process]:
    """A process that follows the log."""
    command = [sys.executable, "-m", "tests.faults.service", database.app_dsn, str(silence)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate()


def until(true: Callable[[], object]) -> None:
    """Wait for what must come: a test that waits for ever has failed."""
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def seen(server: EmbeddedServer, database: Database) -> Iterator[psycopg.Connection]:
    """Sees all sessions of the database, and may end them."""
    name = str(psycopg.conninfo.conninfo_to_dict(database.app_dsn)["dbname"])
    with psycopg.connect(server.dsn(name), autocommit=True) as connection:
        yield connection


def leader(seen: psycopg.Connection) -> int | None:
    """The process that leads."""
    found = seen.execute(HOLDER, [f"{LEADING} {CODE}"]).fetchone()
    return int(found[1]) if found else None


def reached(seen: psycopg.Connection, position: int) -> bool:
    """Whether all views are at a position."""
    if seen.execute("select to_regclass('views.tracking')").fetchone() == (None,):
        return False
    found = seen.execute("select position from views.tracking").fetchall()
    return {at for (at,) in found} == {position} and len(found) == len(VIEWS)


def equal(database: Database, journal: Journal) -> bool:
    """Whether every view is its replay."""
    beside = PostgresViews(database.app_dsn, "_check")
    differences = [compare(group, journal, beside, journal.head()) for group in chains(VIEWS)]
    beside.close()
    return not any(differences)


def test_when_the_leader_is_killed_the_other_goes_on(
    database: Database, journal: Journal, seen: psycopg.Connection
) -> None:
    told = messages(1)
    with service(database) as one, service(database) as other:
        until(lambda: leader(seen))
        first, second = (one, other) if leader(seen) == one.pid else (other, one)
        journal.append_many(told[:20])
        until(lambda: reached(seen, journal.head()))
        assert leader(seen) == first.pid

        first.kill()
        journal.append_many(told[20:])

        until(lambda: reached(seen, journal.head()))
        assert leader(seen) == second.pid
    assert equal(database, journal)


def test_a_leader_that_is_frozen_in_the_midst_of_a_window_is_passed(
    database: Database, journal: Journal, seen: psycopg.Connection
) -> None:
    told = messages(1)
    with service(database, silence=2.0) as one:
        until(lambda: reached(seen, 0))
        names = [table(view).name for view in VIEWS]
        with psycopg.connect(database.app_dsn) as holder:  # so that it is sure to wait within its transaction
            holder.execute("select from views.tracking where name = %s for update", [names[-1]])
            journal.append_many(told[:20])
            waiting = (
                "select from pg_stat_activity where wait_event_type = 'Lock' and query like 'update views%'"
            )
            until(lambda: seen.execute(waiting).fetchall())
            one.send_signal(signal.SIGSTOP)
        with service(database, silence=2.0) as other:
            until(lambda: leader(seen) == other.pid and reached(seen, journal.head()))
            journal.append_many(told[20:])
            until(lambda: reached(seen, journal.head()))

            one.send_signal(signal.SIGCONT)

            journal.append_many(messages(2))
            until(lambda: reached(seen, journal.head()))
            assert leader(seen) == other.pid
    assert equal(database, journal)


def test_who_does_not_lead_folds_nothing(
    database: Database, journal: Journal, seen: psycopg.Connection
) -> None:
    troubles: list[Exception] = []
    with following(database, journal, troubles.append) as first:
        until(lambda: reached(seen, 0))
        with following(database, journal, troubles.append) as second:
            journal.append_many(messages(1))
            until(lambda: all(chain.position == journal.head() for chain in first.chains))
            assert {chain.position for chain in second.chains} == {0}
        assert troubles == []


def test_a_leader_whose_session_was_ended_leads_again_or_gives_way(
    database: Database, journal: Journal, seen: psycopg.Connection
) -> None:
    """And what it was writing with is ended by who leads then, so that it cannot write beside it."""
    one = Lease(database.app_dsn, CODE)
    until(lambda: one.held)
    mine = one.connect(database.app_dsn)
    ((pid, _),) = seen.execute(HOLDER, [f"{LEADING} {CODE}"]).fetchall()
    other = Lease(database.app_dsn, CODE)

    seen.execute("select pg_terminate_backend(%s, 5000)", [pid])

    def holders() -> list[tuple[int, ...]]:
        return seen.execute(HOLDER, [f"{LEADING} {CODE}"]).fetchall()

    until(lambda: [now for now, _ in holders() if now != pid])  # who led may not have noticed yet
    until(lambda: one.held != other.held)
    leads = one if one.held else other
    theirs = leads.connect(database.app_dsn)
    assert theirs.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        mine.execute("select 1")
    for each in (one, other, mine, theirs):
        each.close()


def test_who_keeps_other_tables_leads_beside(database: Database) -> None:
    """As an older service does while a newer one starts: each keeps its own."""
    with closing(Lease(database.app_dsn, CODE)) as one, closing(Lease(database.app_dsn, "older")) as other:
        until(lambda: one.held and other.held)
