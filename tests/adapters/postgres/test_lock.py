"""Work that must not be done twice at the same time."""

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone


def _fail_in_the_midst(database: Database, broken: bool) -> None:
    with alone(database.app_dsn, "counting"):
        if broken:
            with psycopg.connect(database.app_dsn) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
        raise LookupError


def test_whoever_asks_while_it_is_done_is_told_to_wait(database: Database) -> None:
    with (
        alone(database.app_dsn, "counting"),
        alone(database.app_dsn, "sorting"),
        pytest.raises(AlreadyRunning, match="another counting is running"),
        alone(database.app_dsn, "counting"),
    ):
        pass


def test_whoever_asks_next_is_not_told_that_it_is_still_done(database: Database) -> None:
    """The server may notice only later that the connection ended."""
    for _ in range(100):
        with alone(database.app_dsn, "counting"):
            pass


@pytest.mark.parametrize("broken", [False, True])
def test_an_error_comes_through_even_when_the_connection_broke(database: Database, broken: bool) -> None:
    with pytest.raises(LookupError):
        _fail_in_the_midst(database, broken)
