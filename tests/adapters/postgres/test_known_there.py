"""Who can do without a view is told that it is not there."""

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_rows import known_there
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.view import table
from tests.worlds import messages

CUSTOMERS = table(Customers())


@pytest.fixture
def head(database: Database) -> int:
    """Of a log that the view of customers is at the end of."""
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    journal.append_many(messages(1))
    Engine([Customers()], journal, store).catch_up()
    head = journal.head()
    store.close()
    journal.close()
    return head


def test_rows_are_told_of_a_view_that_is_so_far(database: Database, head: int) -> None:
    assert list(known_there(database.app_dsn, CUSTOMERS, None, head) or ())
    assert known_there(database.app_dsn, CUSTOMERS, None, head + 1) is None


@pytest.mark.parametrize("damage", ["alter table {} drop column valid_to", "drop table {}"])
def test_none_are_of_one_that_is_damaged(database: Database, head: int, damage: str) -> None:
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(damage.format(f"views.{CUSTOMERS.name}").encode())

    assert known_there(database.app_dsn, CUSTOMERS, None, head) is None
