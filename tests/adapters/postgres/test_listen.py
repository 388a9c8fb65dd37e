"""A follower hears of every row, whatever becomes of its connection."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.listen import Listener

LONG = 20.0
"""Seconds of a poll that no test waits for: whatever ends a wait sooner was a notice."""


@pytest.fixture
def listener(database: Database) -> Iterator[Listener]:
    listener = Listener(database.app_dsn, "grown", LONG)
    yield listener
    listener.close()


def _tell(database: Database, command: str = "notify grown") -> None:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute(command)


def _seconds(wait: Callable[[], None]) -> float:
    begun = time.monotonic()
    wait()
    return time.monotonic() - begun


def test_the_first_wait_ends_at_once_for_what_was_told_before_anybody_listened(listener: Listener) -> None:
    assert _seconds(listener.wait) < LONG / 2


def test_a_notice_between_catching_up_and_waiting_is_not_lost(database: Database, listener: Listener) -> None:
    listener.wait()
    _tell(database)
    assert _seconds(listener.wait) < LONG / 2


def test_a_listening_backend_that_was_killed_is_replaced(database: Database, listener: Listener) -> None:
    listener.wait()
    _tell(
        database,
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'"
        " and datname = current_database()",
    )
    listener.wait()  # hears that the connection broke
    listener.wait()  # listens again
    _tell(database)
    assert _seconds(listener.wait) < LONG / 2


def test_without_a_database_it_looks_by_itself_and_goes_on() -> None:
    listener = Listener("host=/nowhere", "grown", 0.01)
    listener.wait()
    listener.wait()
    listener.close()


def test_a_stop_ends_the_wait(database: Database, listener: Listener) -> None:
    listener.wait()
    listener.stop()
    assert _seconds(listener.wait) < LONG / 2
