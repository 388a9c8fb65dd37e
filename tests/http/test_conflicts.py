"""What becomes of the books when messages contradict each other? The first telling stays in force, the other
is kept beside it and moves nothing, and a person sees both."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres import recent
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.scan import scan
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.invariants import findings
from ledgerstone.ledger.journal import Journal, Recorded
from tests import stripe_objects as stripe
from tests.corrected import trial_balance
from tests.http.parts import Service, deliver

Message = tuple[Recorded, ...]
SENT = "payout/po_1/sent"
PRODUCT = {"id": "prod_1", "object": "product", "name": "Pro"}


def payout(amount: int, event: str = "evt_1", **fields: Any) -> dict[str, Any]:
    shown = {"id": "po_1", "object": "payout", "status": "pending", "amount": amount, "currency": "eur"}
    return stripe.event("payout.created", {**shown, "created": stripe.BORN}, id=event, **fields)


def read(said: dict[str, Any], source: str = "import") -> Message:
    return read_message(json.dumps(said).encode(), source=source, signature=None, livemode=True).rows


def in_transit(service: Service) -> int:
    """What the books say is on its way to our bank: after a payout of 90.00, 9,000."""
    rows = [entry.row for entry in service.journal.read(0, 1000) if entry.row is not None]
    return sum(
        amount for (account, *_), amount in trial_balance(rows).items() if account == "payouts_in_transit"
    )


def concerns(service: Service, client: TestClient) -> list[tuple[str, str]]:
    """What waits for a person; nothing else makes the intake need attention."""
    service.engine.catch_up()
    health = client.get("/sys/sync/stripe").json()["data"]
    found = [(concern["kind"], concern["subject"]) for concern in health["concerns"]]
    assert health["conflicts"] == len(found)
    assert health["status"] == ("attention" if found else "ok")
    return found


def test_another_body_under_the_same_name_moves_nothing_and_is_seen(
    service: Service, client: TestClient
) -> None:
    deliver(client, payout(9000))
    assert deliver(client, payout(7000)).json()["duplicate"]

    assert in_transit(service) == 9000
    assert concerns(service, client) == [("evidence-conflict", "stripe/evt_1")]


def test_a_contradiction_that_is_told_again_is_one_whatever_its_count_of_copies(
    service: Service, client: TestClient
) -> None:
    deliver(client, payout(9000))
    for undelivered in (3, 2, 2):
        deliver(client, payout(7000, pending_webhooks=undelivered))

    assert concerns(service, client) == [("evidence-conflict", "stripe/evt_1")]


def test_a_contradiction_of_a_contradiction_is_another(service: Service, client: TestClient) -> None:
    for amount in (9000, 7000, 5000, 7000):
        deliver(client, payout(amount))

    assert in_transit(service) == 9000
    assert concerns(service, client) == [("evidence-conflict", "stripe/evt_1")] * 2


def test_a_file_cannot_preempt_what_is_signed_unseen(service: Service, client: TestClient) -> None:
    service.journal.append(read(payout(1)))
    deliver(client, payout(9000))

    assert concerns(service, client) == [("evidence-conflict", "stripe/evt_1")]
    kept = service.journal.read(2, 1)[0].row
    assert kept is not None
    assert json.loads(kept.body.payload)["data"]["object"]["amount"] == 9000  # type: ignore[union-attr]
    assert kept.body.signature.startswith("t=")  # type: ignore[union-attr]
    assert client.get("/sys/sync/stripe").json()["data"]["confirmed"] == 0


def test_a_signed_delivery_of_what_was_imported_confirms_it_once(
    service: Service, client: TestClient
) -> None:
    service.journal.append(read(payout(9000)))
    for _ in range(2):
        deliver(client, payout(9000))

    assert concerns(service, client) == []
    assert client.get("/sys/sync/stripe").json()["data"]["confirmed"] == 1
    assert in_transit(service) == 9000


def test_other_words_of_another_version_are_no_contradiction(service: Service, client: TestClient) -> None:
    service.journal.append(read(payout(9000)))
    deliver(client, {**payout(9000), "api_version": "2020-08-27"})

    assert concerns(service, client) == []
    assert in_transit(service) == 9000


def test_other_amounts_in_another_version_are_seen(service: Service, client: TestClient) -> None:
    service.journal.append(read(payout(1)))
    for _ in range(2):
        deliver(client, {**payout(9000), "api_version": "2020-08-27"})

    assert in_transit(service) == 1
    assert concerns(service, client) == [("fact-conflict", SENT)]


def test_a_conflict_that_is_seen_long_after_its_message_keeps_the_invariants(
    service: Service, client: TestClient
) -> None:
    service.journal.append(read(payout(1)))
    service.journal.append(read(stripe.event("product.created", PRODUCT, id="evt_2")))
    deliver(client, {**payout(9000), "api_version": "2020-08-27"})

    assert concerns(service, client) == [("fact-conflict", SENT)]
    assert list(findings(scan(service.database.app_dsn), lambda row, position: None)) == []


def test_a_conflict_ends_when_the_fact_is_corrected_to_it_and_no_other(
    service: Service, client: TestClient
) -> None:
    first, second, third = (read(payout(amount))[1] for amount in (9000, 7000, 5000))
    for amount, event in ((9000, "evt_1"), (7000, "evt_2"), (5000, "evt_3")):
        service.journal.append(read(payout(amount, event)))
    assert concerns(service, client) == [("fact-conflict", SENT)] * 2

    for number, (held, told, left) in enumerate([(first, second, "evt_3"), (second, third, "evt_2")], 1):
        service.journal.append_new([superseding(held, told, number)])
        assert concerns(service, client) == [("fact-conflict", SENT)]
        (concern,) = client.get("/sys/sync/stripe").json()["data"]["concerns"]
        assert concern["reason"] == f"stripe/{left} tells of other amounts"


def test_a_conflict_that_was_settled_needs_nobody(service: Service, client: TestClient) -> None:
    first, second = (read(payout(amount))[1] for amount in (9000, 7000))
    service.journal.append(read(payout(9000)))
    service.journal.append(read(payout(7000, "evt_2")))
    service.journal.append_new([superseding(first, second, 1)])

    assert concerns(service, client) == []


def test_two_messages_that_tell_of_one_fact_count_it_once_and_are_seen(
    service: Service, client: TestClient
) -> None:
    for _ in range(2):
        deliver(client, payout(9000))
        deliver(client, payout(7000, "evt_2"))
        deliver(client, payout(9000, "evt_3"))

    assert in_transit(service) == 9000
    assert concerns(service, client) == [("fact-conflict", SENT)]


@pytest.mark.parametrize("together", [True, False])
def test_it_is_the_same_in_one_commit_and_in_several(
    service: Service, client: TestClient, together: bool
) -> None:
    told = [read(payout(amount, event)) for amount, event in [(9000, "evt_1"), (7000, "evt_2"), (1, "evt_1")]]
    for messages in [told] if together else [[one] for one in told]:
        service.journal.append_many(messages)

    assert in_transit(service) == 9000
    assert sorted(concerns(service, client)) == [
        ("evidence-conflict", "stripe/evt_1"),
        ("fact-conflict", SENT),
    ]


def test_a_message_that_contradicts_itself_is_seen_as_often_as_it_does(
    service: Service, client: TestClient
) -> None:
    evidence, sent = read(payout(9000))
    others = [read(payout(amount))[1] for amount in (7000, 5000, 7000)]
    service.journal.append([evidence, sent, *others])

    assert in_transit(service) == 9000
    assert concerns(service, client) == [("fact-conflict", SENT)] * 2


@pytest.mark.parametrize("calm", [0, 1_000_000])
def test_writers_that_race_leave_one_fact_and_every_contradiction(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch, calm: int
) -> None:
    """Two processes' journals, neither of which remembers what the other wrote."""
    monkeypatch.setattr(recent, "CALM", calm)
    dsn = service.database.app_dsn
    with closing(Journal(environment(dsn))) as other, ThreadPoolExecutor(2) as threads:
        told = [read(payout(9000 + n % 2, f"evt_{n}")) for n in range(40)]
        futures = [
            threads.submit(journal.append_many, messages)
            for journal, messages in ((service.journal, told), (other, told[::-1]))
        ]
        for future in futures:
            future.result()

    assert in_transit(service) in (9000, 9001)
    assert concerns(service, client) == [("fact-conflict", SENT)] * 20


@pytest.mark.parametrize("calm", [0, 1_000_000])
def test_who_agrees_with_what_is_or_was_in_force_contradicts_nothing(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch, calm: int
) -> None:
    """Also where the correction was written by another process, and this one remembers the first telling."""
    monkeypatch.setattr(recent, "CALM", calm)
    first, second = read(payout(9000))[1], read(payout(7000))[1]
    with closing(Journal(environment(service.database.app_dsn))) as other:
        service.journal.append(read(payout(9000)))
        other.append_new([superseding(first, second, 1)])
    for amount, event in ((7000, "evt_2"), (9000, "evt_3"), (5000, "evt_4")):
        service.journal.append(read(payout(amount, event)))

    assert in_transit(service) == 7000
    assert concerns(service, client) == [("fact-conflict", SENT)]
    assert service.journal.find([f"{SENT}/conflict/stripe/evt_4"])
