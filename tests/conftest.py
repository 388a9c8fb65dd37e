"""Fixtures for all tests: a real PostgreSQL, and a database of its own for each test that asks for one."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from ledgerstone.adapters.postgres.database import APP_ROLE, OWNER_ROLE, Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.migrations import migrate

TEMPLATE = "ledgerstone_template"
MEMORY, ROOM = Path("/dev/shm"), 1 << 30
"""Files in memory, and the bytes for each server that must be free there (it takes 300 MB): databases are
made and dropped by the hundred, and the file system of a disk works five times as long for it."""

settings.register_profile("untimed", deadline=None)  # a slow machine is no fault of the code
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One for a process's tests (LEDGERSTONE_PG_BINDIR says which); without fsync, nothing outlives it."""
    with tempfile.TemporaryDirectory(prefix="ledgerstone-", dir=_roomy()) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as somebody else
        unsafe = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        small = {"max_wal_size": "128MB"}
        with EmbeddedServer(Path(folder, "pg"), (OWNER_ROLE, APP_ROLE), unsafe | small) as server:
            yield server


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a database that was migrated, for copying; nobody may be connected to it."""
    migrate(create_database(server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(server: EmbeddedServer, template: str) -> Iterator[Database]:
    """A migrated database without a row, for one test."""
    yield from _for_one_test(server, template)


@pytest.fixture
def empty_database(server: EmbeddedServer) -> Iterator[Database]:
    """A database before its first migration, for one test."""
    yield from _for_one_test(server, "template1")


def _roomy() -> Path | None:
    """Where a server is kept, if not where temporary files are: in memory, where there is room for those of
    all processes, which begin at the same time."""
    room = ROOM * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > room else None


def _for_one_test(server: EmbeddedServer, template: str) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    yield create_database(server, name, template)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
