"""Figures traced to their messages by the command, as an auditor does it."""

import csv
import hmac
import io
import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bootstrap import journal_of
from ledgerstone.demo.history import generate
from tests.http.parts import SECRET, signed
from tests.test_cli import Shell
from tests.test_replay import caught_up, rows

Json = dict[str, Any]


@pytest.fixture
def ledgerstone(database: Database) -> Shell:
    """A small business in the log, told by signed messages, and in the tables."""
    shell = Shell(database)
    with journal_of(database) as journal:
        for event in generate(seed=5, customers=3, months=3).events:
            body = msgspec.json.encode(event)
            header = signed(body)["Stripe-Signature"]
            journal.append(read_message(body, source="webhook", signature=header, livemode=True).rows)
    caught_up(database)
    return shell


def explained(ledgerstone: Shell, *asked: str) -> list[Json]:
    result = ledgerstone("explain", *asked, "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[Json] = json.loads(result.stdout)
    return found


def test_the_versions_that_are_known_are_the_rows_of_a_replay(ledgerstone: Shell) -> None:
    every = rows(ledgerstone, "invoices")
    key = every[0]["key"]

    held = [line for line in explained(ledgerstone, "invoices", key) if line["row"] and not line["known_to"]]
    meant = [row for row in every if row["key"] == key]
    assert [(line["position"], line["row"]["status"]) for line in held] == [
        (row["known_from"], row["status"]) for row in meant
    ]


def test_a_figure_is_traced_to_bytes_that_were_signed(ledgerstone: Shell) -> None:
    key = rows(ledgerstone, "mrr")[0]["key"]
    line = explained(ledgerstone, "mrr", key, "--column", "mrr")[-1]
    assert line["verified"]

    for position in (line["position"], line["evidence_position"]):
        result = ledgerstone("explain", "mrr", key, "--evidence", str(position))
        assert result.exit_code == 0, result.output
        payload = result.stdout_bytes
        assert sha256(payload).hexdigest() == line["sha256"]
        header = result.stderr.splitlines()[0].removeprefix("Stripe-Signature: t=")
        time, _, signature = header.partition(",v1=")
        mac = hmac.new(SECRET.encode(), time.encode() + b"." + payload, "sha256")
        assert mac.hexdigest() == signature


def test_it_tells_what_was_known_then_and_what_was_true_then(ledgerstone: Shell) -> None:
    key = rows(ledgerstone, "invoices")[0]["key"]
    whole = explained(ledgerstone, "invoices", key)
    last = whole[-1]["position"]

    before = explained(ledgerstone, "invoices", key, "--known-at", str(last - 1))
    assert [line["position"] for line in before] == [
        line["position"] for line in whole if line["position"] < last
    ]
    assert all((line["known_to"] or 0) < last for line in before)
    assert explained(ledgerstone, "invoices", key, "--as-of", "2020-01") == []


def test_it_is_csv_and_a_table_too(ledgerstone: Shell) -> None:
    key = rows(ledgerstone, "invoices")[0]["key"]
    whole = explained(ledgerstone, "invoices", key)

    as_csv = list(
        csv.DictReader(io.StringIO(ledgerstone("explain", "invoices", key, "--format", "csv").stdout))
    )
    table = ledgerstone("explain", "invoices", key).stdout.splitlines()
    assert [line["name"] for line in as_csv] == [line["name"] for line in whole]
    assert len(table) == len(whole) + 1
    assert any("status: draft → open" in line for line in table)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("invoicez", "in_1"), "There is no view 'invoicez'. There are conflicts"),
        (("invoices", "in_nobody"), "had heard nothing of 'in_nobody'"),
        (("invoices", "in_nobody", "--column", "stat"), "Its columns: id, number"),
        (("invoices", "in_nobody", "--known-at", "soon"), "`known_at` is a month"),
        (("invoices", "in_nobody", "--account", "acct_1"), "had heard nothing"),
    ],
)
def test_what_cannot_be_explained_is_said_and_nothing_printed(
    ledgerstone: Shell, asked: tuple[str, ...], said: str
) -> None:
    for format in ("table", "csv", "json"):
        result = ledgerstone("explain", *asked, "--format", format)
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr


def test_evidence_of_something_else_is_not_shown(ledgerstone: Shell) -> None:
    first, *_, other = sorted({row["key"] for row in rows(ledgerstone, "invoices")})
    position = explained(ledgerstone, "invoices", other)[0]["evidence_position"]

    result = ledgerstone("explain", "invoices", first, "--evidence", str(position))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"caused by row {position} of the log" in result.stderr
