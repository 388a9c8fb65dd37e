"""How does the database get, and keep, the tables that this version of the code expects?

Files `migrations/0001_log.sql` … run once, in order, forward only, each in a transaction of its own. A file
that was applied is history like any other here: it is not edited, the next one puts right what it got wrong.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from time import sleep

import psycopg
from msgspec import Struct
from psycopg import errors

from ledgerstone.adapters.postgres.database import Database

MIGRATION_LOCK = 7310002
BRIEFLY = "set local lock_timeout = '1s'"
"""Whoever writes the log waits behind us, and gives up after a little more."""
TRIES, PAUSE = 60, 1.0
"""To find a moment in which nobody holds what a file changes, and seconds between them."""
HOLDERS = (
    "select array_agg(distinct pid order by pid) from pg_locks where granted and pid <> pg_backend_pid()"
    " and locktype = 'relation' and relation = to_regclass('stored_events')"
)
CREATE_RECORD = """
create table if not exists schema_migrations (
    number     integer primary key,
    name       text not null,
    digest     text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(RuntimeError):
    """Code and database do not fit; the message says what to do."""


class Migration(Struct, frozen=True):
    """One SQL file. It may read the service's role as `current_setting('ledgerstone.app_role')`."""

    number: int
    name: str  # "0001_log"
    sql: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql).hexdigest()


class Applied(Struct, frozen=True):
    """What the database says of a file that ran."""

    number: int
    name: str
    digest: str
    applied_at: datetime


@cache
def migrations() -> tuple[Migration, ...]:
    """The files of this version, in order."""
    folder = resources.files("ledgerstone.adapters.postgres") / "migrations"
    files = sorted((file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple(Migration(int(name[:4]), name.removesuffix(".sql"), sql) for name, sql in files)


def migrate(database: Database) -> list[str]:
    """Bring the database to this version; the names of the files that ran now. Any number may call at once.

    Raises MigrationError if an applied file has changed since, if the database is of a newer version, if the
    owner may not create here, or if somebody holds what is to be changed without an end.
    """
    app_role = _role(database.app_dsn)
    try:
        with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
            return [file.name for file in migrations() if _apply_soon(connection, file, app_role)]
    except errors.InsufficientPrivilege as refused:
        raise MigrationError(_forbidden(database, refused)) from refused


def _role(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        (role,) = connection.execute("select current_user").fetchone() or ()
    return str(role)


def _apply_soon(connection: psycopg.Connection, file: Migration, app_role: str) -> bool:
    """Apply a file that was not yet, as soon as what it changes is free. Others read and write meanwhile: a
    service of the version before, say, while somebody copies its log."""
    for _ in range(TRIES):
        try:
            return _apply_once(connection, file, app_role)
        except errors.LockNotAvailable:
            sleep(PAUSE)
    raise MigrationError(_held(connection, file))


def _apply_once(connection: psycopg.Connection, file: Migration, app_role: str) -> bool:
    """One transaction, which holds the lock: also behind a pooler that lends a connection per transaction."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        applied = _applied(connection)
        check(applied)
        if any(done.number == file.number for done in applied):
            return False
        connection.execute(BRIEFLY)
        connection.execute("select set_config('ledgerstone.app_role', %s, true)", [app_role])
        connection.execute(file.sql)
        connection.execute(
            "insert into schema_migrations (number, name, digest) values (%s, %s, %s)",
            [file.number, file.name, file.digest],
        )
        return True


def _applied(connection: psycopg.Connection) -> list[Applied]:
    connection.execute(CREATE_RECORD)
    rows = connection.execute(
        "select number, name, digest, applied_at from schema_migrations order by number"
    )
    return [Applied(*row) for row in rows]


def check(applied: Sequence[Applied]) -> None:
    """Whether this code may go on from what was applied; MigrationError if not."""
    ours = {file.number: file for file in migrations()}
    for done in applied:
        if done.number not in ours:
            raise MigrationError(_newer(done, max(ours)))
        if done.digest != ours[done.number].digest:
            raise MigrationError(_changed(done, ours[done.number]))


def _forbidden(database: Database, refused: errors.InsufficientPrivilege) -> str:
    return (
        f"the owner's role may not migrate here ({refused.diag.message_primary}): an administrator can "
        f'run GRANT CREATE ON DATABASE … and GRANT CREATE ON SCHEMA public TO "{_role(database.owner_dsn)}"'
    )


def _held(connection: psycopg.Connection, file: Migration) -> str:
    (pids,) = connection.execute(HOLDERS).fetchone() or (None,)
    who = f" (processes {', '.join(map(str, pids))} of the server, see pg_stat_activity)" if pids else ""
    return (
        f"migration {file.name} found no moment in which nobody held what it changes{who}: somebody copies or"
        " verifies the log, say. Nothing was changed; start again when that has ended"
    )


def _newer(done: Applied, latest: int) -> str:
    return (
        f"the database has migration {done.name} of {done.applied_at:%Y-%m-%d}, this Ledgerstone knows none "
        f"after {latest:04}: install the version that migrated the database, or a newer one"
    )


def _changed(done: Applied, ours: Migration) -> str:
    return (
        f"migration {done.name} was applied on {done.applied_at:%Y-%m-%d} with SHA-256 {done.digest[:12]}…, "
        f"but {ours.name}.sql here has {ours.digest[:12]}…: put the file back as it was, and write what "
        "should change as a new migration"
    )
