"""What came, when, in which state it is and what was read from it, over HTTP."""

import asyncio
import csv
import io
import json
from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.http.history import History
from ledgerstone.http.paging import Cursor, written
from ledgerstone.http.positions import Positions
from ledgerstone.ledger.journal import Recorded
from ledgerstone.ledger.rereading import Reading, announced
from ledgerstone.projections.events import NAME
from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, Service, deliver, every, signed

Json = dict[str, Any]
EVENTS = "/audit/events"
ROW = "position id type object account created recorded_at source api_version state reason facts"


def told(service: Service, client: TestClient, *said: Any, **signing: Any) -> list[Json]:
    """Deliver messages; the answers, after the views have them."""
    answers = [deliver(client, each, **signing) for each in said]
    service.engine.catch_up()
    return [answer.json() for answer in answers]


def product(number: int = 1, **fields: Any) -> Json:
    shown = {"id": f"prod_{number}", "object": "product", "name": "Pro"}
    return stripe.event("product.created", shown, id=f"evt_{number}", **fields)


def test_every_message_that_was_heard_is_listed_once_the_newest_first(business: TestClient) -> None:
    rows = every(business, EVENTS, limit=97)

    assert len({row["id"] for row in rows}) == len(rows)
    assert len(rows) == business.get("/sys/sync/stripe").json()["data"]["heard"]
    assert set(ROW.split()) == set(rows[0])
    places = [(row["created"], row["position"]) for row in rows]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize(
    "type", ["invoice.paid", "invoice.*", "customer.subscription.*", "none.*", "invoice"]
)
def test_a_type_or_a_family_of_types_is_found(business: TestClient, type: str) -> None:
    found = every(business, EVENTS, type=type, limit=41)

    family = type.removesuffix("*")
    matches = [
        row
        for row in every(business, EVENTS)
        if row["type"] == type or (type.endswith("*") and row["type"].startswith(family))
    ]
    assert found == matches
    assert bool(found) == ("." in type and "none" not in type)


def test_what_came_about_an_object_is_found(business: TestClient) -> None:
    whole = every(business, EVENTS)
    for kind in ("in_", "sub_", "ch_", "cus_"):
        id = next(row["object"] for row in whole if row["object"].startswith(kind))
        assert every(business, EVENTS, object=id) == [row for row in whole if row["object"] == id]


def test_messages_are_found_by_when_they_were_made(business: TestClient) -> None:
    whole = every(business, EVENTS)
    june = every(business, EVENTS, **{"from": "2026-06", "to": "2026-06-30"})
    paid = every(business, EVENTS, **{"from": "2026-06-10T00:00:00Z", "as_of": "2026-06", "type": "charge.*"})

    assert june == [row for row in whole if row["created"].startswith("2026-06")]
    assert paid == [
        row for row in june if row["type"].startswith("charge.") and row["created"] >= "2026-06-10"
    ]
    assert paid


def test_a_list_is_as_known_at_a_position(business: TestClient) -> None:
    whole = every(business, EVENTS)
    middle = sorted(row["position"] for row in whole)[len(whole) // 2]

    then = every(business, EVENTS, known_at=middle)
    assert {row["position"] for row in then} == {
        row["position"] for row in whole if row["position"] <= middle
    }
    assert [row for row in then if row["position"] != middle] == [
        row for row in whole if row["position"] < middle
    ]


def test_a_file_has_the_rows_of_the_list(business: TestClient) -> None:
    rows = every(business, EVENTS, type="invoice.*")
    file = business.get(f"{EVENTS}.csv", params={"type": "invoice.*"})

    lines = list(csv.DictReader(io.StringIO(file.text, newline="")))
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    assert [line["facts"].split() for line in lines] == [row["facts"] for row in rows]


def test_what_was_read_from_a_message_is_told_in_its_own_words(service: Service, client: TestClient) -> None:
    charge = stripe.charge()
    told(service, client, product(), stripe.event("charge.succeeded", charge, id="evt_2"))
    row = client.get(EVENTS, params={"object": "ch_1"}).json()["data"][0]
    found = client.get(f"{EVENTS}/{row['position']}").json()["data"]

    assert (row["state"], row["facts"]) == ("read", ["payment-received"])
    assert {name: found[name] for name in row} == row
    (reading,) = found["readings"]
    assert (reading["name"], reading["position"]) == ("charge/ch_1/captured", row["position"] + 1)
    assert (reading["told"]["charge"], reading["told"]["amount"]) == ("ch_1", 12_500)
    assert reading["movements"] == [
        {
            "debit": "stripe_uncleared",
            "debit_of": "ch_1",
            "credit": "unapplied_card",
            "credit_of": "pi_1",
            "amount": 12_500,
            "currency": "usd",
        }
    ]


def test_the_bytes_are_shown_on_request_only_and_are_exact(service: Service, client: TestClient) -> None:
    payload = json.dumps(product(name="Å\u0000\\"), indent=3, ensure_ascii=False).encode()
    (answer,) = told(service, client, payload)
    path = f"{EVENTS}/{answer['position']}"
    plain, shown = (
        client.get(path).json()["data"],
        client.get(path, params={"evidence": "true"}).json()["data"],
    )

    assert plain["evidence"] is None
    assert (plain["size"], plain["sha256"]) == (len(payload), sha256(payload).hexdigest())
    (evidence,) = shown["evidence"]
    assert evidence["encoding"] == "utf-8"
    assert evidence["payload"].encode() == payload
    assert evidence["signature"] == signed(payload)["Stripe-Signature"]
    assert "v1=" not in client.get(path).text


def test_who_a_customer_is_is_shown_with_the_evidence_only(service: Service, client: TestClient) -> None:
    customer = stripe.customer(name="Ada Lovelace", email="ada@example.org")
    (answer,) = told(service, client, stripe.event("customer.created", customer))
    path = f"{EVENTS}/{answer['position']}"

    assert "Ada" not in client.get(path).text
    assert client.get(path, params={"evidence": "true"}).text.count("Ada Lovelace") == 2


@pytest.mark.parametrize("asked_before", [True, False])
def test_what_cannot_be_read_is_parked_until_it_is_read(
    service: Service, client: TestClient, asked_before: bool
) -> None:
    odd = stripe.event("charge.succeeded", stripe.charge(amount=10.5), id="evt_2")
    told(service, client, product(), odd)
    if asked_before:
        assert len(every(client, EVENTS)) == 2
    before = service.journal.head()
    evidence, *facts = stripe.read(stripe.event("charge.succeeded", stripe.charge(), id="evt_2")).rows
    service.hear([announced(Reading(evidence, facts), facts, {}, read=True)])

    (parked,) = every(client, EVENTS, parked="true", known_at=before)
    assert (parked["id"], parked["state"], parked["facts"]) == ("evt_2", "parked", [])
    assert "amount" in parked["reason"]
    assert every(client, EVENTS, parked="true") == []
    assert len(every(client, EVENTS, parked="false")) == 2
    path = f"{EVENTS}/{parked['position']}"
    now, then = (client.get(path, params=query).json()["data"] for query in ({}, {"known_at": before}))
    assert (now["state"], now["reason"], now["facts"]) == ("read", None, ["payment-received"])
    assert [reading["name"] for reading in now["readings"]] == ["stripe/evt_2/read/1", "charge/ch_1/captured"]
    assert (then["state"], then["facts"]) == ("parked", [])


def test_a_message_that_came_again_with_another_body_conflicts(service: Service, client: TestClient) -> None:
    first, second = product(), product(data={"object": {"id": "prod_1", "object": "product", "name": "Max"}})
    (answer,) = told(service, client, first)
    told(service, client, product(5))
    before = service.journal.head()
    told(service, client, second)
    path = f"{EVENTS}/{answer['position']}"
    found = client.get(path, params={"evidence": "true"}).json()["data"]

    assert every(client, EVENTS, object="prod_1")[0]["state"] == found["state"] == "conflicting"
    assert [json.loads(each["payload"]) for each in found["evidence"]] == [first, second]
    assert found["readings"][-1]["told"]["sha256"] == found["evidence"][1]["sha256"]
    assert "Max" not in client.get(path).text
    assert client.get(path, params={"known_at": before}).json()["data"]["state"] == "read"
    assert every(client, EVENTS, object="prod_1", known_at=before)[0]["state"] == "read"


def test_a_message_that_tells_of_other_amounts_conflicts(service: Service, client: TestClient) -> None:
    charge = stripe.charge(amount=100, amount_captured=100)
    told(
        service,
        client,
        stripe.event("charge.succeeded", stripe.charge(), id="evt_1"),
        stripe.event("charge.captured", charge, id="evt_2"),
    )
    states = {row["id"]: row for row in every(client, EVENTS)}
    found = client.get(f"{EVENTS}/{states['evt_2']['position']}").json()["data"]

    assert (states["evt_1"]["state"], states["evt_2"]["state"]) == ("read", "conflicting")
    assert found["readings"][-1]["told"]["told"]["amount"] == 100


def test_what_was_imported_is_confirmed_when_it_comes_signed(service: Service, client: TestClient) -> None:
    said = json.dumps(product(), indent=2).encode()
    service.hear([read_message(said, source="import", signature=None, livemode=True).rows])
    imported = every(client, EVENTS)[0]
    told(service, client, said)

    assert (imported["source"], imported["state"]) == ("import", "read")
    assert every(client, EVENTS)[0]["state"] == "confirmed"


def test_a_type_that_is_not_in_the_list_is_unknown(service: Service, client: TestClient) -> None:
    told(service, client, stripe.event("moon.landed", {"id": "moon_1"}))

    (row,) = every(client, EVENTS, object="moon_1")
    assert (row["state"], row["facts"], row["reason"]) == ("unknown", [], None)


def test_an_answer_is_not_older_than_the_question(service: Service, client: TestClient) -> None:
    for number in range(1, 4):
        told(service, client, product(number))
        head = {"Ledger-Min-Position": str(service.journal.head())}
        assert len(client.get(EVENTS, headers=head).json()["data"]) == number


def test_a_log_that_takes_long_to_index_says_try_again(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(service, client, *(product(number) for number in range(1, 6)))
    monkeypatch.setattr("ledgerstone.projections.events.WINDOW", 4)
    with monkeypatch.context() as patch:
        patch.setattr("ledgerstone.http.history.PATIENCE", 0.0)
        early = client.get(EVENTS)
    late = client.get(EVENTS)

    assert (early.status_code, early.headers["content-type"]) == (503, PROBLEM)
    assert early.headers["retry-after"]
    assert (late.status_code, len(late.json()["data"])) == (200, 5)
    assert client.get("/sys/sync/stripe").json()["data"]["heard"] == 5


def test_a_quiet_log_is_indexed_before_anybody_asks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.http.history.PAUSE", 0.01)
    service.hear([stripe.read(product(number)).rows for number in range(1, 9)])

    async def wait() -> bool:
        history, positions = History(service.journal, service.services.dsn), Positions(service.services.dsn)
        tasks = [asyncio.create_task(each.follow()) for each in (history, positions)]
        try:
            return await positions.reach((NAME,), service.journal.head(), 20)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            history.close()

    assert asyncio.run(wait())


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("type=*", "type"),
        ("type=*.paid", "type"),
        ("type=invoice*", "type"),
        ("type=", "type"),
        ("object=", "object"),
        ("parked=perhaps", "parked"),
        ("from=2026", "from"),
        ("limit=0", "limit"),
        ("after=nonsense", "after"),
        ("evidence=true", "evidence"),
        ("status=parked", "status"),
    ],
)
def test_a_wrong_parameter_is_named(business: TestClient, query: str, parameter: str) -> None:
    answer = business.get(f"{EVENTS}?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert answer.json()["parameter"] == parameter


@pytest.mark.parametrize("position", ["0", "2", "-1", "evt_1", "99999999999999999999", "%D9%A1", "1e3"])
def test_where_no_message_is_is_a_problem(service: Service, client: TestClient, position: str) -> None:
    told(service, client, product())
    answer = client.get(f"{EVENTS}/{position}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert client.get(f"{EVENTS}/1").status_code == 200


def test_a_cursor_with_a_place_of_another_kind_is_borne(service: Service, client: TestClient) -> None:
    told(service, client, *(product(number) for number in range(1, 4)))
    after = client.get(EVENTS, params={"limit": 1}).json()["next"]
    cursor = msgspec.msgpack.decode(urlsafe_b64decode(after + "=" * (-len(after) % 4)), type=Cursor)
    for id in ("", "in_1", "-1", "9" * 200, "\u0661"):
        forged = written(msgspec.structs.replace(cursor, id=id))
        assert client.get(EVENTS, params={"limit": 1, "after": forged}).status_code == 200


def test_messages_with_very_much_before_their_payload_are_read_too(service: Service) -> None:
    with TestClient(service.app) as client:
        said = product(number=7, api_version="v" * 255)
        payload = json.dumps(said).encode()
        header = signed(payload)
        header["Stripe-Signature"] += ",v0=" + "0" * 3_000
        assert client.post("/api/webhooks/stripe", content=payload, headers=header).status_code == 200
        service.engine.catch_up()
        assert [row["id"] for row in every(client, EVENTS)] == ["evt_7"]


def test_rows_that_no_message_tells_are_not_messages(service: Service, client: TestClient) -> None:
    told(service, client, b"[]", product())
    loose: tuple[Recorded, ...] = tuple(stripe.read(product(3)).rows[1:])
    service.hear([loose])

    assert [row["id"] for row in every(client, EVENTS)] == ["evt_1"]
