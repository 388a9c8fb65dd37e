"""A rebuild is asked for over HTTP, runs elsewhere, and is told of where the views are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.adapters.postgres.rebuild_reports import RebuildReport
from ledgerstone.projections.reads import rebuilds
from tests.http.parts import Service
from tests.waiting import until

REBUILD = "/sys/projections/mrr/rebuild"


@contextmanager
def _rebuilding_by(service: Service, rebuild: Callable[[str, bool], None]) -> Iterator[TestClient]:
    """Asks a service that rebuilds in this way."""
    other = Service(service.database, rebuild=rebuild)
    with TestClient(other.app) as client:
        yield client
    other.close()


def _mrr(client: TestClient) -> Any:
    return next(row for row in client.get("/sys/projections").json()["data"] if row["name"] == "mrr")


def test_a_rebuild_is_begun_and_said_where_to_look(service: Service) -> None:
    begun: list[tuple[str, bool]] = []
    with _rebuilding_by(service, lambda *asked: begun.append(asked)) as client:
        answer = client.post(REBUILD)
        client.post(f"{REBUILD}?replace=true")

    assert (answer.status_code, answer.headers["Location"]) == (202, "/sys/projections")
    assert answer.json() == {"view": "mrr", "look": "/sys/projections"}
    assert begun == [("mrr", False), ("mrr", True)]


def test_what_it_cannot_be_asked_is_refused(client: TestClient) -> None:
    assert client.post(f"{REBUILD}?replace=maybe").json()["parameter"] == "replace"
    assert client.post(f"{REBUILD}?swap=false").status_code == 400


def test_an_unknown_view_is_answered_with_those_that_there_are(client: TestClient) -> None:
    answer = client.post("/sys/projections/profit/rebuild")
    assert answer.status_code == 404
    assert "mrr" in answer.json()["detail"]


def test_a_service_that_cannot_rebuild_says_how_to(client: TestClient) -> None:
    assert client.post(REBUILD).status_code == 503
    assert client.get(REBUILD).status_code == 405


def test_while_one_runs_another_is_refused(service: Service) -> None:
    def busy(view: str, replace: bool) -> None:
        raise AlreadyRunning(view)

    with _rebuilding_by(service, busy) as client:
        assert client.post(REBUILD).status_code == 409
    with _rebuilding_by(service, lambda view, replace: None) as client:
        with alone(service.database.app_dsn, rebuilds.LOCK):
            assert client.post(REBUILD).status_code == 409
        assert client.post(REBUILD).status_code == 202


def test_its_progress_is_told_with_rate_and_time_left(service: Service, client: TestClient) -> None:
    dsn = service.database.app_dsn
    with alone(dsn, rebuilds.LOCK), RebuildReport(dsn, ["terms", "mrr"], 2, True) as report:
        report.moved("folding", 30_000, 100_000, 10_000.0)
        told = _mrr(client)["progress"]

    assert (told["phase"], told["done"], told["total"], told["rate"]) == ("folding", 30_000, 100_000, 10_000)
    assert (told["eta_seconds"], told["workers"]) == (7, 2)
    assert client.get("/sys/projections.csv").status_code == 200


def test_what_was_killed_does_not_seem_to_run(service: Service, client: TestClient) -> None:
    dsn = service.database.app_dsn
    with alone(dsn, rebuilds.LOCK), RebuildReport(dsn, ["mrr"], 2, True):
        assert _mrr(client)["progress"]

    until(lambda: _mrr(client)["progress"] is None, "the session that held the lock has ended")
    mrr = _mrr(client)
    assert (mrr["report"]["state"], mrr["report"]["reason"]) == ("failed", "it was killed")


def test_the_last_report_of_a_view_tells_what_its_new_version_changed(
    service: Service, client: TestClient
) -> None:
    changed = {
        "table": "mrr_v3",
        "before": "mrr_v2",
        "position": 7,
        "columns": {"added": ["mood"], "gone": []},
        "differing": 1,
        "keys": [{"book": ":live", "key": "cus_1", "change": "changed", "columns": ["mrr"]}],
        "incomparable": None,
    }
    damaged = ["customers_v2 :live cus_1: country is 'XX'", "mrr_v3_edge :live cus_1: ref_id is 'none'"]
    chain = {"views": ["terms", "mrr"], "position": 7, "revised": [changed], "replaced": damaged}
    with RebuildReport(service.database.app_dsn, ["terms", "mrr"], 2, True) as report:
        report.built(chain)
        report.ended("swapped")
    rows = {row["name"]: row for row in client.get("/sys/projections").json()["data"]}

    assert rows["mrr"]["report"]["chains"] == [{**chain, "replaced": damaged[1:]}]
    assert rows["terms"]["report"]["chains"] == [{**chain, "revised": [], "replaced": []}]
    with psycopg.connect(service.database.app_dsn) as connection:
        query = rebuilds.latest()
        found = connection.execute(query.text.encode(), query.parameters).fetchall()
    lines = list(rebuilds.lines(rebuilds.reports(found)[0]))
    assert "      :live cus_1: mrr" in lines
    assert [f"      {line}" for line in damaged] == [line for line in lines if line.strip() in damaged]
