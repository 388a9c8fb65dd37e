"""A business in three currencies, reported in one: what the native figures come to by the bank's own rates,
as of any time and as known at any."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.fx.seed import read_seed
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from tests import stripe_objects as stripe
from tests.databases import another
from tests.ecb_files import published
from tests.http.parts import Service

Json = dict[str, Any]
YEAR = {"from": "2025-12", "to": "2026-10"}
HUNDREDTHS = {"usd": 100, "eur": 100, "sek": 100, "jpy": 1}
FLOWS = ("gross_revenue", "credit_notes", "refunds", "disputes", "voided")
KINDS = ("new", "reactivation", "expansion", "entering"), ("contraction", "churn", "leaving")
SEED = [table for table in read_seed() if table.day >= date(2025, 10, 20)]


@pytest.fixture(scope="module")
def business(server: EmbeddedServer, template: str) -> Iterator[TestClient]:
    """Asks a service that heard of a year of business, and then of its rates."""
    service = Service(another(server, template, "year_in_one_currency"), reporting_currency="sek")
    told = generate(seed=7, customers=20, months=12, start="2025-11").events
    service.journal.append_many(
        read_message(msgspec.json.encode(said), source="import", signature=None, livemode=True).rows
        for said in told
    )
    service.hear([[published(table.day, table.rates)] for table in SEED])
    with TestClient(service.app, raise_server_exceptions=False) as client:
        yield client
    service.close()


def asked(client: TestClient, path: str, **query: Any) -> Json:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def worth(amount: int, currency: str, into: str, at: str) -> Fraction:
    """By the last table from before the day of an instant."""
    table = [each for each in SEED if each.day < date.fromisoformat(at[:10])][-1]
    rates = {"eur": "1", **table.rates}
    rate = Fraction(rates[into]) / Fraction(rates[currency])
    return amount * rate * HUNDREDTHS[into] / HUNDREDTHS[currency]


def summed(rows: list[Json], into: str, *columns: str) -> dict[Any, tuple[int, ...]]:
    """Native rows by period and group, each column converted, summed and rounded once."""
    sums: dict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * len(columns))
    for row in rows:
        held = sums[row["period"], row["group"]]
        for place, column in enumerate(columns):
            held[place] += worth(row[column], row["currency"], into, row["at"])
    return {cell: tuple(map(round, found)) for cell, found in sums.items()}


def adds_up(row: Json) -> bool:
    gained, lost = (sum(row[kind] for kind in kinds) for kinds in KINDS)
    return bool(row["opening"] + gained - lost + row["fx"] == row["closing"])


@pytest.mark.parametrize("into", ["eur", "sek", "jpy"])
@pytest.mark.parametrize("group", [{}, {"group_by": "plan"}, {"group_by": "tenant"}])
def test_every_figure_is_what_the_native_ones_come_to(business: TestClient, into: str, group: Json) -> None:
    native = asked(business, "/sys/billing/mrr", **YEAR, **group)["data"]
    found = asked(business, "/sys/billing/mrr", **YEAR, **group, convert_to=into)
    assert len({row["currency"] for row in native}) == 3
    assert {row["currency"] for row in found["data"]} == {into}
    ours = {(row["period"], row["group"]): (row["mrr"],) for row in found["data"]}
    assert ours == summed(native, into, "mrr")
    assert found["meta"]["incomplete"] == 0


@pytest.mark.parametrize("interval", ["day", "month"])
@pytest.mark.parametrize("group", [{}, {"group_by": "plan"}, {"group_by": "currency"}])
def test_movements_lead_from_opening_to_closing_with_the_rates(
    business: TestClient, interval: str, group: Json
) -> None:
    query = {"interval": interval, "from": "2026-08", "as_of": "2026-10-15T09:30:00Z", **group}
    rows = asked(business, "/sys/billing/mrr/movements", **query, convert_to="sek")["data"]
    assert rows
    assert all(map(adds_up, rows))
    assert any(row["fx"] > 100 for row in rows)
    assert any(row["fx"] < -100 for row in rows)
    figures = asked(business, "/sys/billing/mrr", **query, convert_to="sek")["data"]
    closing = {(row["period"], row["group"]): row["mrr"] for row in figures}
    assert all(closing.get((row["period"], row["group"]), 0) == row["closing"] for row in rows)


def test_movements_are_the_native_ones_at_the_rates_before_the_end(business: TestClient) -> None:
    query = {**YEAR, "group_by": "currency"}
    native = asked(business, "/sys/billing/mrr/movements", **{**query, "group_by": "currency"})["data"]
    found = asked(business, "/sys/billing/mrr/movements", **query, convert_to="eur")["data"]
    columns = (*KINDS[0], *KINDS[1])
    ours = {(row["period"], row["group"]): tuple(row[column] for column in columns) for row in found}
    expected = summed(native, "eur", *columns)
    assert {cell: found for cell, found in ours.items() if any(found)} == {
        cell: found for cell, found in expected.items() if any(found)
    }
    assert all(row["fx"] == 0 for row in found if row["group"] == "eur")


def test_a_headline_is_of_one_currency(business: TestClient) -> None:
    query = {"from": "2026-10-05", "to": "2026-10", "as_of": "2026-10"}
    native = asked(business, "/sys/billing/revenue", **query)["data"]
    found = asked(business, "/sys/billing/revenue", **query, convert_to="eur")
    (row,) = found["data"]
    end = "2026-11-01"
    assert row["mrr"] == round(sum(worth(each["mrr"], each["currency"], "eur", end) for each in native))
    days = [f"2026-10-{day:02}" for day in range(5, 32)]
    daily = [
        (day, each)
        for day in days
        for each in asked(business, "/sys/billing/revenue", to=day, **{"from": day})["data"]
    ]
    for column in FLOWS:
        exact = sum(worth(each[column], each["currency"], "eur", day) for day, each in daily)
        assert row[column] == round(exact), column
    assert row["gross_revenue"] > 0
    assert row["refunds"] + row["disputes"] > 0
    lost = sum(worth(each["churn"]["mrr"], each["currency"], "eur", end) for each in native)
    held = sum(worth(each["churn"]["of_mrr"], each["currency"], "eur", end) for each in native)
    assert (row["churn"]["mrr"], row["churn"]["of_mrr"]) == (round(lost), round(held))
    less = row["credit_notes"] + row["refunds"] + row["disputes"] + row["voided"]
    assert row["net_revenue"] == row["gross_revenue"] - less
    months = asked(business, "/sys/billing/mrr", **YEAR, convert_to="eur")["data"]
    assert [month["mrr"] for month in row["trend"]][1:] == [month["mrr"] for month in months]
    assert found["meta"]["incomplete"] == 0


def test_the_reporting_currency_is_that_of_the_configuration(business: TestClient) -> None:
    named = asked(business, "/api/mrr", **YEAR, convert_to="sek")
    assert asked(business, "/api/mrr", **YEAR, convert_to="reporting")["data"] == named["data"]
    assert any("European Central Bank" in note for note in named["meta"]["notes"])


def test_without_a_configured_currency_it_is_not_guessed(client: TestClient) -> None:
    answer = client.get("/api/mrr", params={"convert_to": "reporting"})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "convert_to")
    assert "LEDGERSTONE_REPORTING_CURRENCY is not set" in answer.json()["detail"]


BALANCES = "/sys/journal/balances"


@pytest.mark.parametrize("into", ["eur", "sek", "jpy"])
@pytest.mark.parametrize(
    "group", [{}, {"group_by": "tenant"}, {"group_by": "subject", "chart": "receivable"}]
)
def test_a_trial_balance_is_what_the_native_ones_come_to(
    business: TestClient, into: str, group: Json
) -> None:
    query = {"from": "2026-05", "as_of": "2026-08", **group}
    native = asked(business, BALANCES, **query)["data"]
    answer = asked(business, BALANCES, **query, convert_to=into)
    sums: dict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 4)
    for row in native:
        held = sums[row["account"], row["group"]]
        for place, column in enumerate(("opening", "debit", "credit", "balance")):
            at = "2026-05-01" if column == "opening" else "2026-09-01"
            held[place] += worth(row[column], row["currency"], into, at)
    found = {
        (row["account"], row["group"]): [row["opening"], row["debit"], row["credit"], row["balance"]]
        for row in answer["data"]
        if row["account"] != "fx"
    }
    assert found == {cell: list(map(round, amounts)) for cell, amounts in sums.items()}
    assert {row["currency"] for row in answer["data"]} == {into}
    for row in answer["data"]:
        assert row["opening"] + row["debit"] - row["credit"] + row["fx"] == row["balance"]
    assert ("fx" in {row["account"] for row in answer["data"]}) == ("chart" not in group)
    assert answer["meta"]["incomplete"] == 0


@pytest.mark.parametrize("query", [{}, {"from": "2026-03"}, {"group_by": "tenant"}, {"currency": "usd"}])
def test_a_trial_balance_in_one_currency_adds_up_to_nothing(business: TestClient, query: Json) -> None:
    *rows, rest = asked(business, BALANCES, as_of="2026-08", **query, convert_to="sek")["data"]
    assert (rest["account"], rest["bas"]) == ("fx", None)
    for column in ("opening", "balance", "fx"):
        assert sum(row[column] for row in rows) + rest[column] == 0
    assert sum(row["debit"] - row["credit"] for row in [*rows, rest]) == 0
    assert abs(rest["balance"]) <= len(rows) / 2, "what rounding leaves, and nothing else"


def test_a_balance_without_a_rate_is_null_and_so_is_what_adds_it_up(business: TestClient) -> None:
    before_rates = asked(business, BALANCES, as_of="2026-08")["meta"]["position"] - len(SEED)
    answer = asked(business, BALANCES, as_of="2026-08", known_at=before_rates, convert_to="eur")
    rows = {row["account"]: row for row in answer["data"]}
    assert rows["deferred_revenue"]["balance"] is None
    assert rows["fx"]["balance"] is None
    assert answer["meta"]["incomplete"] == sum(row["fx"] is None for row in answer["data"]) > 0
    assert any("no rate of" in note for note in answer["meta"]["notes"])
    file = business.get(f"{BALANCES}.csv", params={"as_of": "2026-08", "convert_to": "eur"})
    assert file.text.splitlines()[-1].startswith("fx,")


def test_balances_in_the_reporting_currency_are_those_of_the_configuration(business: TestClient) -> None:
    named = asked(business, BALANCES, as_of="2026-08", convert_to="sek")["data"]
    assert asked(business, BALANCES, as_of="2026-08", convert_to="reporting")["data"] == named


def subscribed(id: str, currency: str, amount: int, **fields: Any) -> Json:
    terms = stripe.price(
        id=f"price_{currency}", currency=currency, unit_amount=amount, unit_amount_decimal=str(amount)
    )
    items = stripe.listed(stripe.item(id=f"si_{id}", price=terms, quantity=1))
    return stripe.subscription(id=id, currency=currency, items=items, **fields)


def read(*events: Json) -> list[Any]:
    return [
        read_message(
            msgspec.json.encode({**said, "id": f"evt_{number}"}),
            source="import",
            signature=None,
            livemode=True,
        ).rows
        for number, said in enumerate(events)
    ]


def test_a_figure_is_known_when_its_rates_are(service: Service, client: TestClient) -> None:
    service.hear(
        read(
            stripe.event("customer.subscription.created", subscribed("sub_1", "eur", 1_000)),
            stripe.event("customer.subscription.created", subscribed("sub_2", "usd", 2_000)),
        )
    )
    without = service.journal.head()
    service.hear([[published(date(2026, 11, 4), {"usd": "1.25"})]])
    query = {"interval": "day", "from": "2026-11-04", "convert_to": "eur", "as_of": "2026-11-05T12:00:00Z"}
    seen = {"Ledger-Min-Position": str(service.journal.head())}
    assert client.get("/sys/billing/mrr", params=query, headers=seen).status_code == 200

    then = asked(client, "/sys/billing/mrr", **query, known_at=without)
    assert [row["mrr"] for row in then["data"]] == [None, None]
    assert then["meta"]["incomplete"] == 2
    assert (
        "no rate of usd is known for some of these dates: figures with it are null" in then["meta"]["notes"]
    )
    now = asked(client, "/sys/billing/mrr", **query)
    assert [(row["mrr"], row["active_customers"], row["active_subscriptions"]) for row in now["data"]] == [
        (2_600, 1, 2),
        (2_600, 1, 2),
    ]
    moved = asked(client, "/sys/billing/mrr/movements", **query)["data"][0]
    assert (moved["new"], moved["customers"]["new"], moved["fx"]) == (2_600, 1, 0)
    unknown = asked(client, "/sys/billing/mrr/movements", **query, known_at=without)
    assert [(row["new"], row["fx"]) for row in unknown["data"]] == [(None, None)] * 2
    assert unknown["meta"]["incomplete"] == 2
    headline = asked(client, "/sys/billing/revenue", convert_to="eur", as_of=query["as_of"])["data"][0]
    assert (headline["mrr"], headline["active_customers"], headline["arpa"]) == (2_600, 1, 2_600)


def test_old_rates_are_not_the_previous_days(service: Service, client: TestClient) -> None:
    service.hear(read(stripe.event("customer.subscription.created", subscribed("sub_2", "usd", 2_000))))
    week = date(2026, 11, 5) - timedelta(days=7)
    service.hear([[published(week - timedelta(days=1), {"usd": "1.25"})]])
    query = {"interval": "day", "from": "2026-11-05", "convert_to": "eur", "as_of": "2026-11-05T12:00:00Z"}
    assert asked(client, "/sys/billing/mrr", **query)["data"][0]["mrr"] is None
    service.hear([[published(week, {"usd": "1.25"})]])
    seen = {"Ledger-Min-Position": str(service.journal.head())}
    answer = client.get("/sys/billing/mrr", params=query, headers=seen)
    assert answer.json()["data"][0]["mrr"] == 1_600


def test_who_changes_currency_neither_leaves_nor_comes(service: Service, client: TestClient) -> None:
    start = stripe.NOW - 86_400
    ended = {"status": "canceled", "ended_at": stripe.NOW - 60, "canceled_at": stripe.NOW - 60}
    service.hear(
        read(
            stripe.event("customer.subscription.created", subscribed("sub_1", "eur", 1_000), created=start),
            stripe.event("customer.subscription.deleted", subscribed("sub_1", "eur", 1_000, **ended)),
            stripe.event(
                "customer.subscription.created", subscribed("sub_2", "usd", 2_000, start_date=stripe.NOW - 60)
            ),
        )
    )
    service.hear([[published(date(2026, 11, day), {"usd": "1.25"})] for day in (3, 4)])
    query = {"interval": "day", "from": "2026-11-05", "as_of": "2026-11-05T12:00:01Z"}
    native = asked(client, "/sys/billing/mrr/movements", **query)["data"]
    assert {(row["currency"], row["new"], row["churn"]) for row in native} == {
        ("eur", 0, 1_000),
        ("usd", 2_000, 0),
    }
    (row,) = asked(client, "/sys/billing/mrr/movements", **query, convert_to="eur")["data"]
    assert (row["opening"], row["expansion"], row["churn"], row["new"], row["closing"]) == (
        1_000,
        600,
        0,
        0,
        1_600,
    )
    assert row["customers"] == {"new": 0, "reactivation": 0, "expansion": 1, "contraction": 0, "churn": 0}


def test_who_changes_currency_between_two_months_ends_is_not_lost_either(
    service: Service, client: TestClient
) -> None:
    october = [stripe.NOW - days * 86_400 for days in (31, 16)]
    ended = {"status": "canceled", "ended_at": october[1], "canceled_at": october[1]}
    before = subscribed("sub_1", "eur", 1_000, start_date=october[0])
    service.hear(
        read(
            stripe.event("customer.subscription.created", before, created=october[0]),
            stripe.event("customer.subscription.deleted", {**before, **ended}, created=october[1]),
            stripe.event(
                "customer.subscription.created",
                subscribed("sub_2", "usd", 2_000, start_date=october[1]),
                created=october[1],
            ),
        )
    )
    service.hear([[published(date(2026, 10, 23), {"usd": "1.25"})]])
    query = {"from": "2026-10-10", "to": "2026-10-25", "convert_to": "eur"}
    for group in ({}, {"group_by": "plan"}, {"group_by": "country"}, {"group_by": "tenant"}):
        (row,) = asked(client, "/sys/billing/revenue", **query, **group)["data"]
        assert (row["churn"]["customers"], row["churn"]["mrr"]) == (0, 0)
        assert (row["churn"]["net_mrr_rate"], row["mrr"]) == (-0.6, 1_600)


def test_what_moved_elsewhere_at_an_unknown_rate_is_known_here(service: Service, client: TestClient) -> None:
    start = stripe.NOW - 86_400
    stays = subscribed("sub_1", "eur", 1_000, start_date=start)
    stays["items"]["data"][0]["price"]["product"] = "prod_stays"
    service.hear(
        read(
            stripe.event("customer.subscription.created", stays, created=start),
            stripe.event(
                "customer.subscription.created", subscribed("sub_2", "usd", 2_000, start_date=stripe.NOW - 60)
            ),
        )
    )
    query = {"interval": "day", "from": "2026-11-05", "group_by": "plan", "convert_to": "eur"}
    found = asked(client, "/sys/billing/mrr/movements", **query)["data"]
    known = {row["group"]: (row["expansion"], row["entering"], row["fx"]) for row in found}
    assert known["prod_stays"] == (0, 0, 0)
    assert [moved for group, moved in known.items() if group != "prod_stays"] == [(None, None, None)]
