"""Who leads, or serves, lets go at once when it ends, whatever it waits for (else: `tests.faults`)."""

from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.adapters.postgres.view_swap import SERVES
from tests.waiting import until

LOCKS = (
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and l.granted = %s"
)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        yield connection


def test_what_it_held_is_free_when_it_is_closed(database: Database, connection: psycopg.Connection) -> None:
    for _ in range(20):  # the server is late now and then only
        with closing(Lease(database.app_dsn, "this", serves=["mrr_v3", "terms_v2"])):
            until(lambda: connection.execute(LOCKS, [True]).fetchone() == (3,))

        assert connection.execute(LOCKS, [True]).fetchone() == (0,)


def test_it_ends_though_who_sweeps_its_tables_is_frozen(
    database: Database, connection: psycopg.Connection
) -> None:
    connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [f"{SERVES}mrr_v3"])
    lease = Lease(database.app_dsn, "this", serves=["mrr_v3"])
    until(lambda: connection.execute(LOCKS, [False]).fetchone() != (0,))

    ending = Thread(target=lease.close, daemon=True)
    ending.start()
    ending.join(60)

    assert not ending.is_alive()


def test_it_serves_when_who_swept_is_through(database: Database, connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [f"{SERVES}mrr_v3"])
    lease = Lease(database.app_dsn, "this", serves=["mrr_v3"])
    until(lambda: connection.execute(LOCKS, [False]).fetchone() != (0,))
    until(lambda: connection.execute(LOCKS, [False]).fetchone() == (0,))
    assert not lease.held

    connection.execute("select pg_advisory_unlock_all()")

    until(lambda: lease.held)
    lease.close()
