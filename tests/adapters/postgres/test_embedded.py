"""The embedded server: it starts anywhere, survives kills, keeps strangers out, and stops with its last user.

With the settings that a service gets, fsync included.
"""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from ledgerstone.adapters.postgres.account import account_for
from ledgerstone.adapters.postgres.binaries import BINDIR_VARIABLE, EmbeddedError, find_binaries
from ledgerstone.adapters.postgres.database import DATABASE, open_database
from ledgerstone.adapters.postgres.dump import DumpError, dump
from ledgerstone.adapters.postgres.embedded import EmbeddedServer

USER = """
import sys
from pathlib import Path
from ledgerstone.adapters.postgres.embedded import EmbeddedServer

with EmbeddedServer(Path(sys.argv[1])):
    print("joined", flush=True)
    sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not tmp_path, which is closed to the user that the server runs as when the tests are run by root."""
    with tempfile.TemporaryDirectory(prefix="ledgerstone-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def home(folder: Path) -> Iterator[Path]:
    """The home of a server that has run before and is stopped; one for all tests, as initdb takes a while."""
    home = folder / "pg"
    with EmbeddedServer(home) as server, connected(server) as connection:
        connection.execute("drop table if exists rows")
        connection.execute("create table rows (number bigint)")
    yield home
    EmbeddedServer(home).stop_for_all()


def connected(server: EmbeddedServer) -> psycopg.Connection:
    return psycopg.connect(server.dsn(), autocommit=True)


def ask(server: EmbeddedServer, question: str) -> object:
    with connected(server) as connection:
        (answer,) = connection.execute(question.encode()).fetchone() or ()
    return answer


def started_at(server: EmbeddedServer) -> object:
    return ask(server, "select pg_postmaster_start_time()")


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split("\n")[0])


@contextmanager
def another_user(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which joins the server and leaves it in order at the end, unless it was killed."""
    command = [sys.executable, "-c", USER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def has_joined(process: subprocess.Popen[str]) -> bool:
    return process.stdout is not None and process.stdout.readline() == "joined\n"


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize("name", ["a space, a 'quote', a \"double\", a $dollar and a \\", "long" * 33])
def test_any_path_will_do(folder: Path, name: str) -> None:
    with EmbeddedServer(folder / name) as server:
        assert ask(server, "select 1") == 1
    assert not server.sockets.exists()


def test_commits_are_durable_and_nothing_listens_on_tcp(home: Path) -> None:
    with EmbeddedServer(home) as server:
        settings = "fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses"
        assert [ask(server, f"show {name}") for name in settings] == ["on", "on", "on", "on", ""]


def test_variables_meant_for_another_server_do_not_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "db", "PGUSER": "somebody"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedServer(home) as server:
        assert ask(server, "select 1") == 1


def test_of_four_who_start_together_all_get_the_one_server_and_the_last_stops_it(folder: Path) -> None:
    home = folder / "race"
    with ExitStack() as users:
        processes = [users.enter_context(another_user(home)) for _ in range(4)]
        assert [has_joined(process) for process in processes] == [True] * 4
        assert EmbeddedServer(home).answers()
    assert not EmbeddedServer(home).answers()


def test_the_last_user_stops_it(home: Path) -> None:
    first, last = EmbeddedServer(home).start(), EmbeddedServer(home).start()
    first.stop()
    assert last.answers()
    last.stop()
    assert not last.answers()


def test_stopping_twice_stops_once(home: Path) -> None:
    with EmbeddedServer(home) as other, EmbeddedServer(home) as server:
        server.stop()
        server.stop()
        assert other.answers()


def test_a_forked_child_does_not_stop_it(home: Path) -> None:
    with EmbeddedServer(home) as server:
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                server.stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert server.answers()


def test_a_server_whose_user_was_killed_is_adopted_and_stopped(home: Path) -> None:
    with another_user(home) as process:
        assert has_joined(process)
        before = started_at(EmbeddedServer(home))
        kill(process)
    with EmbeddedServer(home) as server:
        assert started_at(server) == before
    assert not server.answers()


def test_a_user_killed_while_starting_leaves_a_home_that_works(folder: Path) -> None:
    home = folder / "killed"
    with another_user(home) as process:
        while not (home / "data.unfinished" / "PG_VERSION").exists():
            assert process.poll() is None
        kill(process)
    with EmbeddedServer(home) as server:
        assert ask(server, "select 1") == 1


def test_no_acknowledged_row_is_lost_when_the_server_is_killed(home: Path) -> None:
    with EmbeddedServer(home) as server:
        acknowledged: list[int] = []
        enough = threading.Event()
        writers = [threading.Thread(target=write, args=(server, n, acknowledged, enough)) for n in range(4)]
        for writer in writers:
            writer.start()
        enough.wait(30)
        os.kill(postmaster(home), signal.SIGKILL)
        for writer in writers:
            writer.join()

        server.start()
        with connected(server) as connection:
            kept = {number for (number,) in connection.execute("select number from rows")}
    assert len(acknowledged) >= 200
    assert set(acknowledged) <= kept


def write(server: EmbeddedServer, first: int, acknowledged: list[int], enough: threading.Event) -> None:
    """Insert until the connection breaks."""
    with suppress(psycopg.OperationalError), connected(server) as connection:
        for number in range(first, 10**9, 4):
            connection.execute("insert into rows values (%s)", [number])
            acknowledged.append(number)
            if len(acknowledged) >= 200:
                enough.set()


@pytest.mark.parametrize("left", ["a stranger's", "empty"])
def test_the_pid_that_a_killed_server_left_is_not_believed(home: Path, left: str) -> None:
    with EmbeddedServer(home) as server, stranger(home) as pid:
        os.kill(postmaster(home), signal.SIGKILL)
        file = home / "data" / "postmaster.pid"
        rest = file.read_text().split("\n")[1:]
        file.write_text("\n".join([str(pid), *rest]) if left == "a stranger's" else "")
        server.start()
        assert ask(server, "select 1") == 1


@contextmanager
def stranger(home: Path) -> Iterator[int]:
    """The pid of a process of the server's user that is no server."""
    with subprocess.Popen(["sleep", "600"], user=account_for(home / "data").uid) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_server_that_was_killed_and_not_reaped_is_dead(home: Path) -> None:
    """Its pid goes to a zombie, our child, for as long as we do not wait for it."""
    with EmbeddedServer(home) as server:
        os.kill(postmaster(home), signal.SIGKILL)
        zombie = subprocess.Popen(["true"], user=account_for(home / "data").uid)
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        file = home / "data" / "postmaster.pid"
        file.write_text("\n".join([str(zombie.pid), *file.read_text().split("\n")[1:]]))
        server.start()
        assert ask(server, "select 1") == 1
        zombie.wait()


def test_stopping_for_all_stops_it_under_its_users(home: Path) -> None:
    with EmbeddedServer(home) as server:
        assert EmbeddedServer(home).stop_for_all()
        assert not server.answers()
    assert not EmbeddedServer(home).stop_for_all()


def test_where_no_server_has_been_there_is_nothing_to_stop(folder: Path) -> None:
    assert not EmbeddedServer(folder / "never").stop_for_all()
    assert not (folder / "never").exists()


def test_a_data_directory_of_another_major_version_is_refused(folder: Path) -> None:
    data = folder / "old" / "data"
    data.mkdir(parents=True)
    os.chown(data, account_for(data.parent).uid, -1)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=rf"{data} was written by PostgreSQL 9, .* Set {BINDIR_VARIABLE}"):
        EmbeddedServer(data.parent).start()
    assert [file.name for file in data.iterdir()] == ["PG_VERSION"]


def test_a_socket_directory_that_others_can_enter_is_refused(folder: Path) -> None:
    (folder / "open" / "run").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match="with mode 0700: remove it if it is yours"):
        EmbeddedServer(folder / "open").start()


def test_a_server_that_cannot_start_says_what_its_log_says(home: Path) -> None:
    server = EmbeddedServer(home, settings={"shared_buffers": "much"})
    with pytest.raises(EmbeddedError, match=r'(?s)server\.log ends with:.*"shared_buffers": "much"'):
        server.start()
    server.stop()


@as_root
def test_a_home_of_another_user_is_refused(folder: Path) -> None:
    """Root's data directory: the server would run as `postgres`, who may not read it."""
    home = folder / "mixed"
    (home / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=f"{home} was made by another user: run as the user that made it"):
        EmbeddedServer(home).start()


@as_root
def test_another_user_of_the_machine_is_refused_even_at_an_open_socket(home: Path) -> None:
    with EmbeddedServer(home) as server:
        server.sockets.chmod(0o755)
        (server.sockets / ".s.PGSQL.5432").chmod(0o777)
        psql = [find_binaries().program("psql"), server.dsn(), "-c", "select 1"]
        ours = pwd.getpwnam("nobody").pw_uid
        refused = subprocess.run(psql, user=ours, capture_output=True, text=True, cwd="/", check=False)
        server.sockets.chmod(0o700)
    assert 'Peer authentication failed for user "postgres"' in refused.stderr


@as_root
def test_root_is_told_which_path_the_server_cannot_reach() -> None:
    with (
        tempfile.TemporaryDirectory() as closed,
        pytest.raises(EmbeddedError, match=f"cannot reach {closed}"),
    ):
        EmbeddedServer(Path(closed) / "pg").start()


@as_root
def test_root_leaves_the_directories_above_alone(folder: Path) -> None:
    modes = [path.stat().st_mode for path in (folder, *folder.parents)]
    home = folder / "shared" / "pg"
    with EmbeddedServer(home) as server:
        assert server.data.stat().st_uid == account_for(home).uid != 0
    assert modes == [path.stat().st_mode for path in (folder, *folder.parents)]


def test_a_directory_without_programs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BINDIR_VARIABLE, "/nowhere/bin")
    with pytest.raises(EmbeddedError, match=f"{BINDIR_VARIABLE} is /nowhere/bin, where there is no initdb"):
        find_binaries()


def test_a_service_without_a_url_finds_its_database_again(home: Path) -> None:
    for statement in ("create table public.kept (id int)", "drop table public.kept"):
        with open_database(home) as database, psycopg.connect(database.owner_dsn) as connection:
            connection.execute(statement.encode())
    version = find_binaries().version
    assert database.description.startswith(f"embedded PostgreSQL {version} in {home} (one host; ")


def test_a_dump_holds_the_database(home: Path) -> None:
    with open_database(home) as database, psycopg.connect(database.owner_dsn) as connection:
        connection.execute("create table if not exists dumped (id int)")
        connection.commit()
        with tempfile.NamedTemporaryFile() as file:
            dump(EmbeddedServer(home).dsn(DATABASE), file)
            command = [find_binaries().program("pg_restore"), "--list", file.name]
            held = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "TABLE public dumped ledgerstone_owner" in held


def test_a_dump_that_fails_says_why(home: Path) -> None:
    with (
        EmbeddedServer(home) as server,
        tempfile.TemporaryFile() as file,
        pytest.raises(DumpError, match='database "missing" does not exist'),
    ):
        dump(server.dsn("missing"), file)
