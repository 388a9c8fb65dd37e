"""What the two roles may do in the database, and what nobody may."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from ledgerstone.adapters.postgres.database import Database, open_database

ROW = """
insert into stored_events (originator_id, originator_version, topic, state, notification_id, recorded_at)
values (gen_random_uuid(), 1, 'payment-received', '\\x80', 1, now())
"""


@pytest.fixture
def app(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute(ROW)
        yield connection


@pytest.fixture
def owner(database: Database, app: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection) -> int:
    return len(connection.execute("select from stored_events").fetchall())


def test_the_service_appends_to_the_log_and_reads_it(app: psycopg.Connection) -> None:
    assert rows(app) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update stored_events set topic = 'payment-refunded'",
        "delete from stored_events",
        "truncate stored_events",
        "drop table stored_events",
        "alter table stored_events disable trigger all",
        "alter table stored_events add column note text",
        "drop trigger stored_events_append_only on stored_events",
        "create table public.notes (note text)",
        "update schema_migrations set number = 9",
        "drop schema views",
        "create schema other",
        "create role intruder",
        "set role ledgerstone_owner",
        "set session_replication_role = replica",
        "copy (select 1) to program 'true'",
    ],
)
def test_the_service_may_not(app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(statement.encode())
    assert rows(app) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update stored_events set topic = 'payment-refunded'",
        "delete from stored_events",
        "delete from stored_events where false",
        "truncate stored_events",
    ],
)
def test_the_owner_is_refused_by_the_trigger(owner: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.RaiseException, match="stored_events is refused: the log is append-only"):
        owner.execute(statement.encode())
    assert rows(owner) == 1


def test_the_service_makes_and_drops_its_own_views_in_their_schema(app: psycopg.Connection) -> None:
    app.execute("create table views.mrr_v1 (key text primary key)")
    app.execute("alter table views.mrr_v1 rename to mrr_v2")
    app.execute("drop table views.mrr_v2")


def test_a_position_is_taken_once(app: psycopg.Connection) -> None:
    with pytest.raises(errors.UniqueViolation, match="stored_events_notification_id_idx"):
        app.execute(ROW)


def test_evidence_is_kept_without_the_slow_compression(app: psycopg.Connection) -> None:
    kept = app.execute(
        "select attcompression, attstorage from pg_attribute "
        "where attrelid = 'stored_events'::regclass and attname = 'state'"
    ).fetchone()
    assert kept in [("l", "x"), ("", "e")]  # lz4, or as it is where the server has no lz4


def test_a_server_that_is_named_is_used_as_it_is() -> None:
    with open_database(Path("var/pg"), "postgresql://app:secret@db.example.com/ledger") as database:
        assert database.app_dsn == database.owner_dsn == "postgresql://app:secret@db.example.com/ledger"
        assert database.description == "PostgreSQL at db.example.com, database ledger"
        assert "secret" not in repr(database)


def test_migrations_can_have_a_role_of_their_own() -> None:
    with open_database(
        Path("var/pg"), "postgresql://app@db/ledger", "postgresql://owner@db/ledger"
    ) as database:
        assert database.owner_dsn == "postgresql://owner@db/ledger"
        assert database.app_dsn == "postgresql://app@db/ledger"


def test_an_owner_without_a_server_is_refused() -> None:
    refused = pytest.raises(ValueError, match="MIGRATION_DATABASE_URL is set without DATABASE_URL")
    with refused, open_database(Path("var/pg"), None, "postgresql://owner@db/ledger"):
        pass
