"""Invoices, payments and subscriptions over HTTP, against the business's own books."""

import csv
import io
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import stripe_objects as stripe
from tests.http.parts import Service, every
from tests.stripe_schedules import phase as phase_of
from tests.stripe_schedules import schedule
from tests.worlds import messages

Json = dict[str, Any]
END = {"as_of": "2026-10"}
INVOICE = "id number customer tenant subscription currency total tax amount_due amount_paid amount_remaining"
PAYMENT = "id customer invoice currency amount refunded disputed status method provider_reference at"
SUBSCRIPTION = "id customer tenant status collection_paused currency mrr items started_at trial_end cancel_at"
COLUMNS = {
    "/sys/invoices": f"{INVOICE} status settlement overdue due_at finalized_at paid_at",
    "/sys/payments": PAYMENT,
    "/sys/subscriptions": f"{SUBSCRIPTION} ended_at",
}


@pytest.mark.parametrize("path", COLUMNS)
def test_the_columns_are_those_of_the_contract(business: TestClient, path: str) -> None:
    row = business.get(path, params={"limit": 1}).json()["data"][0]

    assert set(COLUMNS[path].split()) <= set(row)


def test_every_invoice_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    ours = {row["id"]: row for row in every(business, "/sys/invoices", **END)}

    assert set(ours) == {row["id"] for row in truth["invoices"]}
    for row in truth["invoices"]:
        assert {name: ours[row["id"]][name] for name in row} == row


def test_every_subscription_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    ours = {row["id"]: row for row in every(business, "/sys/subscriptions", **END)}
    compared = (
        "customer",
        "tenant",
        "status",
        "collection_paused",
        "currency",
        "mrr",
        "started_at",
        "ended_at",
    )

    for row in truth["subscriptions"]:
        assert [ours[row["id"]][name] for name in compared] == [row[name] for name in compared]


def test_every_payment_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    ours = {row["id"]: row for row in every(business, "/sys/payments", **END)}
    last: dict[str, Json] = {row["payment_intent"]: row for row in truth["payments"]}

    assert set(last) <= set(ours)
    for intent, row in last.items():
        found = ours[intent]
        assert found["provider_reference"] == row["id"]
        assert (found["amount"], found["refunded"]) == (row["amount"], row["refunded"])


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/sys/invoices", {"status": "paid", "currency": "usd"}),
        ("/sys/invoices", {"status": "open"}),
        ("/sys/payments", {"status": "succeeded", "method": "card"}),
        ("/sys/subscriptions", {"status": "canceled"}),
        ("/sys/subscriptions", {"currency": "eur", "status": "active"}),
    ],
)
def test_a_filter_keeps_what_it_names(business: TestClient, path: str, filters: Json) -> None:
    found = every(business, path, **filters, **END)
    whole = every(business, path, **END)

    expected = [row for row in whole if all(row[name] == value for name, value in filters.items())]
    assert found == expected


@pytest.mark.parametrize("path", COLUMNS)
def test_tenant_plan_and_customer_are_filters_too(business: TestClient, path: str) -> None:
    whole = every(business, path, **END)
    example = next(row for row in whole if row["tenant"] != row["customer"])

    for name in ("tenant", "customer"):
        expected = [row for row in whole if row[name] == example[name]]
        assert every(business, path, **{name: example[name]}, **END) == expected
    if "plans" in example:
        expected = [row for row in whole if example["plans"][0] in row["plans"]]
        assert every(business, path, plan=example["plans"][0], **END) == expected


def test_payments_are_found_by_their_time(business: TestClient) -> None:
    whole = every(business, "/sys/payments", **END)
    june = every(business, "/sys/payments", **{"from": "2026-06", "to": "2026-06-30"}, **END)

    assert june == [row for row in whole if row["at"].startswith("2026-06")]


def test_an_open_invoice_is_overdue_after_its_day(business: TestClient) -> None:
    whole = every(business, "/sys/invoices", **END)
    end = "2026-11-01T00:00:00Z"

    for row in whole:
        assert row["overdue"] == (row["status"] == "open" and (row["due_at"] or end) < end)


@pytest.mark.parametrize("path", COLUMNS)
def test_pages_are_of_one_snapshot_whatever_is_written_meanwhile(
    service: Service, client: TestClient, path: str
) -> None:
    told = messages(1)
    service.hear(told[: len(told) // 2])
    whole = client.get(path, params={"limit": 1000}).json()
    first = client.get(path, params={"limit": 1}).json()
    service.hear(told[len(told) // 2 :])

    rest = every(client, path, limit=1, after=first["next"])
    assert first["data"] + rest == whole["data"]


def test_a_cursor_of_another_question_is_refused(business: TestClient) -> None:
    after = business.get("/sys/invoices", params={"limit": 1}).json()["next"]

    for query in ({"status": "paid", "after": after}, {"after": "nonsense"}, {"after": after[:-3]}):
        answer = business.get("/sys/invoices", params=query)
        assert (answer.status_code, answer.json()["parameter"]) == (400, "after")


def test_a_table_can_be_read_in_pages_too(business: TestClient) -> None:
    asked = {"group_by": "plan", **END}
    whole = business.get("/sys/billing/mrr", params=asked).json()["data"]

    assert every(business, "/sys/billing/mrr", limit=7, **asked) == whole


@pytest.mark.parametrize("path", [*COLUMNS, "/sys/billing/mrr", "/sys/billing/mrr/movements", "/api/mrr"])
def test_a_file_has_the_rows_of_the_list(business: TestClient, path: str) -> None:
    rows = every(business, path, **END)
    by_name = business.get(f"{path}.csv", params=END)
    by_type = business.get(path, params=END, headers={"Accept": "text/csv"})

    assert by_name.text == by_type.text
    assert by_name.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(by_name.text, newline="")))
    assert len(lines) == len(rows)
    assert [line["currency"] for line in lines] == [row["currency"] for row in rows]
    assert by_name.text.count("\r\n") == len(rows) + 1


def test_an_invoice_tells_its_history_and_payments(business: TestClient, truth: Json) -> None:
    paid = next(row for row in truth["invoices"] if row["status"] == "paid" and row["amount_paid"])
    answer = business.get(f"/sys/invoices/{paid['id']}", params=END).json()["data"]

    assert {name: answer[name] for name in paid} == paid
    assert [version["status"] for version in answer["history"]][-1] == "paid"
    assert all(
        one["valid_to"] == two["valid_from"]
        for one, two in zip(answer["history"], answer["history"][1:], strict=False)
    )
    assert answer["payments"]


def test_an_invoice_can_be_asked_for_as_it_was(business: TestClient, truth: Json) -> None:
    paid = next(row for row in truth["invoices"] if row["paid_at"] and row["finalized_at"] < row["paid_at"])
    path = f"/sys/invoices/{paid['id']}"

    at = business.get(path, params={"as_of": paid["paid_at"]}).json()["data"]
    known = business.get(path, params={"known_at": "1"})
    assert (at["status"], at["amount_remaining"]) == ("open", paid["amount_due"])
    assert known.status_code == 404


def test_a_payment_tells_its_refunds(business: TestClient, truth: Json) -> None:
    refund = next(row for row in truth["refunds"] if row["status"] == "succeeded")
    charge = next(row for row in truth["payments"] if row["id"] == refund["payment"])
    answer = business.get(f"/sys/payments/{charge['payment_intent']}", params=END).json()["data"]

    assert refund["amount"] in [move["amount"] for move in answer["refunds"]]
    assert answer["settlement"] in ("refunded", "partially_refunded")


def test_a_subscription_tells_its_timeline(business: TestClient, truth: Json) -> None:
    ended = [row for row in truth["subscriptions"] if row["status"] == "canceled"]
    answers = [business.get(f"/sys/subscriptions/{row['id']}", params=END).json()["data"] for row in ended]

    for row, answer in zip(ended, answers, strict=True):
        assert answer["mrr"] == answer["timeline"][-1]["mrr"] == 0
        assert answer["timeline"][-1]["status"] == "canceled"
        assert answer["timeline"][-1]["valid_from"] == row["ended_at"]
    assert any(chapter["mrr"] for answer in answers for chapter in answer["timeline"])


def test_a_subscription_tells_of_its_pause_and_of_its_pending_update(
    service: Service, client: TestClient
) -> None:
    tomorrow = stripe.NOW + 86_400
    pause = {"behavior": "keep_as_draft", "resumes_at": tomorrow}
    update = {"expires_at": tomorrow, "subscription_items": [stripe.item(quantity=10)]}
    held = stripe.subscription(pause_collection=pause, pending_update=update)
    service.hear([stripe.read(stripe.event("customer.subscription.updated", held)).rows])

    now, then = (
        client.get("/sys/subscriptions/sub_1", params={"as_of": at}).json()["data"]
        for at in ("2026-11-06T11:00:00Z", "2026-11-06T13:00:00Z")
    )

    assert (now["collection_paused"], now["pause_behavior"], now["mrr"]) == (True, "keep_as_draft", 0)
    assert now["resumes_at"] == now["pending_update"]["expires_at"] == "2026-11-06T12:00:00Z"
    assert [item["quantity"] for item in now["items"]] == [2]
    assert [item["quantity"] for item in now["pending_update"]["items"]] == [10]
    assert (then["collection_paused"], then["pause_behavior"], then["mrr"]) == (False, None, 9800)
    assert then["pending_update"] is None


def test_a_subscription_tells_what_it_is_agreed_to_become(service: Service, client: TestClient) -> None:
    born, now, later = stripe.BORN, stripe.NOW, stripe.NOW + 86_400
    ten = [{"discounts": [{"coupon": "WELCOME"}], "price": "price_1", "quantity": 10}]
    phases = (phase_of(born, later), phase_of(later, later + 86_400, items=ten))
    planned = schedule(*phases, end_behavior="cancel")
    ended = stripe.subscription(status="canceled", ended_at=now + 3600, canceled_at=now + 3600)
    told = [
        stripe.event("customer.subscription.created", stripe.subscription(), created=born),
        stripe.event("price.created", stripe.price(), id="evt_2", created=born),
        stripe.event("subscription_schedule.created", planned, id="evt_3", created=born),
        stripe.event("customer.subscription.deleted", ended, id="evt_4", created=now + 3600),
    ]

    def scheduled(at: str) -> list[Json]:
        found: list[Json] = client.get(path, params={"as_of": at}).json()["data"]["scheduled"]
        return found

    path = "/sys/subscriptions/sub_1"
    service.hear([stripe.read(message).rows for message in told[:3]])
    phase, end = scheduled("2026-11-05T12:00:00Z")

    assert (phase["kind"], phase["from"], phase["to"]) == (
        "phase",
        "2026-11-06T12:00:00Z",
        "2026-11-07T12:00:00Z",
    )
    (line,) = phase["items"]
    assert (line["price"], line["plan"], line["quantity"]) == ("price_1", "prod_1", 10)
    assert (line["interval"], line["unit_amount"]) == ("month", "4900")
    assert line["discounts"] == [{"coupon": "WELCOME", "code": None, "discount": None}]
    assert (end["kind"], end["from"], end["items"]) == ("end", "2026-11-07T12:00:00Z", None)
    assert [each["kind"] for each in scheduled("2026-11-06T12:00:00Z")] == ["phase", "end"]
    assert [each["kind"] for each in scheduled("2026-11-06T12:00:01Z")] == ["end"]

    service.hear([stripe.read(told[3]).rows])
    assert [each["kind"] for each in scheduled("2026-11-05T12:00:00Z")] == ["phase", "end"]
    assert scheduled("2026-11-05T14:00:00Z") == []
