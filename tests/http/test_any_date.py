"""Any question, as of any date, as known on any date: every answer is that of a naive model, which folds the
rows of the log up to there afresh and then filters, sorts, adds up and cuts into pages with plain Python.

`LEDGERSTONE_QUESTIONS` says how many questions are asked."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.projections import blocks, postings
from ledgerstone.projections.reads import asked as views_asked
from ledgerstone.projections.reads import balances
from ledgerstone.projections.views import VIEWS
from tests.databases import another
from tests.http.parts import Service
from tests.naive import answers, apart, books, lists
from tests.naive.questions import Question, Words, listing, single, span, table
from tests.naive.told import Known, Told, exclusive, grouped
from tests.naive.worlds import CONNECTED, record, told

Json = dict[str, Any]
COUNT = int(os.environ.get("LEDGERSTONE_QUESTIONS", "3000"))
BEYOND = "known_at is later than the last row that the views have: this is as known at the head"
WORLDS = {
    1: {"customers": 9, "months": 6, "late": 0.1, "corrections": 0},
    2: {"customers": 6, "months": 6, "late": 0.9, "corrections": 8},
    3: {"customers": 5, "months": 5, "late": 0.5, "corrections": 60},
}
BLOCKS = (64, 256, 1024)
"""Rows of the log for which sums are kept, by level: small, so that these logs have some of each."""
PAGES = 5
PINNED = ("position", "as_of", "known_at", "policy")


class Asked(NamedTuple):
    """A business in a log, the web that is asked for it, and the log's rows for the model."""

    client: TestClient
    told: Told
    words: Words
    now: datetime
    seed: int

    def moment(self, question: Question) -> tuple[str, datetime, Known]:
        """Whose books, as of which instant, as known when."""
        when = question.when
        end = exclusive(when["as_of"]) if "as_of" in when else self.now
        return (
            f"{when.get('account', '')}:live",
            end,
            self.told.known(self.told.position(when.get("known_at"))[0]),
        )


@pytest.fixture(scope="module", params=WORLDS)
def asked(server: EmbeddedServer, template: str, request: pytest.FixtureRequest) -> Iterator[Asked]:
    seed, shape = request.param, dict(WORLDS[request.param])
    database = another(server, template, f"any_date_{seed}")
    with pytest.MonkeyPatch.context() as patch:
        for of, name in ((blocks, "SIZES"), (postings, "SPANS"), (balances, "SPANS")):
            patch.setattr(of, name, BLOCKS)
        patch.setattr(views_asked, "SHAPES", {})
        service = Service(database, reporting_currency=answers.REPORTING)
        corrections = int(shape.pop("corrections"))
        record(service.journal, told(seed, **shape), seed, corrections)  # type: ignore[arg-type]
        service.engine.catch_up()
        log = Told(service.journal.read(0, 10**6))
        now = datetime.fromisoformat("2026-11-05T12:00:01Z")
        with TestClient(service.app, raise_server_exceptions=False) as client:
            yield Asked(client, log, Words(log, seed), now, seed)
        service.close()


def plain(value: Any) -> Any:
    """As JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def check_meta(asked: Asked, question: Question, meta: Json) -> None:
    """What an answer says of its moment."""
    position, beyond = asked.told.position(question.when.get("known_at"))
    _, end, _ = asked.moment(question)
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
        assert page["next"] != after.get("after"), "the answer does not go on"
        after = {"after": page["next"]}


def check(asked: Asked, question: Question, known: Known, book: str, end: datetime) -> None:
    """The answer is that of the model, in all of its pages; what has none is refused, with the reason."""
    wrong, expected = answers.refused(question, end), None
    if wrong is None:
        with suppress(lists.Nothing):
            expected = plain(answers.answer(question, known, book, end))
    if expected is None:
        problem = asked.client.get(question.path, params=question.asked())
        assert (problem.status_code, problem.json().get("parameter")) == (400 if wrong else 404, wrong)
        assert problem.json()["detail"]
        return
    found, meta = pages(asked, question, len(expected))
    assert found == expected
    check_meta(asked, question, meta)


randoms = st.randoms(use_true_random=True)
"""A question is made of a seed, so that all of them are likely; of one that fails the seed is told."""


def questions(count: int) -> settings:
    return settings(max_examples=count // len(WORLDS), suppress_health_check=list(HealthCheck))


@questions(COUNT * 4 // 10)
@given(random=randoms)
def test_every_list_is_that_of_the_model(asked: Asked, random: Random) -> None:
    question = listing(asked.words, random)
    book, end, known = asked.moment(question)

    check(asked, question, known, book, end)


@questions(COUNT * 4 // 10)
@given(random=randoms)
def test_every_table_is_that_of_the_model(asked: Asked, random: Random) -> None:
    question = table(asked.words, random)
    book, end, known = asked.moment(question)
    check(asked, question, known, book, end)


@questions(COUNT * 2 // 10)
@given(random=randoms)
def test_every_single_object_is_that_of_the_model(asked: Asked, random: Random) -> None:
    question = single(asked.words, random)
    book, end, known = asked.moment(question)
    answer = asked.client.get(question.path, params=question.asked())
    try:
        with_bytes = question.filters.get("evidence") == "true"
        expected = plain(lists.single(known, question.path, book, end, with_bytes))
    except lists.Nothing:
        assert answer.status_code == 404
        return

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == expected
    check_meta(asked, question, answer.json()["meta"])


@questions(COUNT // 10)
@given(random=randoms)
def test_the_lines_of_the_model_are_what_the_messages_come_to_by_other_arithmetic(
    asked: Asked, random: Random
) -> None:
    book, end, known = asked.moment(single(asked.words, random))
    if any(isinstance(row.body, Superseded) for _, _, row in known.log):
        return  # what was corrected is in no message
    if asked.told.is_within_a_message(known.position):
        return  # of which the views know only a part

    ours, others = known.lines(book, end), apart.lines(known, book, end)
    assert Counter(map(_line, ours)) == Counter(map(_line, others))


def _line(line: Any) -> tuple[Any, ...]:
    return tuple(getattr(line, name) for name in apart.Line._fields)


@questions(COUNT // 10)
@given(random=randoms)
def test_every_bridge_leads_from_one_answer_to_the_other(asked: Asked, random: Random) -> None:
    question = span(asked.words, random)
    start, beyond = asked.told.position(question.filters["known_from"])
    last, _ = asked.told.position(question.when.get("known_to"))
    if beyond or start > last:
        answer = asked.client.get(question.path, params=question.asked())
        assert (answer.status_code, answer.json()["parameter"]) == (400, "known_from")
        return

    found, meta = pages(asked, question, 0)
    assert meta["position"] == last
    assert known_sums(asked, question, start) == sums_of(found, "opening")
    assert known_sums(asked, question, last) == sums_of(found, "closing")
    assert_answered(asked, question, start, sums_of(found, "opening"))
    assert_answered(asked, question, last, sums_of(found, "closing"))
    steps = [line for line in found if line["fact"]]
    for currency in {line["currency"] for line in found}:
        own = [line for line in found if line["currency"] == currency]
        assert [line["cause"] for line in own if not line["fact"]] == ["opening", "closing"]
        for column in ("mrr", "incomplete"):
            assert sum(line[column] for line in own[:-1]) == own[-1][column]
    places = [(line["currency"], line["position"]) for line in steps]
    assert places == sorted(set(places))
    for line in steps:
        row = asked.told.rows[line["position"] - 1].row
        assert start < line["position"] <= last
        assert row is not None
        assert (line["name"], line["evidence"], line["fact"]) == (row.name, row.cause, tag(type(row.body)))
    if steps:
        check_step(asked, question, random.choice(steps))


def known_sums(asked: Asked, question: Question, position: int) -> dict[str, tuple[int, int]]:
    """What the model knows at a position: by currency the amount, and how many items have none; no zeros."""
    book, end, _ = asked.moment(question)
    only = question.filters.get("currency")
    by_currency = grouped(asked.told.known(position).lines(book, end), lambda line: line.currency)
    return {
        currency: sums
        for currency, lines in by_currency.items()
        if only in (None, currency)
        and any(sums := (sum(line.mrr or 0 for line in lines), sum(line.mrr is None for line in lines)))
    }


def sums_of(lines: list[Json], cause: str) -> dict[str, tuple[int, int]]:
    ends = {line["currency"]: (line["mrr"], line["incomplete"]) for line in lines if line["cause"] == cause}
    return {currency: sums for currency, sums in ends.items() if any(sums)}


def assert_answered(
    asked: Asked, question: Question, position: int, sums: dict[str, tuple[int, int]]
) -> None:
    """The table of recurring revenue says the same, where it can add up."""
    _, end, _ = asked.moment(question)
    when = {**question.when, "as_of": plain(end), "known_at": str(position)}
    when.pop("known_to", None)
    only = {name: value for name, value in question.filters.items() if name == "currency"}
    params = {**when, **only, "from": f"{end - timedelta(microseconds=1):%Y-%m}"}
    rows = asked.client.get("/sys/billing/mrr", params=params).json()["data"]
    there = {row["currency"]: row["mrr"] for row in rows if row["mrr"] != 0}
    assert there == {c: None if missing else mrr for c, (mrr, missing) in sums.items() if mrr or missing}


def check_step(asked: Asked, question: Question, step: Json) -> None:
    """It is what its row of the log changed."""
    before, after = (
        known_sums(asked, question, position).get(step["currency"], (0, 0))
        for position in (step["position"] - 1, step["position"])
    )
    assert (after[0] - before[0], after[1] - before[1]) == (step["mrr"], step["incomplete"])


def test_the_worlds_have_in_them_what_they_are_for(asked: Asked) -> None:
    known, forever = asked.told.known(asked.told.head), datetime(2100, 1, 1, tzinfo=UTC)
    states = {row["state"] for row in lists.listed(known, "/audit/events", ":live", forever, {})}

    assert states == {"read", "confirmed", "unknown", "parked", "conflicting"}
    nothing = {view.name for view in VIEWS if not known.rows(view.name, ":live")}
    some = {"connect", "credit_notes", "refunds", "payment_uses", "passed_on"}  # not in every world
    assert nothing <= some
    assert len(asked.words.currencies) > 2
    corrected = sum(isinstance(row.body, Superseded) for _, _, row in known.log)
    assert corrected == WORLDS[asked.seed]["corrections"]


def test_the_books_of_the_worlds_have_in_them_what_they_are_for(asked: Asked) -> None:
    known, forever = asked.told.known(asked.told.head), datetime(2100, 1, 1, tzinfo=UTC)
    kinds = Counter((row.book.account, tag(type(row.body))) for _, _, row in known.log)
    legs = books.legs(known, ":live")
    late = [leg for leg in legs if leg.booked.date() > leg.happened_at.date()]
    payers = grouped((row for _, row in known.rows("mrr", ":live")), lambda line: line.customer)

    transfers = {f"transfer-{kind}" for kind in ("received", "assigned", "unassigned", "ignored", "returned")}
    assert {kind for _, kind in kinds} >= {*transfers, "balance-transaction-seen", "fx-rate-published"}
    assert kinds["", "period-closed"] > 1
    assert kinds["", "period-reopened"]
    assert kinds[CONNECTED, "period-closed"]
    assert len(late) > 20
    assert {leg.account for leg in legs} >= {"revenue", "fx_trading", "bank", "processor_fees", "receivable"}
    assert any(asked.words.closed[""].values()), "lines of closes"
    assert any(len({line.currency for line in lines}) > 1 for lines in payers.values())
    assert {row["group"] for row in books.balances(known, ":live", forever, {"group_by": "tenant"})} > {None}
