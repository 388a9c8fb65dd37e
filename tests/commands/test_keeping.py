"""The service's engine is a process: whatever ends it, another follows, and none outlives its service."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import active_children
from pathlib import Path

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.bootstrap import views_of
from ledgerstone.commands.keeping import keeping
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.waiting import until
from tests.worlds import messages

Kept = Callable[[Sequence[Sequence[Recorded]]], None]
LOG = messages(1)


@pytest.fixture
def kept(database: Database) -> Iterator[Kept]:
    """Append messages, and wait until all views have them."""
    journal = Journal(environment(database.app_dsn))

    def append(more: Sequence[Sequence[Recorded]]) -> None:
        journal.append_many(more)
        head, groups = journal.head(), [[*map(table, group)] for group in chains(VIEWS)]
        with views_of(database) as store:
            until(lambda: all(store.position(group) == head for group in groups))

    yield append
    journal.close()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_is_ended_is_followed_by_another(
    database: Database, kept: Kept, by: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    half = len(LOG) // 2
    with keeping(database.app_dsn):
        kept(LOG[:half])
        (first,) = _engines()
        os.kill(first, by)
        until(lambda: _engines() and _engines() != [first])
        kept(LOG[half:])
    assert _engines() == []
    assert f"the engine ended with {-9 if by is signal.SIGKILL else 0}: the views wait" in caplog.text


def test_an_engine_ends_in_order_with_its_service(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with keeping(database.app_dsn):
        until(_engines)
        (engine,) = active_children()
    assert engine.exitcode == 0
    assert not caplog.text


def test_no_engine_outlives_a_service_that_is_killed(database: Database, tmp_path: Path) -> None:
    place = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}
    command = [sys.executable, "-m", "ledgerstone", "serve", "--port", "0"]
    with (tmp_path / "words").open("w+") as words:
        service = subprocess.Popen(command, env={**os.environ, **place}, stdout=words, stderr=words)
        try:
            until(lambda: _children(service.pid))
            started = _children(service.pid)
        finally:
            service.kill()
            service.wait()
    until(lambda: not any(Path(f"/proc/{each}").exists() for each in started))


def _engines() -> list[int]:
    return [child.pid for child in active_children() if child.name == "engine" and child.pid]


def _children(process: int) -> list[int]:
    """The processes that any of its threads started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
