"""How long after a webhook was answered do all views show it, while hundreds come in every second?"""

import asyncio
import os
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from statistics import quantiles
from threading import Event, Thread
from time import perf_counter

import msgspec
import psycopg

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bench.measure import Result, within
from ledgerstone.bench.webhooks import SECRET, free_port, signed, wait_for
from ledgerstone.commands.deliver import Answer
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS

A_SECOND, WARM, SECONDS, CONNECTIONS = 500, 5, 20, 32
"""Webhooks; those of the first seconds are not counted, while caches fill."""
LIMIT = 50
"""Milliseconds."""

Times = list[tuple[int, float]]
"""Positions, rising, each with when it was first seen or told."""


def lag(database: Database) -> Result:
    """The real service beside a log: from an answer until the slowest view is at its position."""
    with _service(database) as port, _watched(database.app_dsn) as shown:
        requests = signed(seed=4_000, customers=200, number=A_SECOND * (WARM + SECONDS))
        told = asyncio.run(_send(port, requests))[A_SECOND * WARM :]
        _wait_for(shown, max(position for position, _ in told))
    late = [1000 * behind for behind in _lags(told, shown)]
    cuts = quantiles(late, n=100)
    what = f"views behind an answer, {A_SECOND} webhooks/s for {SECONDS} s, p99"
    return within(what, cuts[98], LIMIT, "ms", note=f"p50 {cuts[49]:.1f}, most {max(late):.1f}")


def _lags(told: Times, shown: Times) -> Iterator[float]:
    positions = [position for position, _ in shown]
    for position, answered in told:
        yield max(0.0, shown[bisect_left(positions, position)][1] - answered)


async def _send(port: int, requests: Sequence[bytes]) -> Times:
    """Send each when it is due; where its message ended in the log, and when that was answered."""
    told, begun, next_one = Times(), perf_counter(), count()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (number := next(next_one)) < len(requests):
            await asyncio.sleep(begun + number / A_SECOND - perf_counter())
            writer.write(requests[number])
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a webhook was not answered with 200: {body.decode(errors='replace')}")
            told.append((msgspec.json.decode(body, type=Answer).position, perf_counter()))
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return told


@contextmanager
def _service(database: Database) -> Iterator[int]:
    port = free_port()
    place = {
        "DATABASE_URL": database.app_dsn,
        "MIGRATION_DATABASE_URL": database.owner_dsn,
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "STRIPE_LIVEMODE": "true",
    }
    command = [sys.executable, "-m", "ledgerstone", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, **place}, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _watched(dsn: str) -> Iterator[Times]:
    """Where the slowest view is, each time that one has moved."""
    shown, stopping = Times(), Event()
    watcher = Thread(target=_watch, args=(dsn, shown, stopping), daemon=True)
    watcher.start()
    try:
        yield shown
    finally:
        stopping.set()
        watcher.join()


def _watch(dsn: str, shown: Times, stopping: Event) -> None:
    names = [table(view).name for view in VIEWS]
    query = "select min(position) from views.tracking where name = any(%s)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("listen views")
        while not stopping.is_set():
            for _ in connection.notifies(timeout=0.2, stop_after=1):
                pass
            (position,) = connection.execute(query, (names,), prepare=True).fetchone() or (0,)
            if not shown or position > shown[-1][0]:
                shown.append((position, perf_counter()))


def _wait_for(shown: Times, position: int) -> None:
    until = perf_counter() + 60
    while not shown or shown[-1][0] < position:
        if perf_counter() > until:
            raise RuntimeError(f"no view of position {position} within a minute")
        Event().wait(0.05)
