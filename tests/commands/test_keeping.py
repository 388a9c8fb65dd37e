"""The service's engine is a process: whatever ends it, another follows, and none outlives its service."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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


def test_an_engine_that_is_killed_is_followed_by_another(
    database: Database, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    half = len(LOG) // 2
    with keeping(database.app_dsn):
        kept(LOG[:half])
        (first,) = _engines()
        os.kill(first, signal.SIGKILL)
        until(lambda: _engines() and _engines() != [first])
        kept(LOG[half:])
    assert _engines() == []
    assert "the engine ended with -9: the views wait for the next" in caplog.text


def test_an_engine_ends_in_order_with_its_service(
    database: Database, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    with keeping(database.app_dsn):
        kept(LOG)
        (engine,) = active_children()
    assert engine.exitcode == 0
    assert not caplog.text


@pytest.mark.parametrize("to_all", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_of_a_service_is_for_the_service(
    database: Database, kept: Kept, to_all: signal.Signals
) -> None:
    half = len(LOG) // 2
    with keeping(database.app_dsn):
        until(_engines)
        (engine,) = _engines()
        os.kill(engine, to_all)
        kept(LOG[:half])
        os.kill(engine, to_all)
        kept(LOG[half:])
        assert _engines() == [engine]


def test_no_engine_outlives_a_service_that_is_killed(database: Database, kept: Kept, tmp_path: Path) -> None:
    place = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}
    command = [sys.executable, "-m", "ledgerstone", "serve", "--port", "0"]
    with (tmp_path / "words").open("w+") as words:
        service = subprocess.Popen(command, env={**os.environ, **place}, stdout=words, stderr=words)
        try:
            until(lambda: _children(service.pid))
            (engine,) = _children(service.pid)
            kept(LOG)
        finally:
            service.kill()
            service.wait()
    until(lambda: not _runs(engine))


def _engines() -> list[int]:
    return [child.pid for child in active_children() if child.name == "engine" and child.pid]


def _children(process: int) -> list[int]:
    """The processes of ours that any of its threads started."""
    found: list[int] = []
    with suppress(OSError):  # a thread may end meanwhile
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, task.read_text().split())
        return [each for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]
    return []


def _runs(pid: int) -> bool:
    """Not even as somebody whose end nobody heard of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
