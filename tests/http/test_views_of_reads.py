"""Each route names the views that its answer is made of: what it does not name it would not wait for, and
would answer from while it is being built."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.http.app import READS
from ledgerstone.http.database import Snapshot
from ledgerstone.http.questions import Answered, AnyRead
from ledgerstone.projections.reads.asked import Query
from tests.closes import Log
from tests.exchanged import exchanged
from tests.http.parts import Service, every
from tests.passed import passed

TABLE = re.compile(r"views\.([a-z_]+_v\d+)")
ASKED: dict[str, list[dict[str, Any]]] = {
    "/sys/billing/mrr": [{"group_by": group} for group in ("plan", "tenant")],
    "/sys/billing/mrr/movements": [
        {"group_by": group, "as_of": "2026-10-15T09:00:00Z"} for group in ("plan", "tenant")
    ],
    "/sys/billing/mrr/bridge": [{"known_from": 0, "as_of": "2026-10"}],
    "/sys/journal/balances": [
        {"from": "2026-05"},
        {"group_by": "subject", "chart": "receivable"},
        {"group_by": "tenant"},
    ],
    "/sys/billing/revenue": [
        {"group_by": group, "as_of": "2026-10"} for group in ("plan", "country", "tenant")
    ],
}


CLOSED = ("/sys/periods/{period}/lines",)


@pytest.fixture(scope="module")
def months(server: EmbeddedServer, template: str) -> Iterator[TestClient]:
    """A business that closed two months, so that there are lines of closes."""
    log = Log([*exchanged(1, 9), *passed(1, 9)])
    log.close("2026-05", "2026-06")
    service = Service(create_database(server, "views_of_reads", template))
    service.hear([[row] for row in log.rows])
    with TestClient(service.app) as client:
        yield client
    service.close()


@pytest.mark.parametrize("read", READS, ids=lambda read: read.path)
def test_a_route_names_the_views_that_it_reads(
    business: TestClient, months: TestClient, read: AnyRead, monkeypatch: pytest.MonkeyPatch
) -> None:
    business = months if read.path in CLOSED else business
    tables, fetch, stream = set[str](), Snapshot.fetch, Snapshot.stream

    def noted(what: Any) -> Any:
        def reading(self: Snapshot, query: Query) -> Any:
            tables.update(TABLE.findall(query.text))
            return what(self, query)

        return reading

    monkeypatch.setattr(Snapshot, "fetch", noted(fetch))
    monkeypatch.setattr(Snapshot, "stream", noted(stream))
    for asked in ASKED.get(read.path, [{}]):
        path = read.path.replace("{position}", "1").replace("{account}", "receivable")
        path = path.replace("{period}", "2026-06")
        if "{view}" in path:
            one = every(business, "/sys/invoices")[0]["id"]
            path = path.replace("{view}/{key}", f"invoices/{one}")
            tables.clear()
        if "{id}" in path:
            path = path.replace("{id}", every(business, path.rpartition("/")[0])[0]["id"])
            tables.clear()
        answer = business.get(
            path, params={**asked, "limit": 7} if read.listed and "after" in _names(read) else asked
        )
        assert answer.status_code == 200, answer.text

    grouped = read.grouped if isinstance(read, Answered) else {}
    named = {re.sub(r"_v\d+$", "", view) for view in (*read.views, *chain(*grouped.values()))}
    assert {_view(table) for table in tables if not table.startswith("events_")} <= named


def _view(table: str) -> str:
    return re.sub(r"_v\d+.*$", "", table)


def _names(read: AnyRead) -> tuple[str, ...]:
    return read.query.__struct_encode_fields__
