"""Migrations run once, in order, and refuse what does not fit."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import psycopg
import pytest
from psycopg import errors

from ledgerstone.adapters.postgres import migrations as migrations_
from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.migrations import MigrationError, migrate, migrations

NAMES = [file.name for file in migrations()]


def as_owner(database: Database, statement: bytes) -> None:
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute(statement)


def test_files_are_numbered_from_one_without_a_gap() -> None:
    assert [file.number for file in migrations()] == list(range(1, len(NAMES) + 1))


def test_each_file_is_applied_once(empty_database: Database) -> None:
    assert migrate(empty_database) == NAMES
    assert migrate(empty_database) == []


def test_of_four_who_start_together_each_file_is_applied_by_one(empty_database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = pool.map(migrate, [empty_database] * 4)
    assert sorted(chain.from_iterable(applied)) == NAMES


def test_what_was_applied_is_recorded_with_its_digest(database: Database) -> None:
    with psycopg.connect(database.owner_dsn) as connection:
        recorded = connection.execute(
            "select number, name, digest from schema_migrations order by 1"
        ).fetchall()
    assert recorded == [(file.number, file.name, file.digest) for file in migrations()]


def test_a_file_that_changed_after_it_was_applied_is_refused(database: Database) -> None:
    as_owner(database, b"update schema_migrations set digest = 'of another text' where number = 1")
    with pytest.raises(
        MigrationError, match=r"migration 0001_log was applied .* put the file back as it was"
    ):
        migrate(database)


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    as_owner(
        database, b"insert into schema_migrations (number, name, digest) values (9001, '9001_later', '')"
    )
    with pytest.raises(MigrationError, match=r"the database has migration 9001_later .* or a newer one"):
        migrate(database)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: Database) -> None:
    as_owner(empty_database, b"create schema views")
    with pytest.raises(errors.DuplicateSchema):
        migrate(empty_database)
    as_owner(empty_database, b"drop schema views")
    assert migrate(empty_database) == NAMES


def test_an_owner_who_may_not_create_is_told_what_to_ask_for(empty_database: Database) -> None:
    powerless = Database(
        empty_database.app_dsn, empty_database.app_dsn, "a server with a role without rights"
    )
    with pytest.raises(MigrationError, match=r'GRANT CREATE ON SCHEMA public TO "ledgerstone_app"'):
        migrate(powerless)


def test_a_migration_finds_its_moment_and_says_who_takes_all_of_them(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes the log stands behind it for a second at a time, and it is not changed under who reads."""
    monkeypatch.setattr(migrations_, "BRIEFLY", "set local lock_timeout = '20ms'")
    monkeypatch.setattr(migrations_, "PAUSE", 0.0)
    monkeypatch.setattr(migrations_, "TRIES", 3)
    migrate(empty_database)
    as_owner(empty_database, b"alter table stored_events drop column brief")
    as_owner(empty_database, b"delete from schema_migrations where number = 4")
    with psycopg.connect(empty_database.app_dsn) as reader:
        reader.execute("select from stored_events")
        with pytest.raises(MigrationError, match=f"0004_brief .*processes {reader.info.backend_pid} of"):
            migrate(empty_database)

    assert migrate(empty_database) == ["0004_brief"]


def test_one_role_for_everything_is_kept_from_the_past_as_well(empty_database: Database) -> None:
    single = Database(empty_database.owner_dsn, empty_database.owner_dsn, "a server with one role")
    migrate(single)
    with psycopg.connect(single.app_dsn, autocommit=True) as connection:
        connection.execute("create table views.mrr_v1 (key text)")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("delete from stored_events")
        connection.execute("grant delete on stored_events to current_user")
        with pytest.raises(errors.RaiseException, match="append-only"):
            connection.execute("delete from stored_events")
