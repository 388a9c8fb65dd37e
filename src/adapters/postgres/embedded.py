"""How does the service run a PostgreSQL of its own, for as long as any process uses it?

Three locked files in the home tell all that is asked about processes. The kernel drops a lock when its last
holder dies, by kill -9 too, so nothing goes stale and no pid is believed:

- `users.lock`, shared: held by everyone who uses the server; the last one out stops it;
- `server.lock`: inherited by the server's processes; whoever gets it knows that all of them are dead;
- `start.lock`: held while starting or stopping.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from psycopg import conninfo, pq

from ledgerstone.adapters.postgres import data_directory
from ledgerstone.adapters.postgres.account import account_for, check_reachable, run
from ledgerstone.adapters.postgres.binaries import EmbeddedError, find_binaries, written_by

START_SECONDS = 600  # recovery after a crash reads up to max_wal_size
STOP_SECONDS = 120
ANOTHER_HOME = "run as the user that made it, or set LEDGERSTONE_HOME to a directory of yours"


class EmbeddedServer:
    """PostgreSQL in `home`, on a private unix socket, for this operating-system user (and root) only.

    `roles` are those that may log in beside the superuser; `settings` go before data_directory.SETTINGS, from
    the next start. The server has a session of its own, so Ctrl-C does not reach it.
    """

    def __init__(
        self, home: Path, roles: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / "data"
        self.sockets = data_directory.socket_directory(self.home)
        self.roles, self.settings = tuple(roles), dict(settings or {})
        self._joined: tuple[IO[str], int] | None = None  # our hold on users.lock, and our pid

    def start(self) -> Self:
        """Become a user of the server, and start it unless it runs; return when it answers.

        Calling it again brings back a server that was killed. Raises EmbeddedError with what to do: no
        binaries, a data directory of another major version or user, …
        """
        self._check_home()
        with self._alone():
            data_directory.claim_socket_directory(self.sockets, account_for(self.data))
            users = self._leave() or self._open("users.lock")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._until_it_answers()
            except BaseException:
                users.close()
                raise
            self._joined = users, os.getpid()
        return self

    def stop(self) -> None:
        """Stop using the server, and stop the server if nobody else uses it. In a forked child: nothing."""
        if users := self._leave():
            with self._alone(), users:
                if _locked(users):
                    self._stop()

    def stop_for_all(self) -> bool:
        """Stop the server whoever uses it; whether there was one to stop."""
        if written_by(self.data) is None:
            return False
        with self._alone():
            return self._stop()

    def answers(self) -> bool:
        """Whether a server takes connections on our socket now."""
        return pq.PGconn.ping(self.dsn().encode()) == pq.Ping.OK

    def dsn(self, dbname: str = "postgres", user: str = data_directory.SUPERUSER) -> str:
        """How to connect. The port is named because PGPORT would count otherwise."""
        return conninfo.make_conninfo(
            host=str(self.sockets), port=data_directory.PORT, dbname=dbname, user=user
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _leave(self) -> IO[str] | None:
        """Our hold on users.lock, if it is ours: a forked child has its parent's."""
        users, self._joined = self._joined, None
        return users[0] if users and users[1] == os.getpid() else None

    def _check_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            ours = not self.data.exists() or self.data.stat().st_uid == account_for(self.data).uid
        except PermissionError as refused:
            raise EmbeddedError(f"{refused}: {ANOTHER_HOME}") from None
        if not ours or not os.access(self.home, os.W_OK):
            raise EmbeddedError(f"{self.home} was made by another user: {ANOTHER_HOME}")

    def _until_it_answers(self) -> None:
        """It may be up, on its way up or down (who started it was killed), or dead: wait, or start it."""
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"no answer in {START_SECONDS} seconds, see {self.data / 'server.log'}")
            with self._open("server.lock") as lock:
                if _locked(lock):
                    self._launch(lock.fileno())
                    continue
            time.sleep(0.05)

    def _launch(self, lock: int) -> None:
        account = account_for(self.data)
        binaries = find_binaries(self.data)
        check_reachable(account, self.home, binaries.directory)
        if written_by(self.data) is None:
            data_directory.create(self.data, binaries, account, [lock])
        data_directory.configure(self.data, self.sockets, account, self.roles, self.settings)
        data_directory.clear_remains(self.data, self.sockets, account)
        try:
            self._pg_ctl("-l", "data/server.log", "-t", str(START_SECONDS), "start", keep=[lock])
        except EmbeddedError as error:
            raise EmbeddedError(f"{error}\n{self._last_words()}") from None

    def _last_words(self) -> str:
        log = self.data / "server.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([f"{log} ends with:", *lines[-10:]])

    def _stop(self) -> bool:
        with self._open("server.lock") as lock:
            if _locked(lock):
                return False
        try:
            self._pg_ctl("-m", "fast", "-t", str(STOP_SECONDS), "stop")
        except EmbeddedError:  # a killed server's last processes leave by themselves
            if self.answers():
                raise
        with suppress(OSError):  # /tmp is not ours to fill
            self.sockets.rmdir()
        return True

    def _pg_ctl(self, *arguments: str, keep: Sequence[int] = ()) -> None:
        """The path is relative, for pg_ctl hands it to a shell, which would read quotes and dollars in it."""
        program = find_binaries(self.data).program("pg_ctl")
        run([program, "-D", "data", "-w", "-s", *arguments], account_for(self.data), self.home, keep)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._open("start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _open(self, name: str) -> IO[str]:
        """A file to lock. Root may be in a home of somebody else's, and follows no link out of it."""
        return open(
            self.home / name, "a", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o644)
        )


def _locked(file: IO[str]) -> bool:
    """Lock a file for us alone, unless anybody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
