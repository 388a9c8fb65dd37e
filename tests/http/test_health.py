"""Is the service alive and ready, and how do its views stand?"""

from contextlib import closing
from os import getpid
from socket import gethostname
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads.projections import CODE
from ledgerstone.projections.views import VIEWS
from tests.http.parts import PROBLEM, Service
from tests.waiting import until
from tests.worlds import messages


def test_a_service_with_an_empty_log_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["views"] == {view.name: 0 for view in VIEWS}


def test_all_views_are_listed_with_their_lag(service: Service, client: TestClient) -> None:
    told = messages(1)
    service.hear(told[:9])
    service.journal.append_many(told[9:])
    head = service.journal.head()

    rows = client.get("/sys/projections").json()["data"]
    assert {row["name"] for row in rows} == {view.name for view in VIEWS}
    assert all(row["position"] + row["lag"] == head and row["lag"] > 0 for row in rows)
    assert all(row["lag_seconds"] > 0 and row["state"] == "live" for row in rows)
    assert f'ledgerstone_view_lag_rows{{view="mrr"}} {float(rows[0]["lag"])}' in client.get("/metrics").text


def test_a_stopped_view_is_named_with_its_reason(service: Service, client: TestClient) -> None:
    service.hear(messages(1))
    with psycopg.connect(service.services.dsn, autocommit=True) as connection:
        connection.execute(
            "update views.tracking set stopped_at = 7, reason = 'row 7 is odd' where name = 'mrr_v3'"
        )

    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.json()["reasons"] == ["mrr v3 stopped at row 7: row 7 is odd"]
    mrr = next(row for row in client.get("/sys/projections").json()["data"] if row["name"] == "mrr")
    assert (mrr["state"], mrr["stopped_at"]) == ("stopped", 7)


class Unpriced(Mrr):
    """A view with a mistake: it cannot stand a certain row."""

    feared = ""

    def fold(self, state: Any, row: Recorded, id: str) -> Any:
        if row.name == self.feared:
            raise ZeroDivisionError("a mistake of ours")
        return super().fold(state, row, id)


def test_a_row_that_cannot_be_folded_is_named_and_the_rest_is_served(
    service: Service, client: TestClient
) -> None:
    told = messages(3)
    hearing = [row for message in told for row in message if type(row.body) in Mrr.hears]
    Unpriced.feared = hearing[len(hearing) // 2].name
    views = [Unpriced() if isinstance(view, Mrr) else view for view in VIEWS]
    service.journal.append_many(told)
    Engine(views, service.journal, service.store).catch_up()
    head = service.journal.head()

    rows = {row["name"]: row for row in client.get("/sys/projections").json()["data"]}
    at, reason = rows["mrr"]["stopped_at"], rows["mrr"]["reason"]
    assert reason == f"row {at} ({Unpriced.feared}): ZeroDivisionError: a mistake of ours"
    assert [name for name, row in rows.items() if row["state"] != "live"] == ["mrr"]
    assert client.get("/readyz").json()["reasons"] == [f"mrr v3 stopped at row {at}: {reason}"]
    assert client.get("/sys/billing/mrr").headers["Ledger-Position"] == str(at - 1)
    assert client.get("/sys/billing/mrr").json()["meta"]["position"] == at - 1
    assert client.get("/sys/invoices").headers["Ledger-Position"] == str(head)

    service.engine.restart()
    service.engine.catch_up()

    assert client.get("/readyz").status_code == 200
    assert client.get("/sys/billing/mrr").headers["Ledger-Position"] == str(head)


def test_who_keeps_the_views_is_named(service: Service, client: TestClient) -> None:
    def leaders() -> set[str | None]:
        return {row["led_by"] for row in client.get("/sys/projections").json()["data"]}

    assert leaders() == {None}
    with closing(Lease(service.services.dsn, CODE)):
        until(lambda: leaders() != {None})
        assert leaders() == {f"{gethostname()[:24]} {getpid()}"}
        assert client.get("/sys/projections").json()["data"][0]["led_since"]
    until(lambda: leaders() == {None}, "the session that led has ended")


def test_a_view_that_is_a_minute_behind_is_not_relied_upon(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hear(messages(1)[:5])
    service.journal.append_many(messages(1)[5:])
    assert client.get("/readyz").status_code == 200

    monkeypatch.setattr("ledgerstone.projections.reads.projections.LATE", 0.0)
    reasons = client.get("/readyz").json()["reasons"]
    assert len(reasons) == len(VIEWS)
    assert all("behind the log; no engine leads" in reason for reason in reasons)


def test_views_that_were_never_built_are_said_to_be_missing(service: Service, client: TestClient) -> None:
    with psycopg.connect(service.services.dsn, autocommit=True) as connection:
        connection.execute("delete from views.tracking where name = 'mrr_v3'")

    assert client.get("/readyz").json()["reasons"] == [
        "mrr v3 has no tables yet: the engine makes them as soon as it runs"
    ]
    assert client.get("/sys/billing/mrr").status_code == 503
    assert client.get("/sys/invoices").status_code == 200


@pytest.mark.parametrize(
    ("table", "state"),
    [
        ("mrr_v1", "retired"),
        ("mrr_v1_new_4", "rebuilding"),
        ("mrr_v3_new_12", "rebuilding"),
        ("mrr_v4_new_1", "rebuilding"),
        ("mrr_v3_old_1", "retired"),
    ],
)
@pytest.mark.parametrize("stopped_at", [None, 2])
def test_tables_that_are_not_served_trouble_nobody(
    service: Service,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    state: str,
    stopped_at: int | None,
) -> None:
    service.hear(messages(1))
    head = service.journal.head()
    with psycopg.connect(service.services.dsn, autocommit=True) as connection:
        connection.execute(
            "insert into views.tracking (name, position, stopped_at, reason) values (%s, 1, %s, 'odd')",
            [table, stopped_at],
        )
    monkeypatch.setattr("ledgerstone.projections.reads.projections.LATE", 0.0)

    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["views"]["mrr"]) == (200, head)
    rows = [row for row in client.get("/sys/projections").json()["data"] if row["name"] == "mrr"]
    other = next(row for row in rows if row["position"] == 1)
    assert (other["state"], other["stopped_at"], other["reason"]) == (state, stopped_at, "odd")
    assert [row["state"] for row in rows if row is not other] == ["live"]
    assert 'ledgerstone_view_lag_rows{view="mrr"} 0.0' in client.get("/metrics").text


def test_what_was_refused_and_parked_is_seen_in_sync(business: TestClient) -> None:
    def told() -> Any:
        return business.get("/sys/sync/stripe").json()["data"]

    until(lambda: told()["last_heard_at"] is not None, "the index of messages is on its way")
    health = told()

    assert (health["status"], health["parked"], health["refused"]) == ("ok", 0, 0)
    assert health["heard"] == sum(row["heard"] for row in health["types"])


def test_the_index_of_messages_is_no_view_that_anybody_waits_for(
    service: Service, client: TestClient
) -> None:
    service.hear(messages(1))
    assert client.get("/audit/events").status_code == 200
    with psycopg.connect(service.services.dsn, autocommit=True) as connection:
        connection.execute("insert into views.tracking (name, position) values ('events_v1', 1)")

    names = {view.name for view in VIEWS}
    assert {row["name"] for row in client.get("/sys/projections").json()["data"]} == names
    assert set(client.get("/readyz").json()["views"]) == names


def test_before_any_view_is_begun_they_are_said_not_to_be_there(service: Service, client: TestClient) -> None:
    with psycopg.connect(service.database.owner_dsn, autocommit=True) as connection:
        connection.execute("drop table views.tracking")
    for path in ("/sys/projections", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert "No view has been built yet" in answer.json()["detail"]
