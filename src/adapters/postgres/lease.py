"""Which of several services on one database keeps the views? The one whose session holds a lock: PostgreSQL
gives it to one, and takes it back when that session ends, however it ends.

What is written does not depend on it: each window is a compare-and-set on the position. The lease saves the
work of folding everything twice, and the one that loses it is kept from getting in the way."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from select import POLLIN, poll
from threading import Event, Thread
from time import monotonic
from typing import Any

import psycopg

from ledgerstone.adapters.postgres import view_layout
from ledgerstone.adapters.postgres.view_swap import SERVES

BEAT = 1.0
"""Seconds between two signs of life of the session that holds the lock, or attempts to get it."""
SILENCE = 8.0
"""Seconds without a sign of life after which the server ends that session: its process is frozen, or cannot
be reached. It is the server's clock alone that counts."""
PATIENCE = 2.0
"""Seconds that we wait for who sweeps what we are to serve, whose process may be frozen, before we try again;
and at the end for the server."""
UNFINISHED = "set idle_in_transaction_session_timeout = '60s'"
"""In case that a process is frozen in the midst of a transaction before it leads."""
LEADING, WRITING = "ledgerstone engine", "ledgerstone engine writes"

SERVE = "select pg_advisory_lock_shared(hashtextextended(%s || name, 0)) from unnest(%s::text[]) name"
TRY = "select pg_try_advisory_lock(hashtextextended(%s, 0))"
SIGN = (
    "select set_config('application_name', concat_ws(' ', 'ledgerstone engine', %s::text, %s::text,"
    " extract(epoch from clock_timestamp())::bigint), false)"
)
"""Who leads, and since when, can be read where sessions are listed."""
END_HOLDER = (
    "select pg_terminate_backend(l.pid, 1000) from pg_locks l where l.locktype = 'advisory' and l.granted"
    " and l.objsubid = 1 and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)"
    " and l.database = (select oid from pg_database where datname = current_database())"
)


class Lease:
    """A try to lead, for as long as it is open, in a thread of its own: who folds need not think of it.
    `code` tells apart who keeps other tables, as an older service does while a newer one starts: they do not
    wait for each other, and what both keep is moved by whoever is first. `silence` is in seconds. Whether it
    leads or not, the tables that it `serves` are not swept while it is open."""

    def __init__(self, dsn: str, code: str, silence: float = SILENCE, serves: Sequence[str] = ()) -> None:
        self._dsn, self._code, self._silence, self._serves = dsn, code, silence, list(serves)
        self._connection: psycopg.Connection[Any] | None = None
        self._heard = -silence
        self._stopping, self._led = Event(), False
        self._thread = Thread(target=self._run, name="ledgerstone-lease", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether we lead, as far as we know. A process that was frozen knows at once that it cannot say."""
        return monotonic() - self._heard < self._silence

    def gained(self) -> bool:
        """Whether we lead, and did not when this was asked last."""
        led, self._led = self._led, self.held
        return self._led and not led

    def connect(self, dsn: str, work: str = "") -> psycopg.Connection[Any]:
        """A connection for the tables of views. Who leads ends the session with which another one wrote: that
        process may be frozen in the midst of a transaction, and nobody could pass its locks. `work` tells
        what is written beside each other."""
        connection, lock = view_layout.connect(dsn), f"{WRITING} {self._code} {work}"
        try:
            connection.execute(UNFINISHED)
            while self.held and connection.execute(TRY, [lock]).fetchone() != (True,):
                connection.execute(END_HOLDER, [lock])
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Let another one lead."""
        self._stopping.set()
        self._thread.join()
        self._lose()

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except psycopg.Error:
                self._lose()
            if self._stopping.wait(BEAT):
                return

    def _beat(self) -> None:
        """Get the lock, or say that we live."""
        begun = monotonic()
        connection = self._connection = self._connection or self._open()
        if self.held:
            connection.execute("select 1")
        elif connection.execute(TRY, [f"{LEADING} {self._code}"]).fetchone() == (True,):
            connection.execute(SIGN, [socket.gethostname()[:24], os.getpid()])
        else:
            return
        self._heard = begun

    def _open(self) -> psycopg.Connection[Any]:
        ends = f"-c idle_session_timeout={self._silence * 1000:.0f} -c lock_timeout={PATIENCE * 1000:.0f}"
        patient = {"connect_timeout": 2, "tcp_user_timeout": int(self._silence * 1000), "options": ends}
        connection = psycopg.connect(self._dsn, autocommit=True, **patient)  # type: ignore[arg-type]
        try:
            connection.execute(SERVE, [SERVES, self._serves])
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _lose(self) -> None:
        self._heard = -self._silence
        if self._connection is not None:
            with suppress(psycopg.Error, OSError):
                _unlock(self._connection)
            self._connection.close()
            self._connection = None


def _unlock(connection: psycopg.Connection[Any]) -> None:
    """Give back what a session holds: the server takes its time to notice the end of a connection, and
    whoever asked meanwhile would be told that we still live. A server that does not answer is not waited for:
    it frees them when it notices."""
    session, answered = connection.pgconn, poll()
    session.send_query(b"select pg_advisory_unlock_all()")
    session.flush()
    answered.register(session.socket, POLLIN)
    answered.poll(PATIENCE * 1000)
