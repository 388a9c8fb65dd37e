"""A journal and an engine on a database of their own."""

from collections.abc import Iterator

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    """A journal over an empty log."""
    journal = Journal(environment(database.app_dsn))
    yield journal
    journal.close()


@pytest.fixture
def store(database: Database) -> Iterator[PostgresViews]:
    """The tables of views, over an own connection."""
    store = PostgresViews(database.app_dsn)
    yield store
    store.close()
