"""Cursors that are none of ours, though they look like it: nothing in them is a secret."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple, replace
from starlette.testclient import TestClient

from ledgerstone.http.paging import Cursor
from tests.http.parts import PROBLEM

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))
FIRST, LAST = datetime(1, 1, 1, tzinfo=EAST), datetime(9999, 12, 31, 23, tzinfo=WEST)
PATHS = [
    "/sys/journal/entries",
    "/sys/journal/balances",
    "/sys/journal/accounts/tax",
    "/sys/invoices",
    "/sys/payments",
    "/sys/subscriptions",
    "/audit/events",
    "/sys/billing/mrr",
]
TABLES = {"/sys/journal/balances", "/sys/billing/mrr"}


def next_of(business: TestClient, path: str, **query: Any) -> Cursor:
    """What the first page of an answer says of the next."""
    word = business.get(path, params={"limit": 1, **query}).json()["next"]
    return msgspec.msgpack.decode(urlsafe_b64decode(word + "=" * (-len(word) % 4)), type=Cursor)


def asked(business: TestClient, path: str, cursor: Cursor, **query: Any) -> Any:
    """Asks with a cursor that is written by hand, times as text."""
    word = urlsafe_b64encode(msgspec.msgpack.encode([_said(part) for part in astuple(cursor)])).decode()
    return business.get(path, params={"limit": 1, "after": word, **query})


def _said(part: Any) -> Any:
    return part.isoformat() if isinstance(part, datetime) else part


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("at", [FIRST, LAST, datetime(9999, 12, 31, 12, tzinfo=UTC)])
def test_an_instant_that_no_parameter_can_say_is_refused(
    business: TestClient, path: str, at: datetime
) -> None:
    answer = asked(business, path, replace(next_of(business, path), at=at))

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert answer.json()["parameter"] == "after"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("place", [{"time": FIRST}, {"time": LAST}, {"id": "in_\0"}])
def test_a_place_that_no_row_can_have_is_refused(
    business: TestClient, path: str, place: dict[str, Any]
) -> None:
    answer = asked(business, path, replace(next_of(business, path), **place))

    assert (answer.status_code, answer.json()["parameter"]) == (400, "after")


@pytest.mark.parametrize("path", sorted({*PATHS} - TABLES))
@pytest.mark.parametrize("end", [1970, 9999])
def test_a_place_at_either_end_of_time_is_borne(business: TestClient, path: str, end: int) -> None:
    """A provider's times go to the end of the calendar."""
    cursor = replace(next_of(business, path), time=datetime(end, 12, 31, 23, 59, 59, tzinfo=UTC))

    assert asked(business, path, cursor).status_code == 200


@pytest.mark.parametrize("as_of", ["2999-12", "2999-12-31T23:59:59-14:00"])
def test_an_answer_goes_on_at_the_last_instant_that_can_be_asked_for(
    business: TestClient, as_of: str
) -> None:
    path = "/sys/invoices"
    cursor = next_of(business, path, as_of=as_of)

    assert cursor.at >= datetime(3000, 1, 1, tzinfo=UTC)
    assert asked(business, path, cursor, as_of=as_of).status_code == 200
