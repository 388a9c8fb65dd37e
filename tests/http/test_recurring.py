"""Recurring revenue over HTTP, against the business's own books."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.ledger.corrections import superseding
from tests import stripe_objects as stripe
from tests.http.parts import Service, every

Json = dict[str, Any]
LESS = ("credit_notes", "refunds", "disputes", "voided")
YEAR = {"from": "2025-11", "to": "2026-10"}


def data(client: TestClient, path: str, **query: Any) -> list[Json]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    rows: list[Json] = answer.json()["data"]
    return rows


def keyed(rows: list[Json]) -> dict[Any, Json]:
    return {(row["period"], row["currency"], row["group"]): row for row in rows}


def test_the_columns_are_those_of_the_contract(business: TestClient) -> None:
    row = data(business, "/sys/billing/mrr", **YEAR)[0]
    month = data(business, "/api/mrr", **YEAR)[0]
    moved = data(business, "/sys/billing/mrr/movements", **YEAR)[0]

    assert list(row) == [
        *("period", "at", "currency", "group", "mrr"),
        *("active_subscriptions", "active_customers", "paying_customers"),
    ]
    assert list(month) == ["month", "currency", "mrr", "active_subscriptions", "active_customers", "change"]
    assert {"period", "at", "currency", "group", "opening", "new", "reactivation", "expansion"} < set(moved)
    assert {"contraction", "churn", "fx", "closing", "customers"} < set(moved)


def test_every_month_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    ours = keyed(data(business, "/sys/billing/mrr", **YEAR))

    assert [ours.get((row["period"], row["currency"], None)) for row in truth["months"]] == truth["months"]


@pytest.mark.parametrize("group", ["plan", "country", "tenant"])
def test_every_group_is_what_the_business_knows(business: TestClient, truth: Json, group: str) -> None:
    ours = data(business, "/sys/billing/mrr", group_by=group, **YEAR)

    assert keyed(ours) == keyed(truth[f"by_{group}"])


def test_every_day_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    rows = data(business, "/sys/billing/mrr", interval="day", **YEAR)

    ours = {(row["period"], row["currency"]): row["mrr"] for row in rows}
    assert ours == {(row["period"], row["currency"]): row["mrr"] for row in truth["daily"]}


def test_every_movement_is_what_the_business_knows(business: TestClient, truth: Json) -> None:
    ours = {
        (row["period"], row["currency"]): row for row in data(business, "/sys/billing/mrr/movements", **YEAR)
    }

    for row in truth["movements"]:
        found = ours[row["period"], row["currency"]]
        assert {name: found[name] for name in row} == row


@pytest.mark.parametrize("group", [None, "plan", "country", "tenant", "currency"])
@pytest.mark.parametrize("interval", ["day", "month"])
def test_movements_lead_from_opening_to_closing(
    business: TestClient, group: str | None, interval: str
) -> None:
    wanted = {"group_by": group} if group else {}
    rows = data(
        business, "/sys/billing/mrr/movements", interval=interval, as_of="2026-10-15T09:30:00Z", **wanted
    )

    assert rows
    for row in rows:
        up = row["new"] + row["reactivation"] + row["expansion"] + row["entering"]
        down = row["contraction"] + row["churn"] + row["leaving"]
        assert row["opening"] + up - down + row["fx"] == row["closing"], row


@pytest.mark.parametrize("path", ["/sys/billing/mrr", "/sys/billing/mrr/movements"])
@pytest.mark.parametrize("at", ["2026-03-14T15:09:26Z", "2026-07-31T23:59:59.5Z"])
def test_tenants_add_up_to_the_total_within_a_day_too(business: TestClient, path: str, at: str) -> None:
    total = data(business, path, **{"from": "2026-01", "as_of": at})
    tenants = data(business, path, group_by="tenant", **{"from": "2026-01", "as_of": at})

    figure = "mrr" if path.endswith("mrr") else "closing"
    for row in total:
        of_it = [t for t in tenants if (t["period"], t["currency"]) == (row["period"], row["currency"])]
        assert sum(t[figure] for t in of_it) == row[figure]


def test_the_end_of_october_is_written_in_three_ways(business: TestClient) -> None:
    answers = [
        business.get("/sys/billing/mrr", params={"as_of": written}).json()
        for written in ("2026-10", "2026-10-31", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00")
    ]

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["meta"]["as_of"] == "2026-11-01T00:00:00Z"
    assert answers[0]["data"][-1]["period"] == "2026-10"


def test_a_period_is_cut_at_as_of(business: TestClient) -> None:
    last = data(business, "/sys/billing/mrr", as_of="2026-10-15T12:00:00Z")[-1]

    assert (last["period"], last["at"]) == ("2026-10", "2026-10-15T12:00:00Z")


def test_from_and_to_are_inclusive_as_dates_and_to_is_exclusive_as_a_time(business: TestClient) -> None:
    def days(since: str, until: str) -> list[str]:
        rows = data(
            business, "/sys/billing/mrr", interval="day", currency="usd", **{"from": since, "to": until}
        )
        return [row["period"] for row in rows]

    assert days("2026-02-27", "2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert days("2026-02-28", "2026-02") == ["2026-02-28"]
    assert days("2026-02-27T00:00:00Z", "2026-03-01T00:00:00Z") == ["2026-02-27", "2026-02-28"]


def test_change_is_the_fraction_against_the_month_before(business: TestClient, truth: Json) -> None:
    rows = data(business, "/api/mrr", currency="usd", **{"from": "2026-04", "to": "2026-05"})
    known = {row["period"]: row["mrr"] for row in truth["months"] if row["currency"] == "usd"}

    assert rows[0]["change"] == pytest.approx(known["2026-04"] / known["2026-03"] - 1)
    assert rows[1]["change"] == pytest.approx(known["2026-05"] / known["2026-04"] - 1)


def test_what_was_known_earlier_is_what_the_log_said_then(business: TestClient) -> None:
    whole = business.get("/sys/billing/mrr", params=YEAR).json()
    half = whole["meta"]["position"] // 2
    then = business.get("/sys/billing/mrr", params={**YEAR, "known_at": half})
    tenants = data(business, "/sys/billing/mrr", group_by="tenant", known_at=half, **YEAR)

    assert then.headers["ledger-position"] == str(half)
    assert then.json()["meta"]["position"] == half
    assert then.json()["data"] != whole["data"]
    for row in then.json()["data"]:
        of_it = [t for t in tenants if (t["period"], t["currency"]) == (row["period"], row["currency"])]
        assert sum(t["mrr"] for t in of_it) == row["mrr"]


def test_known_at_a_time_is_the_last_row_recorded_by_then(business: TestClient) -> None:
    meta = business.get("/sys/billing/mrr", params={"known_at": "7"}).json()["meta"]
    by_time = business.get("/sys/billing/mrr", params={"known_at": meta["known_at"]}).json()["meta"]
    before = business.get("/sys/billing/mrr", params={"known_at": "2020-01-01"}).json()

    assert by_time["position"] >= 7
    assert (before["meta"]["position"], before["data"]) == (0, [])


@pytest.mark.parametrize("known_at", ["999999999", "2999-12"])
def test_known_at_beyond_the_head_is_the_head_and_says_so(business: TestClient, known_at: str) -> None:
    head = business.get("/sys/billing/mrr").json()
    beyond = business.get("/sys/billing/mrr", params={"known_at": known_at}).json()

    assert beyond["data"] == head["data"]
    assert beyond["meta"]["notes"]


def test_a_headline_has_the_figures_of_its_month(business: TestClient, truth: Json) -> None:
    answer = business.get("/sys/billing/revenue", params={"as_of": "2026-10", "currency": "usd"}).json()
    (row,) = answer["data"]
    moved = next(m for m in truth["movements"] if (m["period"], m["currency"]) == ("2026-10", "usd"))
    october = [
        invoice
        for invoice in truth["invoices"]
        if (invoice["finalized_at"] or "").startswith("2026-10") and invoice["currency"] == "usd"
    ]

    assert (row["mrr"], row["arr"]) == (moved["closing"], 12 * moved["closing"])
    assert row["growth"] == pytest.approx(moved["closing"] / moved["opening"] - 1)
    assert row["gross_revenue"] == sum(invoice["total"] - invoice["tax"] for invoice in october)
    assert row["net_revenue"] == row["gross_revenue"] - sum(row[each] for each in LESS)
    assert row["churn"]["customers"] == moved["customers"]["churn"]
    assert row["platform_fees"] is None
    assert len(row["trend"]) == 12
    assert answer["meta"]["notes"]


@pytest.mark.parametrize("group", ["plan", "country", "tenant", "currency"])
def test_headlines_of_groups_add_up(business: TestClient, group: str) -> None:
    asked = {"as_of": "2026-09-17T10:00:00Z", "from": "2026-02"}
    totals = data(business, "/sys/billing/revenue", **asked)
    groups = data(business, "/sys/billing/revenue", group_by=group, **asked)

    for total in totals:
        own = [row for row in groups if row["currency"] == total["currency"]]
        for figure in (
            "mrr",
            "gross_revenue",
            "net_revenue",
            "credit_notes",
            "refunds",
            "disputes",
            "voided",
        ):
            assert sum(row[figure] for row in own) == total[figure], figure


def test_what_is_not_known_yet_is_null_and_counted(service: Service, client: TestClient) -> None:
    tiered = stripe.price(
        billing_scheme="tiered", tiers_mode="graduated", unit_amount=None, unit_amount_decimal=None
    )
    bought = stripe.subscription(items=stripe.listed(stripe.item(price=tiered)))
    service.hear([stripe.read(stripe.event("customer.subscription.created", bought)).rows])

    mrr = client.get("/sys/billing/mrr").json()
    moved = client.get("/sys/billing/mrr/movements").json()
    one = client.get("/sys/subscriptions/sub_1").json()
    now = mrr["data"][-1]
    assert (now["mrr"], now["paying_customers"], now["active_subscriptions"]) == (None, None, 1)
    assert [moved["data"][-1][name] for name in ("opening", "new", "closing")] == [0, None, None]
    assert one["data"]["mrr"] is None
    assert [answer["meta"]["incomplete"] for answer in (mrr, moved, one)] == [1, 1, 1]


def test_what_begins_in_this_second_counts_already(service: Service, client: TestClient) -> None:
    born = stripe.subscription(start_date=stripe.NOW, created=stripe.NOW)
    service.hear([stripe.read(stripe.event("customer.subscription.created", born)).rows])

    now = client.get("/sys/billing/mrr/movements").json()["data"][-1]
    before = data(client, "/api/mrr", as_of="2026-11-05T12:00:00Z")
    assert (now["closing"], now["new"], now["reactivation"]) == (9800, 9800, 0)
    assert sum(row["mrr"] for row in before) == 0


def test_what_ended_at_midnight_is_gone_from_the_first_instant_of_the_day(
    service: Service, client: TestClient
) -> None:
    midnight = stripe.NOW - 43_200
    born = stripe.subscription()
    gone = stripe.subscription(status="canceled", ended_at=midnight, canceled_at=midnight)
    service.hear(
        [
            stripe.read(stripe.event("customer.subscription.created", born, created=stripe.BORN)).rows,
            stripe.read(
                stripe.event("customer.subscription.deleted", gone, id="evt_2", created=midnight)
            ).rows,
        ]
    )

    at_midnight = data(client, "/sys/billing/mrr", as_of="2026-11-05T00:00:00Z")
    then = data(client, "/sys/billing/mrr", as_of="2026-11-05T00:00:01Z")
    assert (at_midnight[-1]["mrr"], then[-1]["mrr"]) == (9800, 0)


def test_a_table_by_currency_is_the_table_of_totals(business: TestClient) -> None:
    asked = {"as_of": "2025-11-01", "from": "2025-10"}
    for path in ("/sys/billing/mrr", "/sys/billing/mrr/movements", "/sys/billing/revenue"):
        totals = data(business, path, **asked)
        by_currency = data(business, path, group_by="currency", **asked)
        assert by_currency == [{**row, "group": row["currency"]} for row in totals]


def test_headlines_come_in_pages(business: TestClient) -> None:
    whole = data(business, "/sys/billing/revenue", group_by="tenant", as_of="2026-10")

    assert len(whole) > 3
    assert every(business, "/sys/billing/revenue", group_by="tenant", as_of="2026-10", limit=3) == whole


def test_a_currency_that_was_told_wrongly_is_in_no_total_any_more(
    service: Service, client: TestClient
) -> None:
    in_euros = stripe.item(price=stripe.price(currency="eur"))
    told, better = (
        stripe.read(stripe.event("customer.subscription.created", bought, created=stripe.BORN)).rows
        for bought in (stripe.subscription(items=stripe.listed(in_euros)), stripe.subscription())
    )
    service.hear([told])
    service.journal.append_new([superseding(told[1], better[1], 1)])
    service.engine.catch_up()

    for path in ("/sys/billing/mrr", "/sys/billing/mrr/movements", "/api/mrr", "/sys/billing/revenue"):
        assert {row["currency"] for row in data(client, path)} == {"usd"}
        assert {row["currency"] for row in data(client, path, known_at=2)} == {"eur"}
