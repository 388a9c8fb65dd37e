"""A rebuild can be killed at any moment, says what came of it, and is told of while it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.cli import main
from ledgerstone.commands.launch import Launcher
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import everything
from tests.worlds import messages, shuffled

Shell = Callable[..., Result]


@pytest.fixture
def followed(database: Database) -> Iterator[dict[str, Any]]:
    """What the tables hold that an engine kept, of some log."""
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    journal.append_many(shuffled(messages(5, customers=12, months=6), 5))
    Engine(VIEWS, journal, store).catch_up()
    yield {view.name: everything(database.app_dsn, view) for view in VIEWS}
    store.close()
    journal.close()


@pytest.fixture
def ledgerstone(database: Database) -> Shell:
    return lambda *words: CliRunner().invoke(main, list(words), env=_environment(database))


def test_a_rebuild_that_is_not_to_be_swapped_compares_and_leaves_nothing(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    result = ledgerstone("rebuild", "mrr", "--no-swap", "--workers", "2")

    assert result.exit_code == 0, result.output
    assert _leftovers(database) == []
    assert "terms, mrr, schedules: compared" in ledgerstone("rebuild", "--reports").output
    assert everything(database.app_dsn, _view("mrr")) == followed["mrr"]


def test_what_differs_is_named_with_table_key_and_column_and_the_report_stays(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    key = _moved_to_nowhere(database)

    result = ledgerstone("rebuild", "--all", "--workers", "2")

    assert result.exit_code == 1
    assert f"customers_v2 :live {key}: country is 'XX'" in result.output
    assert f"customers_v2 :live {key}: country is 'XX'" in ledgerstone("rebuild", "--reports").output
    assert "refused" in ledgerstone("rebuild", "--reports").output
    assert _leftovers(database) == []
    assert everything(database.app_dsn, _view("mrr")) == followed["mrr"]


def test_what_a_new_version_changes_is_counted_and_listed_by_key(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    """As if the tables that are read were of the version before."""
    key = _moved_to_nowhere(database)
    with psycopg.connect(database.app_dsn) as connection:
        for part in ("", "_state", "_heard", "_edge"):
            connection.execute(f"alter table views.customers_v2{part} rename to customers_v1{part}".encode())
        connection.execute("alter table views.customers_v1 add column mood text")
        connection.execute("update views.tracking set name = 'customers_v1' where name = 'customers_v2'")

    result = ledgerstone("rebuild", "customers")

    assert "customers_v2: 1 keys differ from customers_v1" in result.output, result.output
    told = ledgerstone("rebuild", "--reports").output
    assert f":live {key}: country" in told
    assert "columns gone: mood" in told
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


def test_what_is_damaged_is_replaced_when_that_is_asked_for_and_the_report_says_what_it_was(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    key = _moved_to_nowhere(database)
    damage = f"customers_v2 :live {key}: country is 'XX'"
    refused = ledgerstone("rebuild", "customers")
    assert (refused.exit_code, "rebuild VIEW --replace" in refused.output) == (1, True)

    result = ledgerstone("rebuild", "customers", "--replace", "--workers", "2")

    assert result.exit_code == 0, result.output
    assert damage in result.output
    told = ledgerstone("rebuild", "--reports").output
    assert "customers: swapped" in told
    assert damage in told.partition(": refused")[0]
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]
    assert ledgerstone("rebuild", "customers").exit_code == 0


@pytest.mark.parametrize(
    "damage",
    [
        "drop table views.customers_v2",
        "drop table views.customers_v2, views.customers_v2_state, views.customers_v2_heard,"
        " views.customers_v2_edge",
        "alter table views.customers_v2 drop column country",
        "alter table views.customers_v2 alter column deleted type text",
        "alter table views.customers_v2 alter column known_from type text",
        "update views.tracking set position = position + 10 where name = 'customers_v2'",
    ],
)
def test_whatever_was_done_to_tables_they_can_be_replaced(
    database: Database, followed: dict[str, Any], ledgerstone: Shell, damage: str
) -> None:
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(damage.encode())
    refused = ledgerstone("rebuild", "customers")
    assert refused.exit_code == 1
    assert "customers_v2" in refused.output
    assert "rebuild VIEW --replace" in refused.output

    result = ledgerstone("rebuild", "customers", "--replace")

    assert result.exit_code == 0, result.output
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


def _lose(file: Path) -> None:
    file.unlink()


def _spoil(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"spoiled!" * 1024)


@pytest.mark.parametrize("harm", [_lose, _spoil])
def test_what_a_disk_has_done_to_tables_is_replaced_too(
    server: EmbeddedServer,
    database: Database,
    followed: dict[str, Any],
    ledgerstone: Shell,
    harm: Callable[[Path], None],
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(database.app_dsn)["dbname"])
    with psycopg.connect(server.dsn(name), autocommit=True) as administrator:
        administrator.execute("vacuum views.customers_v2")
        administrator.execute("checkpoint")  # nothing is to be written there later
        query = "select current_setting('data_directory'), pg_relation_filepath('views.customers_v2')"
        ((home, file),) = administrator.execute(query).fetchall()
    harm(Path(home, file))

    assert "customers_v2 cannot be compared" in ledgerstone("rebuild", "customers").output
    result = ledgerstone("rebuild", "customers", "--replace")

    assert result.exit_code == 0, result.output
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


def test_a_new_version_is_swapped_though_the_one_before_is_damaged(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    with psycopg.connect(database.app_dsn) as connection:
        for part in ("", "_state", "_heard", "_edge"):
            connection.execute(f"alter table views.customers_v2{part} rename to customers_v1{part}".encode())
        connection.execute("alter table views.customers_v1 alter column known_from type text")
        connection.execute("update views.tracking set name = 'customers_v1' where name = 'customers_v2'")

    result = ledgerstone("rebuild", "customers")

    assert result.exit_code == 0, result.output
    said = "customers_v2 cannot be compared with customers_v1: operator does not exist"
    assert said in result.output
    assert said in ledgerstone("rebuild", "--reports").output
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


def test_a_service_replaces_what_is_damaged_when_it_is_asked_to(
    database: Database, followed: dict[str, Any], ledgerstone: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(database).items():
        monkeypatch.setenv(name, value)
    _moved_to_nowhere(database)
    with closing(Launcher()) as launcher:
        launcher.start("customers", True)
        _until(lambda: "customers: swapped" in ledgerstone("rebuild", "--reports").output)

    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


@pytest.mark.parametrize("words", [["--replace"], ["customers", "--replace", "--no-swap"]])
def test_what_is_to_be_replaced_has_to_be_said(ledgerstone: Shell, words: list[str]) -> None:
    result = ledgerstone("rebuild", *words)
    assert result.exit_code == 2
    assert "--replace" in result.output


@pytest.mark.parametrize("whom", ["the workers", "the parent"])
@pytest.mark.parametrize("when", ["reached", "position", "name"])
def test_killed_it_leaves_nothing_to_be_seen_and_can_be_started_again(
    database: Database, followed: dict[str, Any], ledgerstone: Shell, whom: str, when: str
) -> None:
    """While it folds and tells how far it reached, when its tables are given a position, and in the middle
    of a swap, when they have got their names but nobody knows yet."""
    with _stuck(database, when) as wait, _rebuilding(database) as process:
        wait()
        workers = _workers(process.pid)
        for pid in workers if whom == "the workers" else [process.pid]:
            os.kill(pid, signal.SIGKILL)
        _until(lambda: not any(map(_runs, workers)))

    _, said = process.communicate(timeout=60)
    _until(lambda: not _seems_to_run(database))
    assert ("was ended from outside (signal 9" in said) == (whom == "the workers")
    assert process.returncode == (1 if whom == "the workers" else -signal.SIGKILL)
    for view in VIEWS:
        assert everything(database.app_dsn, view) == followed[view.name]
    reports = ledgerstone("rebuild", "--reports").output
    assert ("rebuild again" if whom == "the workers" else "it was killed") in reports
    again = ledgerstone("rebuild", "customers")
    assert again.exit_code == 0, again.output
    assert _leftovers(database) == []
    assert everything(database.app_dsn, _view("customers")) == followed["customers"]


def test_one_that_is_told_to_end_takes_its_workers_with_it(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    with _stuck(database, "reached") as wait, _rebuilding(database) as process:
        wait()
        workers = _workers(process.pid)
        process.terminate()
        _until(lambda: not any(map(_runs, workers)))
    process.communicate(timeout=60)

    assert _leftovers(database) == []
    assert "it was ended" in ledgerstone("rebuild", "--reports").output


def test_two_at_a_time_are_one_too_many(
    database: Database, followed: dict[str, Any], ledgerstone: Shell
) -> None:
    with _stuck(database, "reached") as wait, _rebuilding(database) as process:
        wait()
        second = ledgerstone("rebuild", "mrr")
    process.communicate(timeout=60)

    assert (second.exit_code, process.returncode) == (1, 0)
    assert "another rebuild is running" in second.output


@contextmanager
def _rebuilding(database: Database) -> Iterator["subprocess.Popen[str]"]:
    """`ledgerstone rebuild`, by two processes, as a process of its own; whoever asks waits for its end."""
    words = [sys.executable, "-m", "ledgerstone", "rebuild", "customers", "--workers", "2"]
    env = {**os.environ, **_environment(database)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, env=env, stdout=pipe, stderr=pipe, text=True)
    try:
        yield process
    except BaseException:
        process.kill()
        process.communicate()
        raise


@contextmanager
def _stuck(database: Database, column: str) -> Iterator[Callable[[], None]]:
    """Whoever changes a column of the views' positions waits until we are through; waits until one does."""
    hold = """
        create function views.hold() returns trigger language plpgsql as
            'begin perform pg_advisory_xact_lock_shared(77); return new; end';
        create trigger hold before update of {column} on views.tracking
            for each row when (new.name like 'customers%') execute function views.hold()
    """
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and objid = 77 and not granted"
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute(hold.replace("{column}", column).encode())
        connection.execute("select pg_advisory_lock(77)")
        yield lambda: _until(lambda: connection.execute(waiting.encode()).fetchone() != (0,))


def _until(condition: Callable[[], bool]) -> None:
    """A minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def _seems_to_run(database: Database) -> bool:
    """Whether a rebuild's lock is held; the server notices only after a while that its holder was killed."""
    query = rebuilds.running()
    with psycopg.connect(database.app_dsn) as connection:
        return connection.execute(query.text.encode(), query.parameters).fetchone() == (True,)


def _workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _runs(pid: int) -> bool:
    """Not even as somebody whose end nobody heard of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _environment(database: Database) -> dict[str, str]:
    return {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}


def _moved_to_nowhere(database: Database) -> str:
    """Tell a lie about the first customer; who that is."""
    with psycopg.connect(database.app_dsn) as connection:
        found = connection.execute(
            "update views.customers_v2 set country = 'XX' where known_to is null and key ="
            " (select min(key) from views.customers_v2 where known_to is null) returning key"
        ).fetchone()
    assert found
    return str(found[0])


def _leftovers(database: Database) -> list[str]:
    with psycopg.connect(database.app_dsn) as connection:
        query = "select tablename from pg_tables where schemaname = 'views' and tablename like '%\\_new%'"
        tracked = "select name from views.tracking where name like '%\\_new%'"
        return [name for (name,) in connection.execute(f"{query} union all {tracked}".encode())]


def _view(name: str) -> Any:
    return next(view for view in VIEWS if view.name == name)
