"""What the audit shows of messages that are read again after an upgrade, by the command, is what the intake
says of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from ledgerstone.ledger.customers import CustomerDetails
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.rereading import Reading, announced
from tests import stripe_objects as stripe
from tests.http.parts import Service, every
from tests.test_cli import Shell
from tests.test_retranslate import Message, parked, payout, told

EVENTS = "/audit/events"


def thin(event: str) -> bytes:
    related = stripe.named("billing.meter", "mtr_1", "/v1/billing/meters/mtr_1")
    return json.dumps(stripe.thin("v1.billing.meter.error_report_triggered", related, id=event)).encode()


def states(service: Service, client: TestClient, **known: Any) -> dict[str, str]:
    """The state of each message, which the list, its filter, the detail and the intake agree upon."""
    service.engine.catch_up()
    rows = every(client, EVENTS, **known)
    for row in rows:
        detail = client.get(f"{EVENTS}/{row['position']}", params=known).json()["data"]
        assert {name: detail[name] for name in row} == row
        assert (row["reason"] is not None) == (row["state"] == "parked")
    waiting = [row for row in rows if row["state"] == "parked"]
    assert every(client, EVENTS, parked="true", **known) == waiting
    assert every(client, EVENTS, parked="false", **known) == [row for row in rows if row not in waiting]
    if not known:
        assert client.get("/sys/sync/stripe").json()["data"]["parked"] == len(waiting)
    return {row["id"]: row["state"] for row in rows}


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize(
    ("waiting", "state", "facts"),
    [
        (payout(9000, "evt_2", "po_2"), "read", ["payout-sent"]),
        (payout(9000, "evt_2"), "read", []),
        (payout(7000, "evt_2"), "conflicting", []),
        (thin("evt_2"), "read", ["refetch-wanted"]),
        (payout(9000, "evt_2", livemode="yes"), "parked", []),
    ],
    ids=["new", "told by another", "other amounts", "only a name", "not readable yet"],
)
def test_what_waited_is_shown_as_the_intake_counts_it(
    service: Service,
    client: TestClient,
    asked_before: bool,
    waiting: bytes,
    state: str,
    facts: list[str],
) -> None:
    service.hear([told(payout(9000)), parked(waiting)])
    before = service.journal.head()
    if asked_before:
        assert states(service, client) == {"evt_1": "read", "evt_2": "parked"}

    assert Shell(service.database)("retranslate").exit_code == 0

    assert states(service, client) == {"evt_1": "read", "evt_2": state}
    assert states(service, client, known_at=before) == {"evt_1": "read", "evt_2": "parked"}
    (row,) = (row for row in every(client, EVENTS) if row["id"] == "evt_2")
    assert row["facts"] == facts


def test_what_is_read_in_part_and_not_judged_yet_still_waits(service: Service, client: TestClient) -> None:
    """So a retranslation leaves it that is broken off."""
    evidence, *facts = told(payout(9000))
    service.hear([parked(payout(9000))])
    service.hear([announced(Reading(evidence, facts), facts, {}, read=False)])
    assert states(service, client) == {"evt_1": "parked"}

    assert Shell(service.database)("retranslate").exit_code == 0
    assert states(service, client) == {"evt_1": "read"}


def test_an_unknown_type_is_read_as_soon_as_something_was_read_from_it(
    service: Service, client: TestClient
) -> None:
    evidence, *_ = told(payout(9000))
    service.hear([(replace(evidence, body=replace(evidence.body, unknown=True)),)])
    assert states(service, client) == {"evt_1": "unknown"}

    assert Shell(service.database)("retranslate").exit_code == 0
    assert states(service, client) == {"evt_1": "read"}


@pytest.mark.parametrize("kind", ["payout.created", "file.created"])
def test_a_type_that_is_in_the_list_by_now_is_unknown_no_more(
    service: Service, client: TestClient, kind: str
) -> None:
    """Whether something is read from it or nothing; one that is still in no list stays."""
    evidence, *_ = told(json.dumps({**json.loads(payout(9000)), "type": kind}).encode())
    other = told(payout(1, event="evt_2", id="po_2", type="payout.never_heard_of"))
    service.hear([(replace(evidence, body=replace(evidence.body, unknown=True)),), other])
    before = client.get("/sys/sync/stripe").json()["data"]

    for _ in range(2):
        assert Shell(service.database)("retranslate").exit_code == 0
    assert states(service, client) == {"evt_1": "read", "evt_2": "unknown"}
    after = client.get("/sys/sync/stripe").json()["data"]
    assert (before["unknown"], after["unknown"], before["heard"], after["heard"]) == (2, 1, 2, 2)


def test_who_a_customer_was_taken_for_is_shown_with_the_evidence_only(
    service: Service, client: TestClient
) -> None:
    ada = stripe.event("customer.created", stripe.customer(name="Ada Lovelace", email="ada@example.org"))
    service.hear([_as_read(json.dumps(ada).encode(), lambda details: replace(details, name="Grace Hopper"))])
    assert Shell(service.database)("retranslate", "--all").exit_code == 0
    service.engine.catch_up()

    plain = client.get(f"{EVENTS}/1").json()["data"]
    said = client.get(f"{EVENTS}/1", params={"evidence": "true"}).json()["data"]
    masked, shown = plain["readings"][-1]["told"], said["readings"][-1]["told"]
    assert not any(word in json.dumps(plain) for word in ("Grace", "Ada", "ada@"))
    assert masked["was"] == masked["now"] == {"fact": "customer-details", "id": shown["was"]["id"]}
    assert (shown["was"]["name"], shown["now"]["name"]) == ("Grace Hopper", "Ada Lovelace")
    assert {name: masked[name] for name in masked if name not in ("was", "now")} == {
        name: shown[name] for name in shown if name not in ("was", "now")
    }


def _as_read(event: bytes, wrongly: Callable[[CustomerDetails], CustomerDetails]) -> Message:
    def read(row: Recorded) -> Recorded:
        return replace(row, body=wrongly(row.body)) if isinstance(row.body, CustomerDetails) else row

    return tuple(map(read, told(event)))
