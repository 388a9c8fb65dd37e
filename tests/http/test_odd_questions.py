"""Whatever is asked of a read, and however it is written: an answer, or a refusal that says why; never a
mistake of ours."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ledgerstone.http.app import READS
from ledgerstone.http.paging import Cursor, digest, written
from ledgerstone.http.parameters import read_query
from ledgerstone.http.questions import AnyRead
from ledgerstone.ledger.accounts import CHART
from tests.http.parts import PROBLEM

Json = dict[str, Any]
TIMES = [
    *("2026-10", "2026-10-31", "2026-05-04T12:00:00Z", "2026-05-04t12:00:00.123456z", "1970-01", "2999-12"),
    *(
        "2026-02-30",
        "2026-00",
        "2026",
        "0000-01",
        "9999-12-31",
        "2026-05-04T24:00:00Z",
        "2026-05-04T23:59:60Z",
    ),
    *("2026-05-04T12:00:00+23:59", "2026-05-04T12:00:00-24:00", "2026-05-04T12:00:00+99:99", "٢٠٢٦-١٠"),
    *("1970-01-01T00:00:00+14:00", "2999-12-31T23:59:59-14:00", "2026-05-04 12:00:00Z", "2026-W10-1", "now"),
]
POSITIONS = ["0", "1", "9" * 18, "9" * 19, "9" * 400, "-1", "+1", "1e3", "0x10", "١٢", "1.0", " 1", "1_000"]
ODD = [
    "",
    " ",
    "\0",
    "\n",
    "a\u202eb",
    "\U0001f600",
    "'",
    "%",
    "a" * 255,
    "a" * 256,
    "null",
    "[]",
    "{}",
    "*",
]
WORDS: dict[str, list[str]] = {
    **dict.fromkeys(("as_of", "from", "to", "due_from", "due_to"), TIMES),
    **{name: [*POSITIONS, *TIMES] for name in ("known_at", "known_from", "known_to")},
    "limit": [*POSITIONS, "1000", "1001", "true"],
    "currency": ["usd", "xxx", "USD", "us", "usd,eur", "u" * 13],
    "convert_to": ["eur", "usd", "jpy", "xxx", "reporting", "REPORTING", "e" * 12],
    "group_by": ["plan", "country", "tenant", "currency", "account", "subject", "colour"],
    "interval": ["day", "month", "week"],
    "policy": ["standard_v1", "stripe_v1"],
    "chart": ["receivable", "revenue", "savings", "receivable|revenue"],
    "column": ["status", "valid_to", "known_from", "key", '"', "status;"],
    "parked": ["true", "false", "1", "0", "yes", "TRUE"],
    "evidence": ["true", "false", "1", "yes"],
    "type": ["invoice.*", "*", ".*", "invoice.paid", "invoice.%", "a*b"],
    "account": ["acct_1", "acct_", "acct_1:live", "ACCT_1"],
    "status": ["paid", "active", "succeeded", "unknown"],
}
PLACES = [
    "",
    "0",
    "1",
    "9" * 18,
    "9" * 30,
    "١٢",
    "1.2",
    "1.",
    ".1",
    "-1.-1",
    "in_1",
    "'",
    "1:5:3:usd",
    "0:0:0:",
]
PLACES += ["2:0:0:usd", "9:9:9:zzz", "1:" + "9" * 15 + ":" + "9" * 9 + ":usd", "2:0:0:" + "z" * 20, "a" * 200]
ENDS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 6, 1, tzinfo=UTC),
    datetime(2999, 12, 31, tzinfo=UTC),
]
ENDS += [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), ENDS[0] - timedelta(hours=12)]
VIEWS = ["invoices", "mrr", "rates", "terms", "weather", "invoices_v4", ""]


def names(read: AnyRead) -> list[str]:
    return [name for name in read.query.__struct_encode_fields__ if name != "after"]


def path_of(read: AnyRead, random: Random, rest: list[str]) -> tuple[str, dict[str, str]]:
    """Its path, and what stands in it."""
    words = {
        "account": [*CHART, "savings"],
        "position": ["1", *POSITIONS],
        "view": VIEWS,
        "key": ["price/price_1", "a//b", "..", *ODD],
        "id": ["in_none", *ODD],
        "period": ["2026-06", "2026-11", *TIMES, *ODD],
    }
    given = {name: random.choice(words[name]) for name in words if f"{{{name}}}" in read.path}
    path = read.path
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path + random.choice(rest), given


def asked_of(read: AnyRead, random: Random) -> Json:
    """Some of its parameters, and perhaps one of another's."""
    given = {name: _word(name, random) for name in names(read) if random.random() < 0.3}
    if random.random() < 0.1:
        given[random.choice([*WORDS, "foo", "", "after", "__class__"])] = "1"
    return given


def _word(name: str, random: Random) -> str:
    return random.choice(WORDS.get(name, ODD) if random.random() < 0.9 else ODD)


def _cursor(path: str, given: dict[str, str], asked: Json, read: AnyRead, random: Random) -> str | None:
    """One that anybody can write: the digest of a question is no secret."""
    try:
        query = read_query(
            "&".join(f"{name}={quote(value)}" for name, value in asked.items()).encode(), read.query
        )
    except Exception:  # what is refused has no pages
        return None
    whole = digest("/".join([read.path, *given.values()]), query)  # type: ignore[arg-type]
    position, rows = random.choice([0, 7, 2**53 - 1, 2**60]), random.choice([0, 3, 2**52])
    time, place = random.choice([None, *ENDS]), random.choice(PLACES)
    return written(Cursor(position, random.choice(ENDS), whole, time, place, rows))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=True))
def test_nothing_that_is_asked_is_our_mistake(business: TestClient, random: Random) -> None:
    read = random.choice(READS)
    path, given = path_of(read, random, ["", "", ".csv"] if read.csv else [""])
    asked = asked_of(read, random)
    if "limit" in names(read) and random.random() < 0.3:
        asked = {name: value for name, value in asked.items() if value in (WORDS.get(name) or ())[:3]}
        after = _cursor(path, given, asked, read, random)
        asked |= {} if after is None else {"after": after}

    answer = business.get(path, params=asked)

    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["detail"]


@pytest.mark.parametrize("read", READS, ids=lambda read: read.path)
def test_a_parameter_that_a_route_has_not_is_refused(business: TestClient, read: AnyRead) -> None:
    words = {"account": "receivable", "position": "1", "view": "invoices", "key": "in_1", "id": "in_1"}
    words["period"] = "2026-06"
    path = read.path.format(**words)
    for name in {*WORDS, "chart", "subject", "foo"} - {*names(read), "after"}:
        answer = business.get(path, params={name: (WORDS.get(name) or ["1"])[0]})
        assert (answer.status_code, answer.json()["parameter"]) == (400, name)
        assert f"`{name}` is not a parameter of this route" in answer.json()["detail"]
