"""Which database do we work in: the one that DATABASE_URL names, or our own in the home directory?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from msgspec import Struct
from psycopg import conninfo, sql

if TYPE_CHECKING:  # it needs Unix, and most servers never need it
    from ledgerstone.adapters.postgres.embedded import EmbeddedServer

OWNER_ROLE = "ledgerstone_owner"
APP_ROLE = "ledgerstone_app"
DATABASE = "ledgerstone"
CREATION_LOCK = 7310001
LIMITS = "(one host; set DATABASE_URL for production)"


class Database(Struct, frozen=True):
    """How to reach the database: as the owner for migrations only, as the app for all else."""

    owner_dsn: str
    app_dsn: str
    description: str  # for people and logs: no password

    def __repr__(self) -> str:
        return f"Database({self.description!r})"


@contextmanager
def open_database(
    home: Path, database_url: str | None = None, migration_url: str | None = None
) -> Iterator[Database]:
    """The service's database: at `database_url`, else in an embedded server, which runs while this lasts.

    On a server that is named nothing is created, nor asked, here: its roles and its database are the work of
    its administrator. `migration_url` is for the owner of the tables, if that is another role.
    """
    if database_url:
        yield Database(migration_url or database_url, database_url, _described(database_url))
    elif migration_url:
        raise ValueError("MIGRATION_DATABASE_URL is set without DATABASE_URL: set both, or neither")
    else:
        with embedded_server(home) as server:
            yield create_database(server, DATABASE)


def embedded_server(home: Path) -> "EmbeddedServer":
    """The embedded server of a home, not started: for open_database(), and for `ledgerstone db`."""
    if sys.platform == "win32":
        raise RuntimeError("the embedded PostgreSQL needs Linux or macOS: set DATABASE_URL, or use WSL")
    from ledgerstone.adapters.postgres.embedded import EmbeddedServer

    return EmbeddedServer(home, roles=(OWNER_ROLE, APP_ROLE))


def create_database(server: "EmbeddedServer", name: str, template: str = "template1") -> Database:
    """The database `name` with its two roles, created where they are missing; many may call at once."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [CREATION_LOCK])  # until we disconnect
        for role in (OWNER_ROLE, APP_ROLE):
            if not connection.execute("select from pg_roles where rolname = %s", [role]).rowcount:
                connection.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        if not connection.execute("select from pg_database where datname = %s", [name]).rowcount:
            names = map(sql.Identifier, (name, OWNER_ROLE, template))
            connection.execute(sql.SQL("create database {} owner {} template {}").format(*names))
        version = connection.info.server_version
    description = f"embedded PostgreSQL {version // 10000}.{version % 10000} in {_from_here(server.home)}"
    return Database(server.dsn(name, OWNER_ROLE), server.dsn(name, APP_ROLE), f"{description} {LIMITS}")


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _described(url: str) -> str:
    named = conninfo.conninfo_to_dict(url)
    where, what = named.get("host", "the local socket"), named.get("dbname", "of the user's name")
    return f"PostgreSQL at {where}, database {what}"
