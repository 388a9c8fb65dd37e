"""How are the lines of a close read? No further than they are asked for, and never behind their close."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import OWNER_ROLE, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.migrations import migrate
from ledgerstone.http import database as reading
from ledgerstone.http.database import Snapshot
from ledgerstone.http.reads import closed
from ledgerstone.projections.money import Money
from ledgerstone.projections.passed_on import PassedOn
from ledgerstone.projections.reads import closed_lines as read
from ledgerstone.projections.reads.asked import Query, relation, tracked
from ledgerstone.projections.reads.balances import LEGS
from ledgerstone.projections.reads.closed_lines import Behind, Side, Wanted
from ledgerstone.projections.recognition import Recognition
from tests.closes import Log
from tests.exchanged import at, issued
from tests.http.parts import PROBLEM, Service, every
from tests.passed import passed

PERIODS = "/sys/periods"
ROWS = relation(Recognition)
ODD = ("in_B", "in_a", "in_É", "in_é", "in_Z", "in_a:b", "in_😀", "in_\uff21", "in_10", "in_9", "in_ x")
"""Ids that people sort otherwise than by their bytes."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """How the database is read from here on, and what it is asked."""
    found: list[tuple[str, str]] = []

    def noted(how: str) -> None:
        read = getattr(Snapshot, how)

        def reading(self: Snapshot, query: Query) -> Any:
            found.append((how, query.text))
            return read(self, query)

        monkeypatch.setattr(Snapshot, how, reading)

    noted("fetch")
    noted("stream")
    return found


def of(asked: list[tuple[str, str]], table: str) -> list[str]:
    """How that table was read."""
    found = [how for how, text in asked if f" {table} " in text]
    asked.clear()
    return found


def january(client: TestClient, **query: Any) -> Any:
    return client.get(f"{PERIODS}/2026-01/lines", params=query)


def many(service: Service, invoices: int) -> None:
    log = Log([issued(f"in_{n:03}", at("2026-01-10"), 100_00) for n in range(invoices)])
    log.close("2026-01")
    service.hear([[row] for row in log.rows])


def test_a_file_is_read_by_one_cursor(
    service: Service, client: TestClient, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    many(service, 9)
    monkeypatch.setattr(reading, "BATCH", 2)
    found = client.get(f"{PERIODS}/2026-01/lines.csv")
    assert [row["invoice"] for row in csv.DictReader(io.StringIO(found.text))] == [
        f"in_{n:03}" for n in range(9)
    ]
    assert of(asked, ROWS) == ["stream"]


def test_each_page_is_asked_for_once(
    service: Service, client: TestClient, asked: list[tuple[str, str]]
) -> None:
    many(service, 9)
    page = january(client, limit=3).json()
    assert of(asked, ROWS) == ["fetch"]
    page = january(client, limit=3, after=page["next"]).json()
    assert of(asked, ROWS) == ["fetch"]
    assert [row["invoice"] for row in page["data"]] == ["in_003", "in_004", "in_005"]


def test_a_page_reads_no_more_rows_than_it_needs(service: Service, client: TestClient) -> None:
    many(service, 3)
    with psycopg.connect(service.database.app_dsn) as connection:
        connection.execute(
            f"create temp table one as select * from {ROWS} where key = 'in_001';"
            " update one set deferred = 365, earned = 0, spread_from = '2026-01-10', spread_to = '2027-01-10'"
        )
        connection.execute(
            "create temp table more as select one.*, n from one, generate_series(1, 5000) n;"
            " update more set key = 'in_9' || n; alter table more drop column n;"
            f" insert into {ROWS} select * from more"
        )
        connection.execute(f"analyze {ROWS}")
        parts = frozenset([("earned", "pro", "eur", "")])
        of_march = Behind(":live", 5, parts, Side(_day("2026-03-31"), 4), Side(_day("2026-02-28"), 4))
        for wanted in (Wanted(parts), Wanted(parts, {}, "in_94", 0, 1)):
            query = read.of_invoices(of_march, wanted, True, None, 30)
            assert len(connection.execute(query.text.encode(), query.parameters).fetchall()) == 30
            plan = connection.execute(
                f"explain (analyze, format json) {query.text}".encode(), query.parameters
            ).fetchone()
            assert plan is not None
            assert sum(_rows(plan[0][0]["Plan"])) < 500
        (said,) = connection.execute(read.by_bytes().text.encode()).fetchall()
        assert said == (True,)


def _rows(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows the leaves of a plan looked at."""
    if not plan.get("Plans"):
        yield plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    for each in plan.get("Plans", ()):
        yield from _rows(each)


def _day(text: str) -> Any:
    return at(text).date()


@pytest.mark.parametrize("words", [False, True])
def test_lines_are_in_the_order_of_bytes_however_the_database_sorts(
    server: EmbeddedServer, words: bool
) -> None:
    name = "sorts_words" if words else "sorts_bytes"
    if words:
        _create(server, name)
    database = create_database(server, name)
    migrate(database)
    with psycopg.connect(database.app_dsn) as connection:
        assert connection.execute(read.by_bytes().text.encode()).fetchone() == (not words,)
    service = Service(database)
    log = Log([issued(id, at("2026-01-10"), 100_00) for id in ODD])
    log.close("2026-01")
    service.hear([[row] for row in log.rows])
    path, ordered = f"{PERIODS}/2026-01/lines", sorted(ODD)
    with TestClient(service.app) as client:
        for limit in (1, 4, 1000):
            assert [row["invoice"] for row in every(client, path, limit=limit)] == ordered
        file = csv.DictReader(io.StringIO(client.get(f"{path}.csv").text))
        assert [row["invoice"] for row in file] == ordered
    service.close()


def _create(server: EmbeddedServer, name: str) -> None:
    """A database that may sort as people do; one that does not say that it sorts by bytes, where the server
    was built without."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        create = f"create database {name} owner {OWNER_ROLE} template template0 locale_provider"
        try:
            connection.execute(f"{create} icu icu_locale 'en' locale 'C'".encode())
        except psycopg.errors.FeatureNotSupported:
            connection.execute(f"{create} libc locale 'C.UTF-8'".encode())


def test_payments_are_looked_for_only_where_one_can_be_among_the_lines(
    service: Service, client: TestClient, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = passed(3, 30)
    log = Log([issued("in_1", at("2026-01-10"), 100_00), *told[:60]])
    log.close("2026-06")
    log.tell(*told[60:])
    log.close("2026-08")
    service.hear([[row] for row in log.rows])
    monkeypatch.setattr(closed, "PAYMENTS", 3)
    path, table = f"{PERIODS}/2026-08/lines", relation(PassedOn)
    for given in ({"what": "earned"}, {"plan": "pro"}, {"rate": "SE 25"}, {"currency": "usd"}):
        assert client.get(path, params=given).status_code == 200
        assert of(asked, table) == [], given
    found = [row for row in every(client, path) if row["place"] == -4]
    one = found[len(found) // 2]["invoice"]
    asked.clear()
    assert every(client, path, invoice=one) == [row for row in found if row["invoice"] == one]
    assert sum(f" {LEGS} " in text for _, text in asked) == 1
    assert of(asked, table) == ["fetch"]


def test_which_payments_there_are_is_asked_once_for_many(
    service: Service, client: TestClient, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(passed(3, 30))
    log.close("2026-08")
    service.hear([[row] for row in log.rows])
    monkeypatch.setattr(closed, "PAYMENTS", 3)
    assert client.get(f"{PERIODS}/2026-08/lines").status_code == 200
    assert sum(f" {LEGS} " in text for _, text in asked) > 3
    assert of(asked, relation(PassedOn)) == ["fetch"]


def test_a_close_that_the_views_have_not_reached_is_waited_for(service: Service, client: TestClient) -> None:
    log = Log([issued("in_1", at("2026-01-10"), 100_00)])
    log.close("2026-01")
    *rows, last = log.rows
    service.hear([[row] for row in rows])
    service.journal.append_many([[last]])
    assert client.get(f"{PERIODS}/2026-01").json()["data"]["status"] == "closed"
    for asked in ({}, {"known_at": "2"}, {"known_at": "99"}):
        _waits(january(client, **asked), 2)
    _waits(client.get(f"{PERIODS}/2026-01/lines.csv"), 2)
    assert january(client, known_at="1").status_code == 404
    service.engine.catch_up()
    assert len(january(client).json()["data"]) == 1


def _waits(answer: Any, row: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM), answer.text
    assert answer.headers["retry-after"]
    assert f"not reached row {row} " in answer.json()["detail"]


def test_behind_a_later_close_no_lines_of_the_one_before_are_shown(
    service: Service, client: TestClient
) -> None:
    log = Log([issued(f"in_{n}", at("2026-01-10"), 100_00) for n in range(3)])
    log.close("2026-01")
    service.hear([[row] for row in log.rows])
    first = january(client, limit=1).json()
    told = len(log.rows)
    log.reopen("2026-01")
    service.journal.append_many([[row] for row in log.rows[told:]])
    assert january(client).status_code == 404
    log.tell(issued("in_9", at("2026-01-12"), 50_00))
    log.close("2026-01")
    service.journal.append_many([[row] for row in log.rows[told + 1 :]])
    _waits(january(client), len(log.rows))
    assert len(january(client, known_at=f"{told}").json()["data"]) == 3
    rest = january(client, after=first["next"]).json()
    assert [row["invoice"] for row in rest["data"]] == ["in_1", "in_2"]
    service.engine.catch_up()
    assert len(january(client).json()["data"]) == 4


def test_lines_of_invoices_do_not_wait_for_views_of_payments(service: Service, client: TestClient) -> None:
    many(service, 2)
    with psycopg.connect(service.database.app_dsn, autocommit=True) as connection:
        connection.execute("update views.tracking set position = 1 where name = %s", [tracked(Money)])
    assert len(january(client, what="earned", plan="pro").json()["data"]) == 2
    assert january(client, what="theirs").status_code == 503
