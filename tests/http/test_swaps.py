"""Views are swapped while they are read: no read fails, mixes what was with what is, or goes back."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

import msgspec
import psycopg
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.adapters.postgres.view_swap import sweep
from ledgerstone.http import database, history, positions
from ledgerstone.http.app import READS
from ledgerstone.http.cache import Cache
from ledgerstone.http.database import reading_pool, snapshot
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.live import follow
from ledgerstone.projections.reads.asked import Query, tracked
from ledgerstone.projections.rebuild import build, rebuild, take_place, whole_chains
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.http.parts import Service, served
from tests.waiting import until
from tests.worlds import messages

SWAPS, LONG = 4, 120.0
ROUTES = [read.path for read in READS if "{" not in read.path and read.views]
QUERIES = {"/sys/billing/mrr/bridge": "?known_from=1&as_of=2026-10"}


def test_no_read_fails_mixes_or_goes_back_while_views_are_swapped(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cache, "get", lambda self, key, make: make())  # every answer from the tables
    for module in (database, history, positions):  # how fast the machine is, is not the question
        monkeypatch.setattr(module, "PATIENCE", LONG)
    service.services.pool.timeout = LONG
    told = messages(9, customers=15, months=8)
    service.hear(told[: len(told) // 2])
    swapped, wrong, seen = Event(), list[str](), dict[tuple[str, int], bytes]()
    with served(service) as address, _following(service):
        readers = [
            Thread(target=_reading, args=(address, ROUTES[n::3], swapped, wrong, seen)) for n in range(3)
        ]
        for reader in readers:
            reader.start()
        try:
            for number in range(SWAPS):
                service.journal.append_many(told[len(told) // 2 :][number::SWAPS])
                _rebuilt(service)
        finally:
            swapped.set()
            for reader in readers:
                reader.join()

    assert wrong == []
    assert {route for route, _ in seen} == set(ROUTES)


def test_an_answer_reads_the_tables_of_its_snapshot_and_a_swap_waits_for_it(service: Service) -> None:
    service.hear(messages(9))
    view, done = tracked(Subscriptions), Event()
    query = Query(f"select count(*) from views.{view}", {})

    def swap() -> None:
        _rebuilt(service, "subscriptions")
        done.set()

    async def read() -> tuple[Any, Any, bool]:
        async with reading_pool(service.database.app_dsn) as pool, snapshot(pool, [view]) as seen:
            swapping = Thread(target=swap)
            swapping.start()
            await asyncio.to_thread(until, lambda: done.is_set() or _waits(service))
            early, found = done.is_set(), await seen.fetch(query)
        await asyncio.to_thread(swapping.join)
        async with reading_pool(service.database.app_dsn) as pool, snapshot(pool, [view]) as seen:
            return found, await seen.fetch(query), early

    before, after, early = asyncio.run(read())

    assert not early
    assert before == after != [(0,)]


def test_what_was_replaced_is_not_answered_from_memory(service: Service) -> None:
    service.hear(messages(9))
    asked = "/sys/billing/mrr?from=2026-09&to=2026-10&as_of=2026-10"
    with TestClient(service.app) as client:
        true = client.get(asked).json()["data"]
        with psycopg.connect(service.database.app_dsn) as connection:
            connection.execute("update views.mrr_v3_standing_head set mrr = mrr + 7")
            connection.execute("update views.mrr_v3_standing_delta set mrr = mrr + 7")
        until(lambda: client.get(f"{asked}&limit=1000").json()["data"] != true)

        with closing(PostgresViews(service.database.app_dsn, "_new_7")) as beside:
            chain = whole_chains(VIEWS, ["mrr"])[0]
            build([chain], service.journal, beside)
            assert take_place(chain, service.journal, beside, replace=True).replaced

        until(lambda: client.get(f"{asked}&limit=1000").json()["data"] == true)


def test_a_file_of_other_tables_at_the_same_position_is_sent_again(service: Service) -> None:
    service.hear(messages(9))
    asked = "/sys/subscriptions.csv?as_of=2026-10"
    with TestClient(service.app) as client:
        held = client.get(asked)
        unless = {"If-None-Match": held.headers["etag"]}
        same = client.get(asked, headers=unless)
        _rebuilt(service, "subscriptions")
        again = client.get(asked, headers=unless)

    assert (same.status_code, again.status_code) == (304, 200)
    assert again.headers["ledger-position"] == held.headers["ledger-position"]
    assert again.content == held.content


def test_old_tables_can_be_read_for_a_while_and_then_go(service: Service) -> None:
    service.hear(messages(9))
    _rebuilt(service, "customers")
    with psycopg.connect(service.database.app_dsn, autocommit=True) as connection:
        assert sweep(connection, []) == []
        assert connection.execute("select count(*) from views.customers_v2_old_1").fetchone() != (0,)
        with psycopg.connect(service.database.app_dsn) as reader:
            reader.execute("select from views.customers_v2_old_1")
            assert sweep(connection, [], grace=0) == []
        assert sweep(connection, [], grace=0) == ["customers_v2_old_1"]
        left = connection.execute("select tablename from pg_tables where tablename like '%\\_old\\_%'")
        assert left.fetchall() == []


def test_a_version_before_goes_when_nobody_serves_it_any_more_however_quiet_the_log(service: Service) -> None:
    with psycopg.connect(service.database.app_dsn, autocommit=True) as connection:
        connection.execute("create table views.customers_v1 (); create table views.customers_v1_state ()")
        connection.execute("insert into views.tracking (name, position) values ('customers_v1', 0)")
        _rebuilt(service, "customers")
        assert sweep(connection, ["customers_v1"], outlived=0) == []
        connection.execute("update views.retired set at = at - interval '2 days' where name like '%v1'")
        connection.execute("update views.tracking set at = clock_timestamp() - interval '2 days'")
        with closing(Lease(service.database.app_dsn, "older", serves=["customers_v1"])) as older:
            until(lambda: older.held)
            assert sweep(connection, []) == []
        assert sweep(connection, []) == []  # for a day from when it was served last
        connection.execute("update views.retired set at = at - interval '1 day' where name like '%v1'")
        assert sweep(connection, []) == ["customers_v1"]
        left = connection.execute("select from pg_tables where tablename like 'customers_v1%'").fetchall()
        assert left == []


def _reading(
    address: tuple[str, int],
    routes: list[str],
    ended: Event,
    wrong: list[str],
    seen: dict[tuple[str, int], bytes],
) -> None:
    connection, last, again = HTTPConnection(*address, timeout=LONG), dict.fromkeys(routes, 0), True
    while again:
        again = not ended.is_set()  # once more after the last swap
        for route in routes:
            connection.request("GET", route + QUERIES.get(route, ""))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                wrong.append(f"{route}: {answer.status} {body!r}")
                continue
            position = int(answer.headers["Ledger-Position"])
            if position < last[route]:
                wrong.append(f"{route}: back from {last[route]} to {position}")
            last[route] = position
            data = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"])
            if seen.setdefault((route, position), data) != data and route != "/sys/sync/stripe":
                wrong.append(f"{route}: two answers at {position}")
    connection.close()


@contextmanager
def _following(service: Service) -> Iterator[None]:
    """An engine that keeps the views up to date, as in the service."""
    journal, store = Journal(environment(service.database.app_dsn)), PostgresViews(service.database.app_dsn)
    stopping = Event()
    engine = Engine(VIEWS, journal, store)
    work = (engine, lambda: None, lambda: stopping.wait(0.01), stopping, lambda failure: None)
    thread = threading.Thread(target=follow, args=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        store.close()
        journal.close()


def _rebuilt(service: Service, *names: str) -> None:
    beside = PostgresViews(service.database.app_dsn, "_new_7")
    rebuild(whole_chains(VIEWS, names) if names else chains(VIEWS), service.journal, beside)
    beside.close()


def _waits(service: Service) -> bool:
    """Whether somebody waits for a table."""
    with psycopg.connect(service.database.app_dsn) as connection:
        query = "select count(*) from pg_locks where locktype = 'relation' and not granted"
        return connection.execute(query).fetchone() != (0,)
