"""What Stripe hears for each kind of message: design, section 11."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, WEBHOOK, Service, deliver, signed

PAID = stripe.event("invoice.paid", {"id": "in_1", "object": "invoice"})


def product(**fields: Any) -> dict[str, Any]:
    return stripe.event("product.created", {"id": "prod_1", "object": "product", "name": "Pro"}, **fields)


def outcome(client: TestClient, name: str) -> float:
    start = f'ledgerstone_webhooks_total{{outcome="{name}"}} '
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def test_a_message_is_answered_with_the_position_of_its_evidence(
    service: Service, client: TestClient
) -> None:
    answer = deliver(client, product())

    assert answer.status_code == 200
    assert answer.json() == {"position": 1, "duplicate": False, "parked": False}
    assert service.journal.head() == 2


def test_a_second_delivery_is_answered_with_the_first_position(service: Service, client: TestClient) -> None:
    deliver(client, product())
    answer = deliver(client, product(pending_webhooks=0))

    assert answer.json() == {"position": 1, "duplicate": True, "parked": False}
    assert service.journal.head() == 2


def test_any_of_several_secrets_will_do(client: TestClient) -> None:
    assert deliver(client, product(), secret="whsec_of_last_year").status_code == 200


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_stale_or_future_message_is_refused(service: Service, client: TestClient, seconds: int) -> None:
    answer = deliver(client, product(), at=service.now + seconds)

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert service.journal.head() == 0
    assert outcome(client, "unsigned") == 1


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_are_borne(service: Service, client: TestClient, seconds: int) -> None:
    assert deliver(client, product(), at=service.now + seconds).status_code == 200


def test_an_unsigned_or_tampered_message_is_refused(service: Service, client: TestClient) -> None:
    payload = json.dumps(product()).encode()

    assert client.post(WEBHOOK, content=payload).status_code == 400
    assert client.post(WEBHOOK, content=payload + b" ", headers=signed(payload)).status_code == 400
    assert deliver(client, product(), secret="whsec_of_somebody_else").status_code == 400
    assert service.journal.head() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"evt_1"',
        b"{",
        b'{"id": 1, "type": "invoice.paid"}',
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "type": "invoice.paid", "created": NaN}',
        b'{"id": "evt_1", "id": "evt_2", "type": "invoice.paid"}',
        b'{"id": "evt_1", "type": "invoice.paid", "data": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"id": "evt_\xff", "type": "invoice.paid"}',
    ],
)
def test_a_signed_message_that_is_no_event_is_refused_and_seen_in_sync(
    service: Service, client: TestClient, body: bytes
) -> None:
    answer = deliver(client, body)
    service.engine.catch_up()
    health = client.get("/sys/sync/stripe").json()["data"]

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert (health["heard"], health["refused"], health["status"]) == (0, 1, "attention")
    assert [concern["kind"] for concern in health["concerns"]] == ["refused"]
    assert len(health["concerns"][0]["subject"]) == 64
    assert outcome(client, "unreadable") == 1


@pytest.mark.parametrize(
    "said",
    [
        product(data={"object": "nonsense"}),
        product(data={"object": {"id": "prod_\x00", "object": "product"}}),
        product(data={"object": {"id": "prod_1", "object": "product", "updated": 2**64}}),
        stripe.event(
            "charge.succeeded", {"id": "ch_1", "object": "charge", "amount": 10.5, "currency": "usd"}
        ),
    ],
)
def test_what_cannot_be_used_is_kept_and_parked(service: Service, client: TestClient, said: Any) -> None:
    answer = deliver(client, said)
    service.engine.catch_up()
    health = client.get("/sys/sync/stripe").json()["data"]

    assert answer.json() == {"position": 1, "duplicate": False, "parked": True}
    assert service.journal.head() == 1
    assert [concern["kind"] for concern in health["concerns"]] == ["parked"]
    assert health["concerns"][0]["reason"]


def test_a_subscription_with_more_items_than_are_shown_is_queued_and_worth_null(
    service: Service, client: TestClient
) -> None:
    items = stripe.listed(stripe.item(), has_more=True)
    answer = deliver(client, stripe.event("customer.subscription.updated", stripe.subscription(items=items)))
    service.engine.catch_up()
    health = client.get("/sys/sync/stripe").json()["data"]
    mrr = client.get("/sys/billing/mrr", params={"from": "2026-11", "to": "2026-11"}).json()

    assert answer.json() == {"position": 1, "duplicate": False, "parked": False}
    assert [(each["kind"], each["subject"]) for each in health["concerns"]] == [
        ("refetch", "subscription/sub_1")
    ]
    assert "items" in health["concerns"][0]["reason"]
    assert mrr["meta"]["incomplete"] > 0


def test_an_unknown_type_is_kept_and_counted(service: Service, client: TestClient) -> None:
    answer = deliver(client, stripe.event("moon.landed", {"id": "moon_1"}, api_version=None))
    service.engine.catch_up()

    assert answer.json() == {"position": 1, "duplicate": False, "parked": False}
    assert client.get("/sys/sync/stripe").json()["data"]["unknown"] == 1


def test_a_thin_message_is_kept_and_its_object_queued(service: Service, client: TestClient) -> None:
    account = stripe.named("v2.core.account", "acct_9", "/v2/core/accounts/acct_9")
    changed = stripe.thin("v2.core.account[requirements].updated", account, context="acct_9")
    answers = [deliver(client, changed).json(), deliver(client, changed).json()]
    service.engine.catch_up()
    health = client.get("/sys/sync/stripe", params={"account": "acct_9"}).json()["data"]

    assert answers[0] == {"position": 1, "duplicate": False, "parked": False}
    assert answers[1] == {"position": 1, "duplicate": True, "parked": False}
    assert service.journal.head() == 2
    assert (health["heard"], health["parked"], health["unknown"]) == (1, 0, 0)
    assert [(each["kind"], each["subject"]) for each in health["concerns"]] == [
        ("refetch", "v2.core.account/acct_9")
    ]


def test_a_thin_message_is_signed_like_all_others(service: Service, client: TestClient) -> None:
    subscription = stripe.named("subscription", "sub_1", "/v1/subscriptions/sub_1")
    changed = stripe.thin("v1.customer.subscription.updated", subscription)

    assert deliver(client, changed, secret="whsec_of_somebody_else").status_code == 400
    assert service.journal.head() == 0


def test_a_message_of_the_other_mode_is_ignored(service: Service, client: TestClient) -> None:
    answer = deliver(client, product(livemode=False))

    assert (answer.status_code, answer.json()) == (200, {"ignored": "livemode"})
    assert service.journal.head() == 0
    assert outcome(client, "ignored") == 1


def test_more_than_a_mebibyte_is_refused_before_it_is_read(service: Service, client: TestClient) -> None:
    answer = client.post(WEBHOOK, content=b"", headers={"Content-Length": str((1 << 20) + 1)})

    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert service.journal.head() == 0


def test_a_body_that_does_not_say_its_length_is_counted(service: Service, client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * (1 << 16)

    assert client.post(WEBHOOK, content=chunks()).status_code == 413
    assert outcome(client, "too_large") == 1


def test_other_methods_are_told_which_one(client: TestClient) -> None:
    answer = client.get(WEBHOOK)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == PROBLEM


def test_a_log_that_is_full_says_try_again(service: Service, client: TestClient) -> None:
    service.journal.close()
    answer = deliver(client, product())

    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert int(answer.headers["retry-after"]) > 0
