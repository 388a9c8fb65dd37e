"""Rates are read as they were published and as they were known, by anybody."""

from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.ledger.corrections import superseding
from tests.ecb_files import published
from tests.http.parts import Service

PATH = "/sys/fx/rates"
WEDNESDAY = published(date(2026, 11, 4), {"usd": "1.1172", "sek": "10.978"})
TUESDAY = published(date(2026, 11, 3), {"usd": "1.116", "sek": "10.97"})
SUMMER = published(date(2026, 7, 1), {"usd": "1.09"})
CORRECTED = superseding(WEDNESDAY, published(date(2026, 11, 4), {"usd": "1.1173", "sek": "10.978"}), 1)


@pytest.fixture
def told(service: Service, client: TestClient) -> TestClient:
    """Asks a service that was told of three days, and of one of them again."""
    service.hear([[WEDNESDAY], [TUESDAY], [SUMMER], [CORRECTED]])
    return client


def shown(client: TestClient, **query: Any) -> list[tuple[str, str, str, int]]:
    answer = client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return [(row["day"], row["currency"], row["rate"], row["position"]) for row in answer.json()["data"]]


def test_the_last_month_is_shown_newest_first(told: TestClient) -> None:
    assert shown(told) == [
        ("2026-11-04", "sek", "10.978", 4),
        ("2026-11-04", "usd", "1.1173", 4),
        ("2026-11-03", "sek", "10.97", 2),
        ("2026-11-03", "usd", "1.116", 2),
    ]
    (row,) = told.get(PATH, params={"from": "2026-11-04", "currency": "sek"}).json()["data"]
    assert (row["base"], row["at"]) == ("eur", "2026-11-04T15:00:00Z")


def test_rates_are_as_known_then(told: TestClient) -> None:
    assert shown(told, known_at=2, currency="usd") == [
        ("2026-11-04", "usd", "1.1172", 1),
        ("2026-11-03", "usd", "1.116", 2),
    ]
    assert shown(told, known_at=0) == []


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({"from": "2026-07"}, ["2026-11-04", "2026-11-03", "2026-07-01"]),
        ({"from": "2026-11-04"}, ["2026-11-04"]),
        ({"to": "2026-11-03"}, ["2026-11-03"]),
        ({"as_of": "2026-11-03"}, ["2026-11-03"]),
        ({"as_of": "2026-11-04T15:00:00Z"}, ["2026-11-03"]),  # it comes out then
        ({"as_of": "2026-11-04T15:00:01Z"}, ["2026-11-04", "2026-11-03"]),
        ({"as_of": "2026-07-31"}, ["2026-07-01"]),
    ],
)
def test_a_day_is_shown_when_it_was_published_then(
    told: TestClient, query: dict[str, str], days: list[str]
) -> None:
    assert [day for day, *_ in shown(told, currency="usd", **query)] == days


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"from": "2026-11-05", "to": "2026-11-03"}, "from"),
        ({"from": "1999"}, "from"),
        ({"from": "2024-01"}, "from"),
        ({"currency": "USD"}, "currency"),
        ({"base": "usd"}, "base"),
    ],
)
def test_what_cannot_be_answered_is_refused(told: TestClient, query: dict[str, str], parameter: str) -> None:
    answer = told.get(PATH, params=query)
    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter


def test_a_table_is_read_in_pages_and_as_csv(told: TestClient) -> None:
    page = told.get(PATH, params={"limit": 3}).json()
    rest = told.get(PATH, params={"limit": 3, "after": page["next"]}).json()
    assert [len(page["data"]), len(rest["data"]), rest["next"]] == [3, 1, None]
    lines = told.get(f"{PATH}.csv", params={"currency": "usd"}).text.splitlines()
    assert lines[:2] == [
        "day,base,currency,rate,at,position",
        "2026-11-04,eur,usd,1.1173,2026-11-04T15:00:00Z,4",
    ]
