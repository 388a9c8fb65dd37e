"""A server that dies has kept the log, and of the views what had been written: they are behind, whole, and
catch up. Nobody waits for the disk when a view is committed, and everybody when the log is."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledgerstone.adapters.postgres.database import APP_ROLE, OWNER_ROLE, Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.migrations import migrate
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import compare
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.worlds import messages, shuffled

NOTHING_BY_ITSELF = {
    "fsync": "off",  # what the kernel has is kept: only the server dies
    "wal_buffers": "64MB",
    "autovacuum": "off",
    "bgwriter_lru_maxpages": "0",
    "checkpoint_timeout": "1h",
}
TABLES = [table(view) for view in VIEWS]


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedServer]:
    """A server that writes nothing to its files before it has to."""
    with tempfile.TemporaryDirectory(prefix="ledgerstone-") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedServer(
            Path(folder, "pg"), roles=(OWNER_ROLE, APP_ROLE), settings=NOTHING_BY_ITSELF
        ) as server:
            yield server


def test_views_that_were_lost_with_the_server_are_behind_whole_and_catch_up(own: EmbeddedServer) -> None:
    database = _migrated(own)
    told = shuffled(messages(3), 3)
    with closing(Journal(environment(database.app_dsn))) as journal, _store(database) as store:
        engine = Engine(VIEWS, journal, store)
        journal.append_many(told[: len(told) // 2])
        kept = journal.head()
        engine.catch_up(50)
        journal.append_many(told[len(told) // 2 :])  # with which the views until here reach the disk
        head = journal.head()
        _freeze_who_writes(own)
        engine.catch_up(50)
        assert set(store.positions(TABLES)) == {head}
        _kill(own)

    own.start()

    with ExitStack() as stack:
        journal = stack.enter_context(closing(Journal(environment(database.app_dsn))))
        store, beside = stack.enter_context(_store(database)), stack.enter_context(_store(database, "_check"))
        assert journal.head() == head
        reached = store.positions(TABLES)
        assert min(reached) >= kept
        assert max(reached) < head, "somebody waited for the disk"
        for group in chains(VIEWS):
            (position,) = set(store.positions([table(view) for view in group]))
            assert compare(group, journal, beside, position) == []

        Engine(VIEWS, journal, store).catch_up(50)

        assert set(store.positions(TABLES)) == {head}
        for group in chains(VIEWS):
            assert compare(group, journal, beside, head) == []


def _migrated(server: EmbeddedServer) -> Database:
    database = create_database(server, "books")
    migrate(database)
    return database


def _store(database: Database, suffix: str = "") -> "closing[PostgresViews]":
    return closing(PostgresViews(database.app_dsn, suffix))


def _processes(server: EmbeddedServer) -> list[int]:
    """The server, and those that it has begun."""
    first = int((server.data / "postmaster.pid").read_text().split()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


def _freeze_who_writes(server: EmbeddedServer) -> None:
    """The process that writes behind those who do not wait: five times a second, else."""
    (writer,) = (
        pid for pid in _processes(server) if b"walwriter" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(writer, signal.SIGSTOP)


def _kill(server: EmbeddedServer) -> None:
    """All of it at once: who is left would write."""
    first, *others = _processes(server)
    os.kill(first, signal.SIGSTOP)
    for pid in [*others, first]:
        os.kill(pid, signal.SIGKILL)
