"""What all answers have in common: position, tag, waiting, and problems when a question is wrong."""

import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, Service
from tests.worlds import messages

READS = ["/sys/billing/mrr", "/sys/billing/mrr/movements", "/sys/billing/revenue", "/api/mrr"]
LISTS = ["/sys/invoices", "/sys/payments", "/sys/subscriptions", "/audit/events"]
NOW_ONLY = ["/sys/sync/stripe", "/sys/projections", "/sys/verification"]


@pytest.mark.parametrize("path", READS + LISTS + NOW_ONLY)
def test_every_answer_says_what_it_is_of(business: TestClient, path: str) -> None:
    answer = business.get(path)
    meta = answer.json()["meta"]

    assert answer.headers["ledger-position"] == str(meta["position"])
    assert set(meta) == {"position", "as_of", "known_at", "policy", "incomplete", "notes"}
    assert (meta["as_of"], meta["policy"]) == ("2026-11-05T12:00:01Z", "standard_v1")


@pytest.mark.parametrize("path", [*READS, *LISTS, "/sys/invoices.csv", "/sys/billing/mrr.csv"])
def test_what_is_held_is_not_sent_again(business: TestClient, path: str) -> None:
    first = business.get(path)
    again = business.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    other = business.get(path, headers={"If-None-Match": '"other"'})

    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_the_tag_stays_while_the_data_do(service: Service, client: TestClient) -> None:
    told = messages(1)
    service.hear(told)
    before = client.get("/sys/billing/mrr")
    service.hear([stripe.read(stripe.event("moon.landed", {"id": "moon_1"})).rows])

    after = client.get("/sys/billing/mrr", headers={"Ledger-Min-Position": str(service.journal.head())})
    assert after.headers["ledger-position"] != before.headers["ledger-position"]
    assert after.headers["etag"] == before.headers["etag"]


def test_a_reader_waits_for_what_it_wrote(service: Service, client: TestClient) -> None:
    told = messages(1)
    service.hear(told[:5])
    service.journal.append_many(told[5:])
    engine = threading.Timer(0.1, service.engine.catch_up)
    engine.start()
    head = service.journal.head()

    answer = client.get("/sys/subscriptions", headers={"Ledger-Min-Position": str(head)})
    engine.join()
    assert answer.status_code == 200
    assert int(answer.headers["ledger-position"]) >= head


def test_what_never_comes_is_not_waited_for_long(
    business: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.http.answering.WAIT", 0.05)
    answer = business.get("/sys/invoices", headers={"Ledger-Min-Position": "99999999999999999999"})

    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("/sys/billing/mrr", "foo=1", "foo"),
        ("/sys/billing/mrr", "currency=usd&currency=eur", "currency"),
        ("/sys/billing/mrr", "currency=USD", "currency"),
        ("/sys/billing/mrr", "policy=stripe_v1", "policy"),
        ("/sys/billing/mrr", "interval=week", "interval"),
        ("/sys/billing/mrr", "group_by=colour", "group_by"),
        ("/sys/billing/mrr", "as_of=yesterday", "as_of"),
        ("/sys/billing/mrr", "as_of=2026-02-30", "as_of"),
        ("/sys/billing/mrr", "as_of=2026-11-01T00:00:00", "as_of"),
        ("/sys/billing/mrr", "as_of=2026-11-01T00:00:00+01:00", "as_of"),
        ("/sys/billing/mrr", "as_of=9999-12", "as_of"),
        ("/sys/billing/mrr", "known_at=-1", "known_at"),
        ("/sys/billing/mrr", "from=2026-05&to=2026-04", "from"),
        ("/sys/billing/mrr", "from=2027-01", "from"),
        ("/sys/billing/mrr", "from=1970-01&interval=day", "from"),
        ("/sys/billing/mrr/movements", "status=paid", "status"),
        ("/sys/billing/revenue", "interval=day", "interval"),
        ("/api/mrr", "interval=day", "interval"),
        ("/sys/invoices", "limit=0", "limit"),
        ("/sys/invoices", "limit=1001", "limit"),
        ("/sys/invoices", "limit=many", "limit"),
        ("/sys/invoices", "status=unknown", "status"),
        ("/sys/invoices", "customer=", "customer"),
        ("/sys/invoices", "customer=%00", "customer"),
        ("/sys/invoices", "due_from=2026", "due_from"),
        ("/sys/invoices/in_1", "limit=1", "limit"),
        ("/sys/payments", "to=2026-13", "to"),
        ("/sys/subscriptions", "due_from=2026-01", "due_from"),
        ("/sys/sync/stripe", "as_of=2026-10", "as_of"),
        ("/sys/projections", "known_at=1", "known_at"),
    ],
)
def test_a_wrong_parameter_is_named(business: TestClient, path: str, query: str, parameter: str) -> None:
    answer = business.get(f"{path}?{query}")
    problem: dict[str, Any] = answer.json()

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert (problem["status"], problem["title"], problem["parameter"]) == (400, "Bad Request", parameter)
    assert parameter in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/sys/invoices/", "/sys/invoices/in_none", "/sys/payments/%00", "/docs/x"]
)
def test_what_is_not_there_is_a_problem_too(business: TestClient, path: str) -> None:
    answer = business.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


def test_a_mistake_of_ours_shows_no_trace(service: Service, client: TestClient, monkeypatch: Any) -> None:
    service.engine.catch_up()
    monkeypatch.setattr("ledgerstone.http.health.projections.troubles", lambda _: 1 / 0)
    answer = client.get("/readyz")

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "ZeroDivision" not in answer.text


@pytest.mark.parametrize("name", ["as_of", "known_at"])
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/sys/sync/stripe", "are not kept"),
        ("/sys/projections", "of now only"),
        ("/sys/verification", "of now only"),
    ],
)
def test_what_is_told_of_now_only_says_why(business: TestClient, path: str, name: str, why: str) -> None:
    answer = business.get(path, params={name: "2026-01"})

    assert (answer.status_code, answer.json()["parameter"]) == (400, name)
    assert why in answer.json()["detail"]
