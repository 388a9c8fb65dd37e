"""Large, slow and many senders, and a log that does not take what comes: over real connections."""

import asyncio
import gc
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.http import connections, patience
from ledgerstone.http.errors import Problem
from ledgerstone.http.intake import LARGEST
from ledgerstone.http.webhooks import OfTheOtherMode
from ledgerstone.ledger.log import LogUnavailable
from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, SECRET, WEBHOOK, Service, served, signed

T = TypeVar("T")
Address = tuple[str, int]
MANY, EACH = 200, 256 << 10
"""Connections, and the bytes that one may take beside what it sends."""
pytestmark = pytest.mark.anyio
LOCK = "select pg_advisory_xact_lock(hashtextextended('public.stored_events', 0))"
HALF_A_MEBIBYTE = b" " * (LARGEST // 2)


def head(*headers: str) -> bytes:
    return "\r\n".join((f"POST {WEBHOOK} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def body(name: object) -> bytes:
    product = {"id": f"prod_{name}", "object": "product", "name": "Pro"}
    return json.dumps(stripe.event("product.created", product, id=f"evt_{name}")).encode()


def message(name: object) -> tuple[bytes, bytes]:
    """A signed request: its head, and its body."""
    said = body(name)
    lines = [f"{key}: {value}" for key, value in signed(said).items()]
    return head(*lines, f"Content-Length: {len(said)}", "Connection: close"), said


class Sender:
    """A connection that says what it is told to, and hears everything up to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, address: Address, *said: bytes) -> "Sender":
        sender = cls(*await asyncio.open_connection(*address))
        await sender.say(*said)
        return sender

    async def say(self, *said: bytes) -> None:
        self._writer.write(b"".join(said))
        await self._writer.drain()

    async def ended(self) -> None:
        """Until the other side has closed, or reset, the connection."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), 30)
        self.leave()

    def leave(self) -> None:
        self._writer.close()

    async def answer(self) -> tuple[int, bytes]:
        """The status, and all of the answer. A connection that was reset raises."""
        heard = await asyncio.wait_for(self._reader.read(), 30)
        self.leave()
        return int(heard.split()[1]) if heard else 0, heard


async def posted(address: Address, name: object) -> tuple[int, bytes]:
    return await (await Sender.to(address, *message(name))).answer()


async def together(some: Sequence[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*some))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def address(service: Service) -> Iterator[Address]:
    with served(service) as address:
        yield address


@contextmanager
def serving(database: Database, **settings: object) -> Iterator[tuple[Service, Address]]:
    service = Service(database, **settings)  # type: ignore[arg-type]
    try:
        with served(service) as address:
            yield service, address
    finally:
        service.close()


# Large


async def test_five_megabytes_are_refused_and_who_sends_them_anyway_hears_it(address: Address) -> None:
    sender = await Sender.to(address, head("Content-Length: 5000000"), b" " * 5_000_000)
    status, heard = await sender.answer()

    assert status == 413
    assert PROBLEM.encode() in heard


async def test_who_asks_before_sending_is_told_not_to(address: Address) -> None:
    large = await Sender.to(address, head("Content-Length: 5000000", "Expect: 100-continue"))
    asks, said = message(1)
    small = await Sender.to(address, asks[:-2], b"Expect: 100-continue\r\n\r\n")
    await small.say(said)

    assert (await large.answer())[1].startswith(b"HTTP/1.1 413")
    assert b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200" in (await small.answer())[1]


async def test_a_body_without_a_length_ends_at_a_mebibyte(address: Address) -> None:
    sender = await Sender.to(address, head("Transfer-Encoding: chunked"))
    for _ in range(5):
        await sender.say(b"%x\r\n" % len(HALF_A_MEBIBYTE), HALF_A_MEBIBYTE, b"\r\n")
    await sender.say(b"0\r\n\r\n")

    assert (await sender.answer())[0] == 413


# Slow


async def test_a_body_that_does_not_come_to_its_end_is_answered_with_408(database: Database) -> None:
    asks, said = message(1)
    with serving(database, webhook_seconds=0.2) as (_, address):
        slow = await Sender.to(address, asks, said[:-1])
        chunked = await Sender.to(address, head("Transfer-Encoding: chunked"), b"1\r\n{\r\n")

        assert [status for status, _ in await together([slow.answer(), chunked.answer()])] == [408, 408]
        assert (await posted(address, 1))[0] == 200


async def test_a_slow_sender_gives_way_and_never_delays_another(database: Database) -> None:
    with serving(database, webhook_bytes=LARGEST, webhook_seconds=3000) as (_, address):
        asks = head(f"Content-Length: {LARGEST}")
        slow = [await Sender.to(address, asks, HALF_A_MEBIBYTE, b" ") for _ in range(3)]
        answers = [asyncio.create_task(sender.answer()) for sender in slow]
        refused = [await first for first in itertools.islice(asyncio.as_completed(answers), 2)]
        assert [(status, b"retry-after" in heard) for status, heard in refused] == [(503, True)] * 2
        assert {(await posted(address, number))[0] for number in range(20)} == {200}
        assert [answer.done() for answer in answers].count(False) == 1
        for sender in slow:
            sender.leave()


async def test_messages_in_small_parts_do_not_disturb_each_other(address: Address) -> None:
    messages = [message(number) for number in range(MANY)]
    senders = await together([Sender.to(address, asks, said[:100]) for asks, said in messages])
    for start in range(100, max(len(said) for _, said in messages), 100):
        parts = [said[start : start + 100] for _, said in messages]
        await together([sender.say(part) for sender, part in zip(senders, parts, strict=True)])
    answers = await together([sender.answer() for sender in senders])

    assert {status for status, _ in answers} == {200}
    assert len({heard.split(b"\r\n\r\n")[1] for _, heard in answers}) == MANY


async def test_a_head_that_does_not_come_ends_the_connection(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    silent, slow = await Sender.to(address), await Sender.to(address, head()[:30])

    assert await together([silent.answer(), slow.answer()]) == [(0, b""), (0, b"")]


async def test_a_head_without_end_is_refused(address: Address) -> None:
    sender = await Sender.to(address, head()[:-2], b"X-Endless: ")
    with suppress(ConnectionError):  # it may close while we speak
        for _ in range(10):
            await sender.say(b"x" * 100_000)
    await sender.ended()


# A log that does not take it


async def test_what_a_full_queue_refuses_is_stored_when_it_is_sent_again(database: Database) -> None:
    with serving(database, queue=5) as (service, address):
        with held(database):
            answers = [asyncio.create_task(posted(address, number)) for number in range(40)]
            await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        first = await together(answers)
        taken = [number for number, (status, _) in enumerate(first) if status == 200]
        refused = [(status, b"retry-after" in heard) for status, heard in first if status != 200]
        await sent_until_taken(address, range(40))

        assert taken
        assert refused == [(503, True)] * (40 - len(taken))
        again = [await posted(address, number) for number in taken]
        assert all(b'"duplicate":true' in heard for _, heard in again)
        assert service.journal.head() == 80


async def sent_until_taken(address: Address, names: Sequence[int]) -> None:
    """As Stripe does: what was not answered with 200 is sent again."""
    for _ in range(40):
        answers = await together([posted(address, name) for name in names])
        names = [name for name, (status, _) in zip(names, answers, strict=True) if status != 200]
    assert not names


async def test_a_log_that_is_late_may_have_kept_it_and_sending_it_again_is_safe(
    service: Service, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "WITHIN", 0.2)
    with held(service.database):
        status, heard = await posted(address, 1)
    monkeypatch.undo()
    again = await posted(address, 1)

    assert (status, b"may have been kept or not" in heard) == (503, True)
    assert b'"duplicate":true' in again[1]
    assert service.journal.head() == 2


async def test_a_database_that_stands_still_is_told_of_within_five_seconds_and_then_all_goes_on(
    server: EmbeddedServer, service: Service, address: Address
) -> None:
    assert (await posted(address, 0))[0] == 200
    with standing_still(server):
        start = time.monotonic()
        answers = await together([posted(address, number) for number in range(20)])
        assert time.monotonic() - start < 5
    assert {status for status, _ in answers} == {503}
    assert all(b"retry-after" in heard for _, heard in answers)
    await sent_until_taken(address, range(20))
    assert service.journal.head() == 40


async def test_what_was_refused_is_let_go_at_once(
    service: Service, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks for circles in a service, and an error that is part of one holds the message."""
    monkeypatch.setattr(patience, "WITHIN", 0.2)
    gc.collect()
    gc.disable()
    try:
        other = json.dumps(stripe.event("product.created", {"id": "prod_1"}, livemode=False)).encode()
        assert (await told(address, other))[1].endswith(b'{"ignored":"livemode"}')
        assert (await told(address, b'{"id": 7}'))[0] == 400
        with held(service.database):
            assert (await posted(address, 1))[0] == 503
        assert (await posted(address, 2))[0] == 200  # the writer holds what it wrote last
        refusals = OfTheOtherMode, Unreadable, LogUnavailable, Problem
        assert [one for one in gc.get_objects() if isinstance(one, refusals)] == []
    finally:
        gc.enable()


async def told(address: Address, body: bytes) -> tuple[int, bytes]:
    """Any bytes, signed."""
    lines = [f"{key}: {value}" for key, value in signed(body).items()]
    sent = head(*lines, f"Content-Length: {len(body)}", "Connection: close")
    return await (await Sender.to(address, sent, body)).answer()


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Somebody else holds the append lock: nothing can be written."""
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute(LOCK)
        yield


@contextmanager
def standing_still(server: EmbeddedServer) -> Iterator[None]:
    """No process of the server moves, and connections to it are taken and never answered."""
    with psycopg.connect(server.dsn()) as connection:
        found = connection.execute("select setting from pg_settings where name = 'data_directory'").fetchone()
    assert found
    postmaster = int(Path(found[0], "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [postmaster, *map(int, children)]
    each_told(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        each_told(processes, signal.SIGCONT)


def each_told(processes: Sequence[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # the server ends its helpers as it likes
            os.kill(process, what)


# Memory


async def test_memory_is_bounded_by_the_budget_however_many_send_slowly(database: Database) -> None:
    budget = 16 * LARGEST
    with running(database, LEDGERSTONE_WEBHOOK_BYTES=budget, LEDGERSTONE_WEBHOOK_SECONDS=5) as (pid, address):
        assert (await posted(address, "signed_long_ago"))[0] == 400
        before = peak(pid)
        asks = head(f"Content-Length: {LARGEST}")
        senders = await together([Sender.to(address, asks, b" " * (LARGEST - 1)) for _ in range(MANY)])
        answers = await together([sender.answer() for sender in senders])
        after = peak(pid)

    statuses = [status for status, _ in answers]
    assert set(statuses) == {503, 408}
    assert 0 < statuses.count(408) <= 16
    assert after - before < budget + MANY * EACH


@contextmanager
def running(database: Database, **settings: object) -> Iterator[tuple[int, Address]]:
    """`ledgerstone serve`, as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ledgerstone", "serve", "--port", "0"],
        env={
            **os.environ,
            "DATABASE_URL": database.app_dsn,
            "MIGRATION_DATABASE_URL": database.owner_dsn,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            **{name: str(value) for name, value in settings.items()},
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    port = next(found[1] for line in lines if (found := re.match(r"http://127.0.0.1:(\d+)", line)))
    with socket.create_connection(("127.0.0.1", int(port)), 30) as first:  # it is up when it answers
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first.recv(100)
    try:
        yield process.pid, ("127.0.0.1", int(port))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024
