"""Views folded from the log alone, as auditors do it: by the command, against the tables that are read and
against folds in memory."""

import csv
import io
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import journal_of
from ledgerstone.demo.history import generate
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.replay import of_key
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.corrected import positioned, with_corrections
from tests.examples import AT
from tests.test_cli import Shell
from tests.worlds import log_of, messages, shuffled

Json = dict[str, Any]


@pytest.fixture
def ledgerstone(database: Database) -> Shell:
    return Shell(database)


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with journal_of(database) as journal:
        yield journal


def recorded(ledgerstone: Shell, *, customers: int = 6) -> int:
    """A small business in the log and in the tables; the head."""
    events = generate(seed=5, customers=customers, months=4).events
    assert ledgerstone.lines([msgspec.json.encode(event) for event in events]).exit_code == 0
    return caught_up(ledgerstone.database)


def caught_up(database: Database) -> int:
    with journal_of(database) as journal:
        store = PostgresViews(database.app_dsn)
        Engine(VIEWS, journal, store).catch_up()
        store.close()
        return journal.head()


def named(version: Version) -> tuple[int, int]:
    """What names a row among those of its key."""
    return version.known_from, version.place


def rows(ledgerstone: Shell, *asked: str) -> list[Json]:
    result = ledgerstone("replay", *asked, "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[Json] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_a_replay_is_equal_to_the_table_that_is_read(ledgerstone: Shell, view: str) -> None:
    head = recorded(ledgerstone)

    for known_at in (head, head // 2):
        result = ledgerstone("replay", view, "--compare", "--known-at", str(known_at))
        assert result.exit_code == 0, result.output
        assert f"equal to the table that is read, as known at position {known_at:,}" in result.stderr


def test_it_shows_what_was_known_then(ledgerstone: Shell, journal: Journal) -> None:
    head = recorded(ledgerstone)
    log = [(entry.position, entry.row) for entry in journal.read(0, head * 2 // 3) if entry.row]
    (invoices,) = [group for group in chains(VIEWS) if "invoices" in [view.name for view in group]]

    meant = [version for version in fold(invoices, log)["invoices"] if version.known_to is None]
    shown = rows(ledgerstone, "invoices", "--known-at", str(head * 2 // 3))
    assert [(row["key"], row["known_from"]) for row in shown] == [
        (version.key[1], version.known_from) for version in meant
    ]
    assert 0 < len(shown) < len(rows(ledgerstone, "invoices"))


def test_as_of_leaves_one_state_of_each(ledgerstone: Shell) -> None:
    recorded(ledgerstone)

    states = rows(ledgerstone, "subscriptions", "--as-of", "2026-09")
    assert len({row["key"] for row in states}) == len(states) > 0
    assert all(row["valid_from"] < "2026-10-01" for row in states)


def test_a_difference_is_named_and_ends_with_1(ledgerstone: Shell) -> None:
    recorded(ledgerstone)
    key = rows(ledgerstone, "invoices")[0]["key"]
    with psycopg.connect(ledgerstone.database.app_dsn) as connection:
        connection.execute("update views.invoices_v3 set total = total + 1 where key = %s", [key])

    for asked in ((), ("--key", key)):
        result = ledgerstone("replay", "invoices", "--compare", *asked)
        assert result.exit_code == 1
        assert "DIFFERENT " in result.stderr
        assert key in result.stderr


def test_a_key_is_replayed_by_itself(ledgerstone: Shell) -> None:
    head = recorded(ledgerstone)
    every = rows(ledgerstone, "mrr", "--known-at", str(head * 2 // 3))

    for key in sorted({row["key"] for row in every}):
        own = rows(ledgerstone, "mrr", "--key", key, "--known-at", str(head * 2 // 3))
        assert own == [row for row in every if row["key"] == key]
    assert rows(ledgerstone, "mrr", "--key", "cus_nobody") == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_key_is_as_in_a_fold_of_the_whole_log_with_corrections_too(
    database: Database, journal: Journal, seed: int
) -> None:
    told = [row for _, row in log_of(shuffled(messages(seed, customers=3, months=3), seed))]
    log, _ = with_corrections(told, seed, 12)
    journal.append_new(log)
    caught_up(database)
    kept, random = PostgresViews(database.app_dsn), Random(seed)

    for group in chains(VIEWS):
        for position in (len(log), random.randrange(len(log))):
            whole = fold(group, positioned(log)[:position])
            for view in group:
                for key in {version.key for version in whole[view.name]}:
                    meant = [v for v in whole[view.name] if v.key == key and v.known_to is None]
                    found = of_key(group, view, key, position, kept)
                    assert sorted(found, key=named) == sorted(meant, key=named)
    kept.close()


def test_it_is_csv_and_a_table_too(ledgerstone: Shell) -> None:
    recorded(ledgerstone)
    every = rows(ledgerstone, "payments")

    as_csv = ledgerstone("replay", "payments", "--format", "csv").stdout
    table = ledgerstone("replay", "payments").stdout.splitlines()
    assert [row["key"] for row in csv.DictReader(io.StringIO(as_csv))] == [row["key"] for row in every]
    assert table[0].split()[:3] == ["book", "key", "known_from"]
    assert len(table) == len(every) + 1


def test_a_table_that_is_behind_is_not_compared(ledgerstone: Shell) -> None:
    recorded(ledgerstone)
    with psycopg.connect(ledgerstone.database.app_dsn) as connection:
        connection.execute("update views.tracking set position = position - 1 where name like 'payments%'")

    for asked in (("--compare",), ("--key", "pi_1")):
        result = ledgerstone("replay", "payments", *asked)
        assert result.exit_code == 1
        assert "not yet at" in result.stderr


def test_beyond_the_head_is_at_the_head(ledgerstone: Shell) -> None:
    head = recorded(ledgerstone)

    result = ledgerstone("replay", "payments", "--compare", "--known-at", str(head + 99))
    assert f"as known at position {head:,}" in result.stderr


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("invoicez",), "no view is called invoicez"),
        (("invoices", "--known-at", "soon"), "`known_at` is a month"),
        (("invoices", "--as-of", "2026-13"), "`as_of` is a month"),
        (("invoices", "--account", "acct_1"), "with --key only"),
    ],
)
def test_what_cannot_be_replayed_is_said(ledgerstone: Shell, asked: tuple[str, ...], said: str) -> None:
    result = ledgerstone("replay", *asked)
    assert result.exit_code in (1, 2)
    assert said in result.output


def test_nothing_is_left_behind(ledgerstone: Shell) -> None:
    recorded(ledgerstone)
    assert ledgerstone("replay", "mrr", "--known-at", AT.isoformat()).exit_code == 0

    with psycopg.connect(ledgerstone.database.app_dsn) as connection:
        query = "select count(*) from pg_tables where tablename like '%replay'"
        assert connection.execute(query).fetchone() == (0,)
