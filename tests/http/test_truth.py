"""The service's answers are the generator's own figures: for several businesses, with the messages in order,
shuffled, and told twice."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.commands.figures import COUNTED, MOVED, differences
from ledgerstone.demo.history import generate
from ledgerstone.demo.versions import VERSIONS
from ledgerstone.ledger.recorded import Recorded
from tests.http.parts import Service
from tests.worlds import shuffled

Told = list[tuple[Recorded, ...]]
ORDERS: dict[str, Callable[[Told, int], Sequence[tuple[Recorded, ...]]]] = {
    "in order": lambda told, seed: told,
    "shuffled": lambda told, seed: shuffled(told, seed, twice=0),
    "doubled": lambda told, seed: shuffled(told, seed, twice=1),
}
INVOICE = ("status", "settlement", "total", "tax", "amount_due", "amount_paid", "amount_remaining", "tenant")
SUBSCRIPTION = ("status", "collection_paused", "mrr", "currency", "customer", "tenant")


NEWEST, *OLDER = VERSIONS
TELLINGS = [(seed, order, NEWEST) for seed in (11, 12, 13) for order in ORDERS]
TELLINGS += [(14, "doubled", shape) for shape in OLDER]


@pytest.mark.parametrize(("seed", "order", "shape"), TELLINGS)
def test_the_answers_are_the_truth(
    service: Service, client: TestClient, seed: int, order: str, shape: str
) -> None:
    history = generate(seed=seed, customers=16, months=14, start="2025-09", shape=shape)
    told = [
        read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True).rows
        for event in history.events
    ]
    truth = history.truth()
    service.hear(ORDERS[order](told, seed))

    when = {"from": "2025-09", "to": "2026-10", "as_of": truth["as_of"]}
    mrr = _all(client, "/sys/billing/mrr", when)
    moved = _all(client, "/sys/billing/mrr/movements", when)
    daily = _all(client, "/sys/billing/mrr", {**when, "interval": "day"})
    assert differences(COUNTED, mrr, truth["months"]) == []
    assert differences(MOVED, moved, truth["movements"]) == []
    assert differences(("mrr",), daily, truth["daily"]) == []
    _same(INVOICE, _all(client, "/sys/invoices", {"as_of": truth["as_of"]}), truth["invoices"])
    _same(SUBSCRIPTION, _all(client, "/sys/subscriptions", {"as_of": truth["as_of"]}), truth["subscriptions"])


def _all(client: TestClient, path: str, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Every page of an answer."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = client.get(path, params={**asked, **after}).raise_for_status().json()
        found += answer["data"]
        if answer["next"] is None:
            return found
        after = {"after": answer["next"]}


def _same(columns: Sequence[str], answered: list[dict[str, Any]], true: list[dict[str, Any]]) -> None:
    here = {row["id"]: [row[column] for column in columns] for row in answered}
    assert here == {row["id"]: [row[column] for column in columns] for row in true}
