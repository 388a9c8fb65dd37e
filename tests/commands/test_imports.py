"""A file of Stripe's events: read in another process, taken up again after a kill, told of by line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedReader, BytesIO
from multiprocessing import active_children
from pathlib import Path
from typing import Any, cast

import click
import msgspec
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bootstrap import journal_of
from ledgerstone.commands.imports import NAMED, Report, import_lines
from ledgerstone.commands.reading import AHEAD, CHUNK_LINES, chunks, translated
from ledgerstone.demo.history import generate
from ledgerstone.ledger.journal import Journal
from tests import stripe_objects as stripe

ALONE = [sys.executable, "-m", "ledgerstone", "import", "stripe-events", "-"]


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with journal_of(database) as journal:
        yield journal


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    """Several chunks of them."""
    return [msgspec.json.encode(event) for event in generate(seed=5, customers=60, months=14).events]


def take(journal: Journal, *lines: bytes) -> Report:
    return import_lines(journal, BufferedReader(cast(Any, BytesIO(b"\n".join(lines)))), livemode=True)


def said(**fields: Any) -> bytes:
    product = {"id": "prod_1", "object": "product", "name": "Pro"}
    return json.dumps(stripe.event("product.created", product, **fields)).encode()


def until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within a minute"
        time.sleep(0.02)


def test_many_chunks_are_recorded_in_the_order_of_their_lines(journal: Journal, events: list[bytes]) -> None:
    report = take(journal, *events)
    names = [row.name for row in _told(journal) if row.name.startswith("stripe/evt_") and row.cause is None]

    assert len(events) > (AHEAD + 3) * CHUNK_LINES
    assert (report.new, report.duplicate, report.complete) == (len(events), 0, True)
    assert names == [f"stripe/{json.loads(event)['id']}" for event in events]


def test_an_import_that_is_killed_goes_on_where_it_was(
    journal: Journal, database: Database, events: list[bytes]
) -> None:
    env = {**os.environ, "DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}
    first = subprocess.Popen(ALONE, env=env, stdin=subprocess.PIPE)
    assert first.stdin
    first.stdin.write(b"\n".join(events[: (AHEAD + 2) * CHUNK_LINES + 100]))
    first.stdin.flush()  # and it waits for the rest, in the middle of a line
    until(journal.head, "the first rows are committed")
    workers = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    first.send_signal(signal.SIGKILL)
    first.communicate()

    report = take(journal, *events)
    rows = _told(journal)
    told = {row.name for event in events for row in _read(event)}

    assert report.new + report.duplicate == len(events)
    assert report.duplicate > 0
    assert len(rows) == len(told)
    assert {row.name for row in rows} == told
    until(lambda: not any(Path("/proc", worker).exists() for worker in workers), "the workers end")


def test_what_is_known_byte_for_byte_is_not_translated_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = said(id="evt_1"), said(id="evt_2", data={"object": 1}), said(id="evt_3", type="moon.landed")
    first = take(journal, *lines)
    with monkeypatch.context() as broken:
        broken.delattr("ledgerstone.commands.reading.read_message")
        second = take(journal, *lines)

    assert (first.new, first.parked, first.unknown) == (3, 1, 1)
    assert (second.new, second.duplicate, second.parked, second.unknown) == (0, 3, 1, 1)
    assert journal.head() == 4


def test_the_id_of_another_event_misleads_nobody(journal: Journal) -> None:
    take(journal, said(id="evt_1"))
    report = take(journal, said(id="evt_2").replace(b"{", b'{"caused_by": {"id": "evt_1"}, ', 1))

    assert (report.new, report.duplicate) == (1, 0)


def test_contradictions_are_counted(journal: Journal) -> None:
    amounts = [
        stripe.event("charge.succeeded", stripe.charge(amount_captured=n), id=f"evt_{n}") for n in (1, 2)
    ]
    report = take(journal, *[json.dumps(amount).encode() for amount in amounts])
    again = take(journal, said(id="evt_1"))

    assert (report.new, report.conflicts) == (2, 1)
    assert (again.duplicate, again.conflicts) == (1, 1)
    assert "1 in conflict" in str(report)


def test_refused_lines_are_named_by_number_and_the_rest_are_counted(journal: Journal) -> None:
    report = take(journal, *[b"{"] * (CHUNK_LINES + 5), said())

    assert (report.refused, report.new, report.complete) == (CHUNK_LINES + 5, 1, False)
    assert [number for number, _ in report.named] == list(range(1, NAMED + 1))
    assert f"… and {CHUNK_LINES + 5 - NAMED} more" in str(report)


def test_lines_are_read_only_so_far_ahead() -> None:
    read = 0

    def endless() -> Iterator[tuple[int, bytes]]:
        nonlocal read
        while True:
            read += 1
            yield read, b"{}"

    found = translated(chunks(endless()), livemode=True)
    first = next(found)
    assert first.refused[0][0] == 1
    assert read <= (AHEAD + 1) * CHUNK_LINES
    found.close()  # type: ignore[attr-defined]


def test_a_worker_that_is_ended_from_outside_is_a_sentence() -> None:
    found = translated(iter([[(1, b"{}")]] * 100), livemode=True)
    next(found)
    for worker in active_children():
        worker.kill()

    with pytest.raises(click.ClickException, match="it goes on from here"):
        list(found)


def _told(journal: Journal) -> list[Any]:
    return [entry.row for entry in journal.read(0, 100_000)]


def _read(event: bytes) -> tuple[Any, ...]:
    return read_message(event, source="import", signature=None, livemode=True).rows
