"""What of an invoice is kept: credit notes, refunds and a void reduce revenue, and each only once."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.http.parts import Service
from tests.stripe_money import credit_note
from tests.stripe_objects import BORN, NOW, Json, event, invoice, marks, read, refund

AS_OF = {"as_of": "2026-11"}
OPEN = event("invoice.finalized", invoice(), id="evt_1", created=BORN)
BEFORE = credit_note(
    pre_payment_amount=6_000,
    post_payment_amount=0,
    refunds=[],
    out_of_band_amount=None,
    customer_balance_transaction=None,
)
NOTED = event("credit_note.created", BEFORE, id="evt_2")
VOID = event(
    "invoice.voided",
    invoice(
        status="void",
        status_transitions=marks(finalized_at=BORN, voided_at=NOW),
        pre_payment_credit_notes_amount=6_000,
    ),
    id="evt_3",
)
UNNOTED = event("credit_note.voided", {**BEFORE, "status": "void", "voided_at": NOW}, id="evt_4")
MIXED = event("credit_note.created", credit_note(), id="evt_5")
REFUND = event("refund.created", refund(amount=2_000), id="evt_6")

NET = 10_000
STORIES: dict[str, tuple[list[Json], dict[str, int]]] = {
    "issued": ([OPEN], {"net_revenue": NET, "credit_notes": 0, "voided": 0}),
    "credited": ([OPEN, NOTED], {"net_revenue": NET - 4_800, "credit_notes": 4_800}),
    "credited, and the note voided": ([OPEN, NOTED, UNNOTED], {"net_revenue": NET, "credit_notes": 0}),
    "credited, and the rest voided": (
        [OPEN, NOTED, VOID],
        {"net_revenue": 0, "credit_notes": 4_800, "voided": NET - 4_800},
    ),
    "credited, and a part of that refunded": (
        [OPEN, MIXED, REFUND],
        {"net_revenue": NET - 3_200 - 2_000, "credit_notes": 3_200, "refunds": 2_000},
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_net_revenue_is_what_is_left(service: Service, client: TestClient, story: str) -> None:
    told, expected = STORIES[story]
    service.hear([read(each).rows for each in told])
    (row,) = _data(client, "/sys/billing/revenue", **AS_OF)
    assert {name: row[name] for name in expected} == expected
    grouped = {
        each["group"]: each["net_revenue"]
        for each in _data(client, "/sys/billing/revenue", group_by="tenant", **AS_OF)
    }
    assert grouped["cus_1"] == row["net_revenue"] + row["refunds"], "whose refund that is nobody told here"
    assert sum(grouped.values()) == row["net_revenue"]


def test_an_invoice_says_what_it_was_credited(service: Service, client: TestClient) -> None:
    service.hear([read(each).rows for each in (OPEN, NOTED)])
    answer = client.get("/sys/invoices/in_1").json()["data"]
    assert (answer["credited"], answer["history"][-1]["credited"]) == (6_000, 6_000)
    assert [(note["id"], note["kind"], note["amount"]) for note in answer["credit_notes"]] == [
        ("cn_1", "issued", 6_000)
    ]


def _data(client: TestClient, path: str, **query: Any) -> list[Json]:
    rows: list[Json] = client.get(path, params=query).raise_for_status().json()["data"]
    return rows
