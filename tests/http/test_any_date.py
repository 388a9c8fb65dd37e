"""Any question, as of any date, as known on any date: every answer is that of a naive model, which folds the
rows of the log up to there afresh and then filters, sorts, adds up and cuts into pages with plain Python.

`LEDGERSTONE_QUESTIONS` says how many questions are asked."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from tests.http.parts import Service, every
from tests.naive import lists, tables
from tests.naive.questions import Question, Words, lists as list_questions, objects, tables as table_questions
from tests.naive.told import Known, Told, exclusive
from tests.naive.worlds import record, told

Json = dict[str, Any]
COUNT = int(os.environ.get("LEDGERSTONE_QUESTIONS", "3000"))
BEYOND = "known_at is later than the last row that the views have: this is as known at the head"
WORLDS = {
    1: {"customers": 9, "months": 6, "late": 0.1, "corrections": 0},
    2: {"customers": 6, "months": 6, "late": 0.9, "corrections": 8},
    3: {"customers": 5, "months": 5, "late": 0.5, "corrections": 60},
}
PAGES = 5
PINNED = ("position", "as_of", "known_at", "policy")
MODELS = {
    "/sys/billing/mrr": tables.mrr,
    "/sys/billing/mrr/movements": tables.movements,
    "/api/mrr": tables.months,
    "/sys/billing/revenue": tables.revenue,
}


class Asked(NamedTuple):
    """A business in a log, the web that is asked for it, and the log's rows for the model."""

    client: TestClient
    told: Told
    words: Words
    now: datetime

    def moment(self, question: Question) -> tuple[str, datetime, Known]:
        """Whose books, as of which instant, as known when."""
        when = question.when
        end = exclusive(when["as_of"]) if "as_of" in when else self.now
        return f"{when.get('account', '')}:live", end, self.told.known(self.told.position(when.get("known_at"))[0])


@pytest.fixture(scope="module", params=WORLDS)
def asked(server: EmbeddedServer, template: str, request: pytest.FixtureRequest) -> Iterator[Asked]:
    seed, shape = request.param, dict(WORLDS[request.param])
    service = Service(create_database(server, f"any_date_{seed}", template))
    corrections = int(shape.pop("corrections"))
    record(service.journal, told(seed, **shape), seed, corrections)  # type: ignore[arg-type]
    service.engine.catch_up()
    log = Told(service.journal.read(0, 10**6))
    now = datetime.fromisoformat("2026-11-05T12:00:01Z")
    with TestClient(service.app, raise_server_exceptions=False) as client:
        yield Asked(client, log, Words(log, seed), now)
    service.close()


def plain(value: Any) -> Any:
    """As JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def check_meta(asked: Asked, question: Question, meta: Json) -> None:
    """What an answer says of its moment."""
    position, beyond = asked.told.position(question.when.get("known_at"))
    _, end, known = asked.moment(question)
    assert meta["position"] == position
    assert meta["as_of"] == plain(end)
    assert meta["known_at"] == plain(asked.told.recorded_at(position))
    assert (BEYOND in meta["notes"]) == beyond


def pages(asked: Asked, question: Question, many: int) -> tuple[list[Json], Json]:
    """All rows, in up to so many pages or as many as it takes, and the first page's meta; each page but the
    last is full."""
    limit = question.limit and max(question.limit, many // PAGES)
    rows: list[Json] = []
    meta: Json = {}
    after: Json = {}
    while True:
        answer = asked.client.get(question.path, params={**question.asked(limit), **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["data"]
        meta = meta or page["meta"]
        assert [page["meta"][name] for name in PINNED] == [meta[name] for name in PINNED]
        if page["next"] is None:
            return rows, meta
        assert len(page["data"]) == (limit or 100)
        after = {"after": page["next"]}


def questions(count: int) -> Any:
    return settings(max_examples=count // len(WORLDS), suppress_health_check=list(HealthCheck))


@questions(COUNT * 4 // 10)
@given(st.data())
def test_every_list_is_that_of_the_model(asked: Asked, data: st.DataObject) -> None:
    question = data.draw(list_questions(asked.words))
    book, end, known = asked.moment(question)

    expected = plain(lists.listed(known, question.path, book, end, question.filters))

    found, meta = pages(asked, question, len(expected))
    assert found == expected
    check_meta(asked, question, meta)


@questions(COUNT * 4 // 10)
@given(st.data())
def test_every_table_is_that_of_the_model(asked: Asked, data: st.DataObject) -> None:
    question = data.draw(table_questions(asked.words))
    book, end, known = asked.moment(question)
    try:
        expected = plain(MODELS[question.path](known, book, end, question.filters))
    except tables.Refused as refused:
        answer = asked.client.get(question.path, params=question.asked())
        assert (answer.status_code, answer.json()["parameter"]) == (400, str(refused))
        return

    found, meta = pages(asked, question, len(expected))
    assert found == expected
    check_meta(asked, question, meta)


@questions(COUNT * 2 // 10)
@given(st.data())
def test_every_single_object_is_that_of_the_model(asked: Asked, data: st.DataObject) -> None:
    question = data.draw(objects(asked.words))
    book, end, known = asked.moment(question)
    answer = asked.client.get(question.path, params=question.asked())
    try:
        expected = plain(lists.single(known, question.path, book, end))
    except lists.Nothing:
        assert answer.status_code == 404
        return

    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    if "readings" in found:
        found["readings"] = [each["position"] for each in found["readings"]]
    assert found == expected
    check_meta(asked, question, answer.json()["meta"])
