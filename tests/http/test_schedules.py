"""Schedules, deferred revenue and months over HTTP: any day, as known at any position, and as closes say."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.closing import MOVED, State, told, whole
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, in_force, last_day
from ledgerstone.ledger.recognition import Standing, course
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.sales import sales
from ledgerstone.projections.closes import close_in, reopen_in
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.reads import recognition
from ledgerstone.projections.reads.asked import Moment
from tests.exchanged import exchanged
from tests.http.parts import PROBLEM, Service, every
from tests.sold import doubted, shared, sold

Json = dict[str, Any]
SCHEDULES, DEFERRED, PERIODS = "/sys/journal/schedules", "/sys/journal/deferred", "/sys/periods"
STANDING = ("earned", "returned", "lost", "freed", "deferred", "taxed", "recovered", "relieved")
NAMED = ("currency", "plan", "invoice", "line", "rate")
CLOSED = ["2026-02", "2026-03", "2026-04", "2026-05"]


@pytest.fixture(scope="module")
def books(server: EmbeddedServer, template: str) -> Iterator[tuple[TestClient, list[Recorded]]]:
    """A business that closes four months while facts come in any order, and opens one again."""
    service = Service(create_database(server, "months_of_a_business", template))
    random, index = Random(5), PostingIndex(service.database.app_dsn, NAME, SPANS)
    facts = sold(5, 40) + shared(5, 15) + exchanged(5, 12)
    facts = doubted(random.sample(facts, len(facts)), 5)
    size = len(facts) // 5 + 1
    for n, month in enumerate([*CLOSED, ""]):
        service.journal.append_many([row] for row in facts[n * size : (n + 1) * size])
        if month:
            close_in(service.journal, Book(), month, "ada", "month's end", index)
        if n == 2:
            reopen_in(service.journal, Book(), "2026-04", "bob", "an invoice was missing")
            close_in(service.journal, Book(), "2026-04", "bob", "", index)
    service.engine.catch_up()
    rows = [entry.row for entry in service.journal.read(0, 10_000) if entry.row is not None]
    with TestClient(service.app) as client:
        yield client, rows
    index.close()
    service.close()


def expected(rows: list[Recorded], position: int, day: date) -> State:
    """What a close would work out; a line of no figure need not be shown."""
    found = whole(told(rows[:position]), day)
    return {line: each for line, each in found.items() if line.place >= -1 or each != Standing()}


def standing(found: list[Json]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    return {tuple(row[name] for name in NAMED): tuple(row[name] for name in STANDING) for row in found}


def test_lines_stand_as_a_close_works_them_out_on_any_day_as_known_at_any_position(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    client, rows = books
    random = Random(3)
    for n in range(20):
        position, day = random.randint(1, len(rows)), date(2026, 1, 1) + timedelta(random.randint(0, 500))
        asked = {"known_at": position, "as_of": day.isoformat(), "limit": random.choice([7, 50, 1000])}
        given = [{}, {"plan": "b"}, {"currency": "sek"}, {"invoice": "in_0003"}][n % 4]
        found = every(client, SCHEDULES, **asked, **given)
        shown = {
            line: each
            for line, each in expected(rows, position, day).items()
            if all(getattr(line, name) == value for name, value in given.items())
        }
        assert standing(found) == {
            msgspec.structs.astuple(line): tuple(getattr(each, n) for n in STANDING)
            for line, each in shown.items()
        }
        order = [(row["issued"], row["invoice"], -row["line"], row["rate"]) for row in found]
        assert order == sorted(order, reverse=True)


def test_lines_are_found_by_invoice_customer_plan_and_currency(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    client, _ = books
    whole = every(client, SCHEDULES, limit=1000)
    for name in ("invoice", "plan", "currency"):
        value = next(row[name] for row in whole if row[name])
        found = every(client, SCHEDULES, **{name: value})
        assert found == [row for row in whole if row[name] == value]
    assert client.get(SCHEDULES, params={"customer": "cus_none"}).json()["data"] == []
    file = client.get(f"{SCHEDULES}.csv")
    lines = list(csv.DictReader(io.StringIO(file.text)))
    assert [line["invoice"] for line in lines] == [row["invoice"] for row in whole]
    assert sum(int(line["deferred"]) for line in lines) == sum(row["deferred"] for row in whole)


@pytest.mark.parametrize("as_of", ["2026-03", "2026-05-17", "2026-07-04T11:00:00Z"])
def test_what_is_deferred_is_earned_by_month(books: tuple[TestClient, list[Recorded]], as_of: str) -> None:
    """Each month of the table earns what schedules say of its last day, less what they say of its first."""
    client, _ = books
    table = client.get(DEFERRED, params={"as_of": as_of}).json()["data"]
    assert [row["month"] or "9" for row in table] == sorted(row["month"] or "9" for row in table)
    lines = every(client, SCHEDULES, as_of=as_of, limit=1000)
    held, untold = _deferred(lines), _deferred([row for row in lines if row["line"] == -1])
    earned: defaultdict[tuple[str, str], int] = defaultdict(int)
    seen: dict[tuple[str, str], int] = {}
    for row in table:
        cell = row["plan"], row["currency"]
        assert row["opening"] == seen.get(cell, held[cell]), "it goes on where the month before ended"
        assert row["closing"] == row["opening"] - row["earned"]
        seen[cell] = row["closing"]
        earned[cell] += row["earned"]
    never = {(row["plan"], row["currency"]): row["closing"] for row in table if row["month"] is None}
    assert never == {cell: amount for cell, amount in untold.items() if amount}
    for cell, amount in held.items():
        assert earned[cell] + never.get(cell, 0) == amount, cell


def test_a_table_of_months_ahead_is_that_of_a_plain_model_for_any_day_and_filter(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    client, rows = books
    random = Random(8)
    for n in range(16):
        position, day = random.randint(1, len(rows)), date(2026, 1, 1) + timedelta(random.randint(0, 300))
        given = [{}, {"plan": "b"}, {"currency": "sek"}, {"plan": "a", "currency": "eur"}][n % 4]
        asked = {"known_at": position, "as_of": day.isoformat(), "limit": random.choice([3, 1000]), **given}
        found = [tuple(row.values()) for row in every(client, DEFERRED, **asked)]
        told = [row for row in _ahead(rows[:position], day) if given.items() <= _named(row).items()]
        assert found == told, (position, day)


def _named(row: tuple[Any, ...]) -> Json:
    return {"plan": row[1], "currency": row[2]}


def _ahead(rows: list[Recorded], day: date) -> list[tuple[Any, ...]]:
    """Day by day, by what every line earns on each."""
    earned: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    left: defaultdict[tuple[str, str], int] = defaultdict(int)
    for sale in sales(corrected(rows)).values():
        for schedule in course(sale, day).schedules if sale.on <= day else ():
            cell, months = (schedule.currency, schedule.plan), defaultdict[str, int](int)
            left[cell] += schedule.at(day).deferred
            for n in range(500):
                before, after = schedule.at(day + timedelta(n)), schedule.at(day + timedelta(n + 1))
                months[f"{day + timedelta(n + 1):%Y-%m}"] += before.deferred - after.deferred
            for month, amount in months.items():
                if amount:
                    earned[month, *cell].append(amount)
    table: list[tuple[Any, ...]] = []
    for month, currency, plan in sorted(earned):
        amounts, opening = earned[month, currency, plan], left[currency, plan]
        left[currency, plan] -= sum(amounts)
        table.append((month, plan, currency, opening, sum(amounts), left[currency, plan], len(amounts)))
    never = [(None, plan, currency, n, 0, n, 0) for (currency, plan), n in sorted(left.items()) if n]
    return [*table, *never]


def test_months_stand_as_the_log_says_at_every_position(books: tuple[TestClient, list[Recorded]]) -> None:
    client, rows = books
    at = [n for n, row in enumerate(rows, 1) if isinstance(row.body, PeriodClosed | PeriodReopened)]
    for position in sorted({1, len(rows), *at, *(n - 1 for n in at)}):
        known = rows[:position]
        closes = in_force([row.body for row in known])
        booked = [row.happened_at for row in known if row.movements]
        found = every(client, PERIODS, known_at=position, as_of="2026-08", limit=2)
        first = f"{min(booked):%Y-%m}"
        assert [row["period"] for row in found] == [f"2026-{n:02}" for n in range(8, int(first[5:]) - 1, -1)]
        for row in found:
            close = next((closes[month] for month in closes if month >= row["period"]), None)
            assert row["status"] == ("closed" if close else "open")
            assert (row["digest"], row["known_at"]) == (
                (close.digest, close.known_at) if close else (None, None)
            )


def test_a_month_ahead_earns_what_its_schedules_say_if_nothing_happens(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    """By plain arithmetic over the lines of a moment."""
    client, rows = books
    last = max(row.happened_at for row in rows).date() + timedelta(days=40)
    table = client.get(DEFERRED, params={"as_of": last.isoformat()}).json()["data"]
    for month in sorted({row["month"] for row in table} - {None})[1:4]:
        end = last_day(month)
        before = _deferred(every(client, SCHEDULES, as_of=f"{end.replace(day=1) - timedelta(1)}", limit=1000))
        after = _deferred(every(client, SCHEDULES, as_of=end.isoformat(), limit=1000))
        told = {(row["plan"], row["currency"]): row["earned"] for row in table if row["month"] == month}
        assert told == {cell: before[cell] - after[cell] for cell in before if before[cell] != after[cell]}


def _deferred(found: list[Json]) -> defaultdict[tuple[str, str], int]:
    held: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in found:
        held[row["plan"], row["currency"]] += row["deferred"]
    return held


def test_count_and_digest_of_each_close_are_those_of_the_lines_that_can_be_read(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    """As `docs/guides/periods.md` says: the lines at the month's end, as known to the close, less those at
    the end of the closed month before, as known to that close."""
    client, _ = books
    before: dict[tuple[Any, ...], tuple[int, ...]] = {}
    checked, seen = 0, set[str]()
    for month in CLOSED:
        close = client.get(f"{PERIODS}/{month}").json()["data"]
        asked = {"as_of": month, "known_at": close["known_at"], "limit": 1000}
        now = standing(every(client, SCHEDULES, **asked))
        for what in set(MOVED) & set(STANDING):
            place = STANDING.index(what)
            parts: defaultdict[tuple[str, ...], list[tuple[str, int, int]]] = defaultdict(list)
            for line in sorted(now.keys() | before.keys()):
                amount = now.get(line, (0,) * 8)[place] - before.get(line, (0,) * 8)[place]
                if amount:
                    currency, plan, invoice, number, rate = line
                    parts[plan, currency, rate].append((invoice, number, amount))
            moved = [each for each in close["moved"] if each["what"] == what]
            assert {(each["plan"], each["currency"], each["rate"]) for each in moved} == set(parts)
            for each in moved:
                lines = parts[each["plan"], each["currency"], each["rate"]]
                assert each["count"] == len(lines)
                assert each["amount"] == sum(amount for *_, amount in lines)
                assert each["digest"] == sha256(msgspec.json.encode(lines)).hexdigest()
                checked += 1
                seen.add(f"{what} {each['rate']}".strip())
        before = now
    assert checked > 40
    assert seen >= {*set(MOVED) & set(STANDING), "taxed SE 25"}


def test_deferred_revenue_at_the_end_of_a_closed_month_is_what_the_schedules_say(
    books: tuple[TestClient, list[Recorded]],
) -> None:
    client, _ = books
    for month in CLOSED:
        close = client.get(f"{PERIODS}/{month}").json()["data"]
        lines = every(client, SCHEDULES, as_of=month, known_at=close["known_at"], limit=1000)
        held = {
            each["currency"]: each["balance"]
            for each in close["balances"]
            if each["account"] == "deferred_revenue"
        }
        for currency in ("eur", "sek"):
            deferred = sum(row["deferred"] for row in lines if row["currency"] == currency)
            assert held.get(currency, 0) == -deferred


def test_months_are_listed_with_who_closed_them(books: tuple[TestClient, list[Recorded]]) -> None:
    client, rows = books
    found = {row["period"]: row for row in client.get(PERIODS, params={"as_of": "2026-07-15"}).json()["data"]}
    assert list(found) == ["2026-07", "2026-06", "2026-05", "2026-04", "2026-03", "2026-02", "2026-01"]
    assert [found[month]["status"] for month in ("2026-07", "2026-05", "2026-01")] == [
        "open",
        "closed",
        "closed",
    ]
    first = found["2026-01"]
    assert (first["closed_with"], first["closed_by"], first["reason"]) == ("2026-02", "ada", "month's end")
    april = found["2026-04"]
    assert (april["closed_by"], april["number"], april["closed_with"]) == ("bob", 2, None)
    for row in found.values():
        if row["position"]:
            close = rows[row["position"] - 1].body
            assert isinstance(close, PeriodClosed)
            assert (close.digest, close.known_at) == (row["digest"], row["known_at"])
    lines = list(csv.DictReader(io.StringIO(client.get(f"{PERIODS}.csv").text)))
    assert {line["period"]: line["digest"] for line in lines if line["digest"]} == {
        month: row["digest"] for month, row in found.items() if row["digest"]
    }
    page = client.get(PERIODS, params={"as_of": "2026-07-15", "limit": 3}).json()
    assert [row["period"] for row in page["data"]] == ["2026-07", "2026-06", "2026-05"]
    asked = {"as_of": "2026-07-15", "limit": 3, "after": page["next"]}
    assert client.get(PERIODS, params=asked).json()["data"][0]["period"] == "2026-04"


def test_months_stand_as_they_were_known(books: tuple[TestClient, list[Recorded]]) -> None:
    client, _ = books
    april = client.get(f"{PERIODS}/2026-04").json()["data"]
    assert [act["did"] for act in april["history"]] == ["closed", "reopened", "closed"]
    closed, opened, again = (act["position"] for act in april["history"])
    for position, status, number in ((closed - 1, "open", None), (closed, "closed", 1), (again, "closed", 2)):
        told = client.get(f"{PERIODS}/2026-04", params={"known_at": position}).json()
        assert (told["data"]["status"], told["data"]["number"]) == (status, number)
        listed = every(client, PERIODS, known_at=position, as_of="2026-04")[0]
        assert listed == {name: told["data"][name] for name in listed}
    between = client.get(f"{PERIODS}/2026-04", params={"known_at": opened}).json()["data"]
    assert (between["status"], between["reopened_by"], between["reopened_position"]) == (
        "open",
        "bob",
        opened,
    )
    assert client.get(PERIODS, params={"known_at": 0}).json()["data"] == []


def test_the_balances_of_a_month_are_its_trial_balance(books: tuple[TestClient, list[Recorded]]) -> None:
    client, _ = books
    for month in (*CLOSED, "2026-06"):
        told = client.get(f"{PERIODS}/{month}").json()["data"]["balances"]
        trial = client.get("/sys/journal/balances", params={"as_of": month}).json()["data"]
        assert told == [
            {"account": row["account"], "currency": row["currency"], "balance": row["balance"]}
            for row in trial
            if row["balance"]
        ]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (f"{PERIODS}/2026-13", 400, "write it as 2026-10"),
        (f"{PERIODS}/2026-1", 400, "write it as 2026-10"),
        (f"{PERIODS}/2999-01", 404, "2999-01 had not begun"),
        (f"{PERIODS}/2026-01?account=acct_9", 404, "Nothing was ever heard"),
        (f"{SCHEDULES}?status=open", 400, "not a parameter"),
        (f"{DEFERRED}?known_at=soon", 400, "known_at"),
    ],
)
def test_what_has_no_answer_is_refused(
    books: tuple[TestClient, list[Recorded]], path: str, status: int, says: str
) -> None:
    answer = books[0].get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("place", ["0:in_3", "0:in_3:", "x:1 eur:in_3", "0:eur:in_3"])
def test_a_place_of_another_kind_is_before_all_of_its_day(place: str) -> None:
    """As cursors had it before lines had rates: rows come twice, and none is left out."""
    day = datetime(2026, 7, 1, tzinfo=UTC)
    query = recognition.rows(Moment(":live", day, 9), {}, (day, place), 10)

    assert [query.parameters[f"after_{name}"] for name in ("id", "line", "rate")] == ["", 0, ""]
