"""The commands, as people use them: beside a running service, and alone."""

import gzip
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing as ending
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_swap import VERIFYING
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bootstrap import journal_of
from ledgerstone.cli import main
from ledgerstone.commands.child import Child
from ledgerstone.commands.deliver import deliver
from ledgerstone.demo.history import generate
from ledgerstone.ledger.evidence import FactConflict, RefetchWanted
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.postings import NAME, SPANS, advance
from ledgerstone.projections.views import VIEWS
from tests.examples import AT, BOOK
from tests.waiting import until

SECRET = "whsec_acme"


class Shell:
    """Runs commands on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.env = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}

    def __call__(self, *arguments: str | Path, given: bytes | None = None) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), env=self.env, input=given)

    def lines(self, events: Sequence[bytes]) -> Result:
        return self("import", "stripe-events", "-", given=b"\n".join(events))


@pytest.fixture
def ledgerstone(database: Database) -> Shell:
    return Shell(database)


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    return [msgspec.json.encode(event) for event in generate(seed=3, customers=4, months=2).events]


@pytest.fixture
def serving(ledgerstone: Shell) -> Iterator[Child]:
    """`ledgerstone serve` on the same database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ledgerstone", "serve", "--port", "0"],
        env={**os.environ, **ledgerstone.env, "STRIPE_WEBHOOK_SECRETS": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    port = next(found[1] for line in lines if (found := re.match(r"http://127.0.0.1:(\d+)", line)))
    yield Child(cast("subprocess.Popen[bytes]", process), int(port), Path())
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0].endswith("ended\n")
    assert process.returncode == 0


def _events_of(result: Result) -> dict[str, int]:
    counts = re.findall(
        r"([\d,]+) (new|duplicate|parked|of unknown type|of the other mode|refused)", result.output
    )
    return {what: int(count.replace(",", "")) for count, what in counts}


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    assert all(command in shown for command in main.commands)


def test_help_imports_nothing_heavy() -> None:
    heavy = "psycopg", "msgspec", "rich", "starlette"
    code = f"import sys, ledgerstone.cli; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_it_does_not_listen_where_other_machines_reach_it(ledgerstone: Shell) -> None:
    result = ledgerstone("serve", "--host", "0.0.0.0")
    assert result.exit_code == 2
    assert "no access control yet" in result.output


def test_an_imported_file_counts_once(ledgerstone: Shell, events: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "two months.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join(events)))

    first, second = ledgerstone("import", "stripe-events", file), ledgerstone("import", "stripe-events", file)

    assert first.exit_code == second.exit_code == 0
    assert (_events_of(first)["new"], _events_of(first)["duplicate"]) == (len(events), 0)
    assert (_events_of(second)["new"], _events_of(second)["duplicate"]) == (0, len(events))


def test_refused_lines_are_named_and_the_others_imported(ledgerstone: Shell, events: list[bytes]) -> None:
    result = ledgerstone.lines([events[0], b"", b"{", b'{"id": "' + b"x" * (1 << 20) + b'"}', events[1]])

    assert result.exit_code == 1
    assert _events_of(result)["new"] == 2
    assert "line 3: the body is not JSON" in result.output
    assert "line 4: longer than 1,048,576 bytes" in result.output


def test_a_file_that_breaks_off_is_imported_up_to_there(ledgerstone: Shell, events: list[bytes]) -> None:
    whole = gzip.compress(b"\n".join(events * 5), 1)
    result = ledgerstone("import", "stripe-events", "-", given=whole[: len(whole) // 2])

    assert result.exit_code == 1
    assert "breaks off after line" in result.output
    assert _events_of(result)["new"] > 0


def test_events_of_the_other_mode_are_not_imported(ledgerstone: Shell, events: list[bytes]) -> None:
    result = ledgerstone.lines([events[0].replace(b'"livemode":true', b'"livemode":false')])
    assert _events_of(result)["of the other mode"] == 1


def test_views_are_rebuilt_by_chains(ledgerstone: Shell, events: list[bytes]) -> None:
    ledgerstone.lines(events)
    result = ledgerstone("rebuild", "mrr")
    assert result.exit_code == 0
    assert "terms, mrr, schedules: rebuilt up to position" in result.output
    assert "invoices" not in result.output


def test_an_unknown_view_is_answered_with_the_known_ones(ledgerstone: Shell) -> None:
    result = ledgerstone("rebuild", "profit")
    assert result.exit_code == 2
    assert all(view.name in result.output for view in VIEWS)


def test_other_rows_of_the_same_version_are_not_swapped(ledgerstone: Shell, events: list[bytes]) -> None:
    ledgerstone.lines(events)
    ledgerstone("rebuild", "customers")
    with psycopg.connect(ledgerstone.database.app_dsn) as connection:
        connection.execute("update views.customers_v2 set country = 'XX'")

    result = ledgerstone("rebuild", "customers")

    assert result.exit_code == 1
    assert "customers_v2" in result.output
    assert ledgerstone("verify").exit_code == 1


def test_who_verifies_beside_another_is_refused_before_he_reads_the_log(ledgerstone: Shell) -> None:
    owner, app = ledgerstone.database.owner_dsn, ledgerstone.database.app_dsn
    with alone(app, VERIFYING), psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("alter table stored_events rename to mislaid")
        result = ledgerstone("verify")

    assert result.exit_code == 1
    assert "another verification is running" in result.output


def test_a_sound_log_is_verified(ledgerstone: Shell, events: list[bytes]) -> None:
    ledgerstone.lines(events)
    ledgerstone("rebuild")
    result = ledgerstone("verify")
    assert result.exit_code == 0
    assert "keep all" in result.output
    assert "WRONG" not in result.output


SPOILED = {
    "postings_v1": "its sums are not the sums of its postings",
    "postings_v1_head": "its sums are not the sums of its postings",
    "postings_v1_block": "its sums by 64 positions are not the sums of its postings",
}


@pytest.mark.parametrize("table", SPOILED)
def test_postings_that_are_not_those_of_the_log_fail_verification(
    ledgerstone: Shell, events: list[bytes], table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.commands.verify_postings.SPANS", (64, 256))
    ledgerstone.lines(events)
    ledgerstone("rebuild")
    index = PostingIndex(ledgerstone.database.app_dsn, "postings_v1", (64, 256))
    with journal_of(ledgerstone.database) as journal:
        while advance(journal, index):
            pass
    assert "the index of postings at position" in ledgerstone("verify").output
    column = "amount" if table == "postings_v1" else "debit"
    with psycopg.connect(ledgerstone.database.app_dsn) as connection:
        spoiled = f"(select max({column}) from views.{table})"
        connection.execute(f"update views.{table} set {column} = {column} + 1 where {column} = {spoiled}")

    result = ledgerstone("verify")
    index.close()

    assert result.exit_code == 1
    assert SPOILED[table] in " ".join(result.output.split())
    assert ("the index has" in result.output) == (table == "postings_v1")


def test_a_conflict_of_facts_fails_verification(ledgerstone: Shell) -> None:
    told = FactConflict(first="stripe/refund/re_1/settled", told=b"{}")
    with journal_of(ledgerstone.database) as journal:
        journal.append([Recorded("stripe/refund/re_1/settled/conflict/1", BOOK, AT, told)])

    result = ledgerstone("verify")

    assert result.exit_code == 1
    assert "row 1: two messages tell of one fact in different amounts" in result.output


def test_what_is_to_be_fetched_whole_is_a_remark(ledgerstone: Shell) -> None:
    wanted = RefetchWanted(object="invoice", id="in_1", reason="its list of lines is not complete")
    with journal_of(ledgerstone.database) as journal:
        journal.append([Recorded("stripe/evt_1/refetch", BOOK, AT, wanted)])
    ledgerstone("rebuild")

    result = ledgerstone("verify")

    assert result.exit_code == 0
    assert "row 1: invoice in_1 is to be fetched: its list of lines is not complete" in result.output


def test_all_commands_work_while_the_service_runs(
    serving: Child, ledgerstone: Shell, events: list[bytes]
) -> None:
    half = len(events) // 2
    assert deliver(events[:half], serving.port, SECRET).duplicate == 0
    assert _events_of(ledgerstone.lines(events)) == {
        "new": len(events) - half,
        "duplicate": half,
        "parked": 0,
        "of unknown type": 0,
        "of the other mode": 0,
        "refused": 0,
    }
    assert ledgerstone("rebuild").exit_code == 0
    assert ledgerstone("verify").exit_code == 0


def test_evidence_that_waited_is_read_while_the_service_runs(
    serving: Child, ledgerstone: Shell, events: list[bytes]
) -> None:
    waiting = events[::2]
    with journal_of(ledgerstone.database) as journal:
        journal.append_many([_parked(event) for event in waiting])
    assert deliver(events, serving.port, SECRET).duplicate == len(waiting)
    health = _health(serving)
    assert health["parked"] == len(waiting)
    assert {(one["kind"], one["reason"]) for one in health["concerns"]} == {("parked", "of the old days")}

    result = ledgerstone("retranslate")

    assert result.output.startswith(f"{len(waiting)} that waited were read, 0 are still parked")
    health = _health(serving)
    assert (health["status"], health["parked"], health["concerns"]) == ("ok", 0, [])
    assert health["heard"] == len(events)
    assert ledgerstone("verify").exit_code == 0


def _parked(event: bytes) -> tuple[Recorded, ...]:
    """A message as readers that could not take it left it: the evidence alone."""
    evidence = read_message(event, source="import", signature=None, livemode=True).rows[0]
    body = msgspec.structs.replace(evidence.body, parked="of the old days")
    return (msgspec.structs.replace(evidence, body=body),)


def test_a_service_ends_while_a_close_waits(serving: Child, ledgerstone: Shell) -> None:
    dsn = ledgerstone.database.app_dsn
    with ending(PostingIndex(dsn, NAME, SPANS)) as index:
        index.position()
    waiting = HTTPConnection("127.0.0.1", serving.port, timeout=30)
    with psycopg.connect(dsn) as connection, ending(waiting):
        connection.execute(f"lock table views.{NAME} in access exclusive mode")
        said = {"Content-Type": "application/json"}
        waiting.request("POST", "/sys/periods/2026-01/close", b'{"actor": "ada"}', said)
        assert waiting.getresponse().read().startswith(b'{"period":"2026-01","look"')
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(30) == 0


def _health(serving: Child) -> dict[str, Any]:
    """The intake's, when the views are at the head."""
    until(
        lambda: (
            {(view["state"], view["lag"]) for view in serving.get("/sys/projections")["data"]}
            == {("live", 0)}
        )
    )
    health: dict[str, Any] = serving.get("/sys/sync/stripe")["data"]
    return health


def test_a_missing_database_is_a_sentence() -> None:
    result = CliRunner().invoke(main, ["verify"], env={"DATABASE_URL": "host=/nowhere dbname=books"})
    assert result.exit_code == 1
    assert result.output.startswith("Error: connection")
    assert isinstance(result.exception, SystemExit)


def test_the_dsn_is_that_of_the_service(ledgerstone: Shell) -> None:
    assert ledgerstone("db", "dsn").output.strip() == ledgerstone.database.app_dsn


def test_a_server_that_is_not_ours_is_not_stopped(ledgerstone: Shell) -> None:
    result = ledgerstone("db", "stop")
    assert result.exit_code == 1
    assert "not ours to stop" in result.output


def test_a_dump_is_whole_or_not_there(ledgerstone: Shell, events: list[bytes], tmp_path: Path) -> None:
    ledgerstone.lines(events)
    ledgerstone("rebuild", "sync")
    result = ledgerstone("db", "dump", tmp_path / "books.dump")
    assert result.exit_code == 0
    assert (tmp_path / "books.dump").read_bytes().startswith(b"PGDMP")


def test_receipts_come_while_messages_are_still_read(database: Database) -> None:
    read = 0

    def endless() -> Iterator[tuple[Recorded, ...]]:
        nonlocal read
        while True:
            read += 1
            yield (Recorded(f"note/{read}", BOOK, AT, FactConflict(first="note", told=b"x" * 10_000)),)

    journal = Journal(environment(database.app_dsn))
    receipts = journal.append_stream(endless())
    assert next(receipts).position == 1
    assert read < 10_000
    receipts.close()  # type: ignore[attr-defined]
    journal.close()


def test_a_view_is_rebuilt_over_http_while_the_service_goes_on(
    serving: Child, ledgerstone: Shell, events: list[bytes]
) -> None:
    deliver(events, serving.port, SECRET)
    _health(serving)
    connection = HTTPConnection("127.0.0.1", serving.port, timeout=30)
    connection.request("POST", "/sys/projections/mrr/rebuild")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (202, "/sys/projections")
    connection.close()

    deadline = time.monotonic() + 60
    while (report := _report(serving, "mrr")) is None:
        assert time.monotonic() < deadline
    assert (report["state"], report["views"]) == ("swapped", ["terms", "mrr", "schedules"])
    assert _report(serving, "invoices") is None
    assert ledgerstone("verify").exit_code == 0


def _report(serving: Child, name: str) -> Any:
    """What came of the last rebuild of a view, as soon as there is one to read."""
    rows = serving.get("/sys/projections")["data"]
    return next((row["report"] for row in rows if row["name"] == name and row["state"] == "live"), None)
