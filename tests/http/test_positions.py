"""Who waits for which views, and for how long?"""

import asyncio

import psycopg
import pytest
from starlette.testclient import TestClient

from ledgerstone.http.positions import Positions
from ledgerstone.projections.reads.projections import NAMES
from tests.http.parts import Service
from tests.worlds import messages


@pytest.mark.parametrize("left", ["mrr_v1", f"{NAMES[0]}_new_3", "events_v1"])
def test_who_asks_for_no_view_waits_for_those_that_are_served(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.setattr("ledgerstone.http.answering.WAIT", 1.0)
    service.hear(messages(1))
    head = service.journal.head()
    with psycopg.connect(service.services.dsn, autocommit=True) as connection:
        connection.execute("insert into views.tracking (name, position) values (%s, 1)", [left])
        connection.execute("notify views")

    statuses = [
        client.get("/sys/projections", headers={"Ledger-Min-Position": str(at)}).status_code
        for at in (head, head + 1)
    ]
    assert statuses == [200, 503]


def test_a_view_that_has_no_tables_yet_is_waited_for() -> None:
    positions = Positions("")
    positions._tell(dict.fromkeys(NAMES[1:], 100))
    assert not asyncio.run(positions.reach((), 100, 0.01))

    positions._tell(dict.fromkeys(NAMES, 100))
    assert asyncio.run(positions.reach((), 100, 0.01))
