"""How does the intake stand? What came, what waits for a person, and what was turned away."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from starlette.testclient import TestClient

from ledgerstone.ledger.evidence import StripeObjectListed
from ledgerstone.ledger.rereading import Reading, announced
from tests import stripe_objects as stripe
from tests.examples import recorded
from tests.http.parts import WEBHOOK, Service, deliver

Json = dict[str, Any]
SYNC = "/sys/sync/stripe"


def product(number: int, **fields: Any) -> Json:
    shown = {"id": f"prod_{number}", "object": "product", "name": "Pro"}
    return stripe.event("product.created", shown, id=f"evt_{number}", **fields)


def health(client: TestClient, **query: Any) -> Any:
    return client.get(SYNC, params=query).json()["data"]


def test_messages_are_counted_by_type_version_and_source(service: Service, client: TestClient) -> None:
    old = product(2, api_version="2022-11-15", created=stripe.NOW - 60)
    deliver(client, product(1))
    deliver(client, old)
    deliver(client, stripe.event("moon.landed", {"id": "moon_1"}, id="evt_3", api_version=None))
    service.engine.catch_up()

    found = health(client)
    assert [
        (row["event_type"], row["api_version"], row["source"], row["heard"], row["unknown"])
        for row in found["types"]
    ] == [
        ("moon.landed", "", "webhook", 1, 1),
        ("product.created", "2022-11-15", "webhook", 1, 0),
        ("product.created", "2026-10-28.endive", "webhook", 1, 0),
    ]
    assert {row["last_created_at"] for row in found["types"]} == {"2026-11-05T12:00:00Z"}
    assert found["last_heard_at"] == client.get("/audit/events").json()["data"][0]["recorded_at"]
    assert (found["heard"], found["unknown"], found["lag"]) == (3, 1, 0)


def test_what_waits_is_named_with_its_reason_and_the_oldest_is_dated(
    service: Service, client: TestClient
) -> None:
    deliver(client, stripe.event("charge.succeeded", stripe.charge(amount=10.5), created=stripe.BORN))
    deliver(client, b"[]")
    partly = stripe.invoice(lines=stripe.listed(stripe.line("prod_1"), has_more=True))
    deliver(client, stripe.event("invoice.paid", partly, id="evt_2"))
    service.engine.catch_up()

    found = health(client)
    assert [each["kind"] for each in found["concerns"]] == ["refetch", "refused", "parked"]
    assert all(each["reason"] for each in found["concerns"])
    assert (found["parked"], found["refused"], found["refetch"]) == (1, 1, 1)
    assert found["oldest_concern_at"] == "2026-11-04T12:00:00Z"


def test_what_a_list_showed_is_counted_as_long_as_it_waits_too(service: Service, client: TestClient) -> None:
    at = datetime.fromtimestamp(stripe.NOW, UTC)
    waiting = StripeObjectListed(id="sub_1", object="subscription", requested=at, parked="why", payload=b"{}")
    evidence = recorded(waiting.name, waiting, None)
    sound = replace(waiting, id="sub_2", parked=None)
    service.hear([(evidence,), (recorded(sound.name, sound, None),)])
    found = health(client)
    (row,) = found["types"]
    assert (row["event_type"], row["source"], row["heard"], row["parked"]) == ("subscription", "list", 2, 1)
    assert (found["status"], found["parked"]) == ("attention", 1)

    service.hear([announced(Reading(evidence, ()), (), {}, read=True)])
    found = health(client)
    (row,) = found["types"]
    assert (row["heard"], row["parked"]) == (2, 0)
    assert (found["status"], found["parked"], found["concerns"]) == ("ok", 0, [])


SEEN = [
    stripe.event("customer.subscription.created", stripe.subscription(), created=stripe.BORN),
    *(
        stripe.event(
            "customer.subscription.updated", stripe.subscription(status=now), {"status": was}, id=f"evt_{n}"
        )
        for n, (was, now) in enumerate([("incomplete", "past_due"), ("trialing", "unpaid")], 2)
    ),
]
"""A subscription of which messages of one second lead to two ends."""


def test_an_object_of_which_messages_are_missing_is_to_be_fetched_until_it_is(
    service: Service, client: TestClient
) -> None:
    for said in SEEN:
        deliver(client, said)
    service.engine.catch_up()

    (row,) = client.get("/sys/subscriptions").json()["data"]
    assert row["sure"] is False
    whole = client.get("/sys/subscriptions/sub_1").json()["data"]
    assert (whole["sure"], whole["timeline"][-1]["sure"]) == (False, False)
    found = health(client)
    (concern,) = found["concerns"]
    assert (concern["kind"], concern["subject"]) == ("refetch", "subscription/sub_1")
    assert (found["refetch"], found["status"]) == (1, "ok")
    assert found["oldest_concern_at"] == concern["at"]

    later = stripe.event("customer.subscription.updated", stripe.subscription(), id="evt_4")
    deliver(client, {**later, "created": stripe.NOW + 60})
    service.engine.catch_up()
    assert (health(client)["concerns"], health(client)["refetch"]) == ([], 0)


def test_an_object_that_is_to_be_fetched_for_two_reasons_is_named_once(
    service: Service, client: TestClient
) -> None:
    partly = stripe.invoice(lines=stripe.listed(stripe.line("prod_1"), has_more=True))
    deliver(client, stripe.event("invoice.paid", partly))
    service.engine.catch_up()

    assert client.get("/sys/invoices").json()["data"][0]["sure"] is False
    assert client.get(f"/sys/invoices/{partly['id']}").json()["data"]["history"][0]["sure"] is False
    assert [concern["subject"] for concern in health(client)["concerns"]] == [f"invoice/{partly['id']}"]
    assert health(client)["refetch"] == 1


def test_what_is_not_counted_yet_is_the_lag(service: Service, client: TestClient) -> None:
    deliver(client, product(1))
    service.engine.catch_up()
    deliver(client, product(2))

    assert (health(client)["heard"], health(client)["lag"]) == (1, 2)


def test_what_was_turned_away_is_counted(service: Service, client: TestClient) -> None:
    before = health(client)["turned_away"]
    deliver(client, product(1, livemode=False))
    deliver(client, product(1, livemode=False, account="acct_1"))
    client.post(WEBHOOK, content=b"{}")
    deliver(client, b"[]")
    client.post(WEBHOOK, content=b"", headers={"Content-Length": str((1 << 20) + 1)})

    assert set(before.values()) == {0}
    assert health(client)["turned_away"] == {
        "livemode": 2,
        "unsigned": 1,
        "unreadable": 1,
        "too_large": 1,
        "unavailable": 0,
    }
    assert health(client)["heard"] == 0


def test_what_one_account_waits_for_is_not_among_the_platforms(service: Service, client: TestClient) -> None:
    odd = stripe.event("charge.succeeded", stripe.charge(amount=10.5), account="acct_1")
    deliver(client, odd)
    deliver(client, product(2))
    service.engine.catch_up()

    own, connected = health(client), health(client, account="acct_1")
    assert (own["status"], own["heard"], own["concerns"], own["accounts"]) == ("ok", 1, [], ["acct_1"])
    assert (connected["status"], connected["heard"], connected["parked"]) == ("attention", 1, 1)
    assert [each["kind"] for each in connected["concerns"]] == ["parked"]
