"""A journal of the real log."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.ledger.journal import Journal
from tests.faults.world import World, world_of


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with closing(Journal(environment(database.app_dsn))) as journal:
        yield journal


@pytest.fixture
def world(server: EmbeddedServer, database: Database) -> Iterator[World]:
    """A log and some views that can be emptied."""
    with world_of(server, database) as world:
        yield world
