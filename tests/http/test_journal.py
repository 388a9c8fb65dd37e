"""The journal over HTTP: entries, statements and trial balances, for any day, as known at any position."""

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.reads.balances import end_day
from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, Service, every
from tests.plain.postings import Cells, held

Json = dict[str, Any]
Rows = list[tuple[int, Recorded]]
ENTRIES, BALANCES = "/sys/journal/entries", "/sys/journal/balances"
MONTHS = ["2025-11", "2026-01", "2026-03-17", "2026-06-30", "2026-07-04T11:00:00Z", "2026-10"]
ENDS = {
    "2025-11": datetime(2025, 12, 1, tzinfo=UTC),
    "2026-01": datetime(2026, 2, 1, tzinfo=UTC),
    "2026-03-17": datetime(2026, 3, 18, tzinfo=UTC),
    "2026-06-30": datetime(2026, 7, 1, tzinfo=UTC),
    "2026-07-04T11:00:00Z": datetime(2026, 7, 5, tzinfo=UTC),
    "2026-10": datetime(2026, 11, 1, tzinfo=UTC),
}


def statement(account: str) -> str:
    return f"/sys/journal/accounts/{account}"


@pytest.fixture(scope="session")
def rows(year: tuple[Service, Json]) -> Rows:
    """The log of that year."""
    return [(each.position, each.row) for each in year[0].journal.read(0, 1_000_000) if each.row is not None]


def _cells(found: list[Json]) -> Cells:
    return {(row["account"], row["currency"]): (row["debit"], row["credit"]) for row in found}


def _balanced(found: list[Json]) -> bool:
    totals: defaultdict[str, int] = defaultdict(int)
    for row in found:
        totals[row["currency"]] += row["balance"]
    return bool(totals) and not any(totals.values())


@pytest.mark.parametrize("as_of", MONTHS)
def test_a_trial_balance_adds_up_what_was_booked_as_known_then(
    business: TestClient, rows: Rows, as_of: str
) -> None:
    for known_at in (len(rows), Random(as_of).randint(1, len(rows)), 4_096, 1):
        answer = business.get(BALANCES, params={"as_of": as_of, "known_at": known_at})
        found = answer.json()["data"]

        assert _cells(found) == held(rows, known_at, end_day(ENDS[as_of]))
        assert answer.json()["meta"]["position"] == min(known_at, len(rows))
        assert not found or _balanced(found)
        assert all(row["balance"] == row["debit"] - row["credit"] for row in found)


def test_debits_equal_credits_after_every_row_and_on_every_day(business: TestClient, rows: Rows) -> None:
    for position in range(50, len(rows), 211):
        found = business.get(BALANCES, params={"known_at": position, "as_of": "2026-12"}).json()["data"]
        assert not found or _balanced(found)
    for day in range(1, 31, 3):
        found = business.get(BALANCES, params={"as_of": f"2026-06-{day:02}"}).json()["data"]
        assert _balanced(found)


def test_an_account_opens_with_what_it_held_before_from(business: TestClient, rows: Rows) -> None:
    query = {"from": "2026-05", "as_of": "2026-06"}
    found = business.get(BALANCES, params=query).json()["data"]
    may, july = datetime(2026, 5, 1).date(), datetime(2026, 7, 1).date()
    before, since = held(rows, len(rows), may), held(rows, len(rows), july, may)

    assert {key for key, sums in _cells(found).items() if any(sums)} == set(since)
    for row in found:
        key = row["account"], row["currency"]
        debit, credit = before.get(key, (0, 0))
        assert (row["opening"], row["debit"], row["credit"]) == (debit - credit, *since.get(key, (0, 0)))
        assert row["balance"] == row["opening"] + row["debit"] - row["credit"]


def test_a_trial_balance_is_of_one_account_or_currency(business: TestClient) -> None:
    whole = business.get(BALANCES).json()["data"]

    for name, value in (("chart", "receivable"), ("currency", "eur")):
        field = "account" if name == "chart" else name
        found = business.get(BALANCES, params={name: value}).json()["data"]
        assert found == [row for row in whole if row[field] == value]
        assert found
    assert {row["bas"] for row in whole if row["account"] == "receivable"} == {CHART["receivable"].bas}


def test_one_account_is_parted_by_whose_money_it_is(business: TestClient) -> None:
    query = {"chart": "receivable", "as_of": "2026-06"}
    found = business.get(BALANCES, params={**query, "group_by": "subject"}).json()["data"]
    (usd,) = (row for row in business.get(BALANCES, params=query).json()["data"] if row["currency"] == "usd")

    own = [row for row in found if row["currency"] == "usd"]
    assert sum(row["balance"] for row in own) == usd["balance"]
    assert sum(row["debit"] for row in own) == usd["debit"]
    assert all(row["group"].startswith("in_") for row in own)
    answer = business.get(BALANCES, params={"group_by": "subject"})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "group_by")


@pytest.mark.parametrize("query", [{}, {"as_of": "2026-05", "known_at": "6000"}, {"from": "2026-03"}])
def test_a_trial_balance_is_parted_by_tenant(business: TestClient, query: Json) -> None:
    whole = business.get(BALANCES, params=query).json()["data"]
    parted = business.get(BALANCES, params={**query, "group_by": "tenant"}).json()["data"]
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in parted:
        figures = (row["opening"], row["debit"], row["credit"], row["balance"])
        key = row["account"], row["currency"]
        totals[key] = [held + more for held, more in zip(totals[key], figures, strict=True)]

    assert totals == {
        (row["account"], row["currency"]): [row["opening"], row["debit"], row["credit"], row["balance"]]
        for row in whole
    }
    nobodys = {row["account"] for row in parted if row["group"] is None}
    assert nobodys <= {"payouts_in_transit", "stripe_uncleared"}


def test_a_tenant_owes_what_its_invoices_say(business: TestClient) -> None:
    query = {"as_of": "2026-06", "group_by": "tenant", "chart": "receivable"}
    rows = business.get(BALANCES, params=query).json()["data"]
    owed: defaultdict[tuple[str, str], int] = defaultdict(int)
    for invoice in every(business, "/sys/invoices", as_of="2026-06", limit=500):
        if invoice["status"] in ("open", "uncollectible"):
            owed[invoice["tenant"], invoice["currency"]] += invoice["amount_remaining"]

    found = {(row["group"], row["currency"]): row["balance"] for row in rows if row["balance"]}
    assert found == {key: amount for key, amount in owed.items() if amount}
    assert found


def test_a_day_that_is_taken_whole_is_whole_by_tenant_too(service: Service, client: TestClient) -> None:
    """The invoice is issued in the afternoon, the payment comes behind it."""
    created = stripe.NOW + 3 * 3600
    invoice = stripe.invoice(created=created, status_transitions=stripe.marks(finalized_at=created))
    charge = stripe.charge(id="ch_2", payment_intent="pi_2", created=created)
    for number, said in enumerate(
        [
            stripe.event("customer.created", stripe.customer(), created=stripe.BORN),
            stripe.event("invoice.finalized", invoice, created=created),
            stripe.event("charge.succeeded", charge, created=created),
        ]
    ):
        service.hear([stripe.read(said | {"id": f"evt_{number}"}).rows])
    query = {"as_of": "2026-11-05T10:00:00Z", "group_by": "tenant"}
    rows = client.get(BALANCES, params=query).json()["data"]

    assert {row["account"] for row in rows} >= {"receivable", "stripe_uncleared"}
    assert {row["group"] for row in rows} == {"cus_1"}


def test_money_without_a_customer_is_of_the_customer_of_its_invoice(
    service: Service, client: TestClient
) -> None:
    charge = stripe.charge(customer=None)
    for number, (type, shown) in enumerate(
        [
            ("invoice.finalized", stripe.invoice()),
            ("charge.succeeded", charge),
            ("invoice_payment.paid", stripe.invoice_payment()),
            ("refund.created", stripe.refund()),
        ]
    ):
        service.hear([stripe.read(stripe.event(type, shown, id=f"evt_{number}")).rows])
    rows = client.get(BALANCES, params={"group_by": "tenant"}).json()["data"]

    assert {row["account"] for row in rows} >= {"receivable", "to_allocate", "refunds_payable"}
    assert {row["group"] for row in rows} == {"cus_1"}


def test_every_row_that_moved_money_is_an_entry(business: TestClient, rows: Rows) -> None:
    found = every(business, ENTRIES, limit=333, as_of="2026-12")
    moved = {at: row for at, row in rows if row.movements}

    assert {entry["position"] for entry in found} == set(moved)
    assert len(found) == len(moved)
    places = [(entry["booked"], entry["position"]) for entry in found]
    assert places == sorted(places, reverse=True)
    by_position = dict(rows)
    for entry in found[::50]:
        row = moved[entry["position"]]
        assert (entry["name"], entry["booked"]) == (row.name, row.happened_at.date().isoformat())
        assert by_position[entry["evidence"]].name == row.cause
        assert [line["amount"] for line in entry["lines"]] == [move.amount for move in row.movements]


def test_entries_are_found_by_account_subject_currency_and_day(business: TestClient) -> None:
    whole = every(business, ENTRIES, limit=1000)
    subject = next(
        line["debit_of"] for entry in whole for line in entry["lines"] if line["debit"] == "disputed"
    )

    def sides(entry: Json) -> set[tuple[str, str, str]]:
        lines = entry["lines"]
        return {
            (each[side], each[f"{side}_of"], each["currency"])
            for each in lines
            for side in ("debit", "credit")
        }

    asked: list[tuple[Json, Any]] = [
        ({"chart": "disputed"}, lambda e: any(side[0] == "disputed" for side in sides(e))),
        ({"subject": subject}, lambda e: any(side[1] == subject for side in sides(e))),
        ({"currency": "eur"}, lambda e: any(side[2] == "eur" for side in sides(e))),
        (
            {"chart": "receivable", "currency": "eur", "from": "2026-02-03", "to": "2026-06"},
            lambda e: (
                "2026-02-03" <= e["booked"] < "2026-07"
                and any(side[0] == "receivable" and side[2] == "eur" for side in sides(e))
            ),
        ),
    ]
    for query, matches in asked:
        found = every(business, ENTRIES, **query, limit=37)
        assert found == [entry for entry in whole if matches(entry)]
        assert found


@pytest.mark.parametrize("account", ["receivable", "stripe_uncleared", "tax"])
@pytest.mark.parametrize(
    "query", [{}, {"from": "2026-03", "to": "2026-05-20"}, {"known_at": "3000", "currency": "eur"}]
)
def test_a_statement_runs_from_its_opening_to_its_closing(
    business: TestClient, account: str, query: Json
) -> None:
    whole = business.get(statement(account), params={**query, "limit": 1000}).json()
    lines = (
        whole["data"] if whole["next"] is None else every(business, statement(account), **query, limit=999)
    )
    running: dict[str, int] = {}
    moved: defaultdict[str, int] = defaultdict(int)

    assert [line["kind"] for line in lines] == sorted((line["kind"] for line in lines), key=_kind)
    for line in lines:
        currency = line["currency"]
        if line["kind"] == "opening":
            running[currency] = line["balance"]
        elif line["kind"] == "line":
            running[currency] += line["debit"] - line["credit"]
            moved[currency] += line["debit"] + line["credit"]
            assert line["balance"] == running[currency]
        else:
            assert line["balance"] == running.pop(currency)
            assert line["debit"] + line["credit"] == moved[currency]
    assert running == {}
    assert any(moved.values())
    assert every(business, statement(account), **query, limit=1) == lines or len(lines) > 120
    assert every(business, statement(account), **query, limit=61) == lines


def test_a_statement_closes_with_the_balance(business: TestClient) -> None:
    for as_of in MONTHS:
        query = {"as_of": as_of, "from": "2025-11-20", "known_at": "5000"}
        balances = business.get(BALANCES, params={**query, "chart": "receivable"}).json()["data"]
        lines = every(business, statement("receivable"), **query, limit=500)
        for row in balances:
            (first,) = (x for x in lines if (x["kind"], x["currency"]) == ("opening", row["currency"]))
            (last,) = (x for x in lines if (x["kind"], x["currency"]) == ("closing", row["currency"]))
            assert first["balance"] == row["opening"]
            assert (last["debit"], last["credit"], last["balance"]) == (
                row["debit"],
                row["credit"],
                row["balance"],
            )


def test_the_statement_of_one_invoice_ends_where_it_does(business: TestClient) -> None:
    invoice = every(business, "/sys/invoices", status="paid")[0]
    lines = every(business, statement("receivable"), subject=invoice["id"])

    assert {line["subject"] for line in lines if line["kind"] == "line"} == {invoice["id"]}
    assert lines[-1]["balance"] == 0
    assert lines[-1]["debit"] == invoice["total"]


def _kind(kind: str) -> int:
    return ("opening", "line", "closing").index(kind)


def _file(client: TestClient, path: str, **query: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"{path}.csv", params=query).text)))


def test_files_hold_the_same(business: TestClient) -> None:
    entries = every(business, ENTRIES, limit=1000)
    lines = [(e["position"], line["amount"]) for e in entries for line in e["lines"]]
    assert [(int(x["position"]), int(x["amount"])) for x in _file(business, ENTRIES)] == lines
    first = [(e["position"], line["amount"]) for e in entries[:3] for line in e["lines"]]
    assert [(int(x["position"]), int(x["amount"])) for x in _file(business, ENTRIES, limit=3)] == first
    stated = every(business, statement("tax"), limit=1000)
    assert [int(x["balance"]) for x in _file(business, statement("tax"))] == [x["balance"] for x in stated]
    balances = business.get(BALANCES).json()["data"]
    assert [int(x["balance"]) for x in _file(business, BALANCES)] == [x["balance"] for x in balances]


def test_files_of_two_accounts_are_two_files(business: TestClient) -> None:
    one, two = (business.get(f"{statement(name)}.csv").headers["etag"] for name in ("tax", "receivable"))

    assert one != two
    again = business.get(f"{statement('tax')}.csv", headers={"If-None-Match": one})
    assert again.status_code == 304


def test_a_cursor_belongs_to_its_account(business: TestClient) -> None:
    after = business.get(statement("tax"), params={"limit": 2}).json()["next"]

    assert business.get(statement("tax"), params={"limit": 2, "after": after}).status_code == 200
    answer = business.get(statement("receivable"), params={"limit": 2, "after": after})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "after")


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        (statement("savings"), 404, None),
        (f"{statement('tax')}?chart=tax", 400, "chart"),
        (f"{ENTRIES}?chart=savings", 400, "chart"),
        (f"{ENTRIES}?from=2026-05&to=2026-04", 400, "from"),
        (f"{statement('tax')}?from=2027-05", 400, "from"),
        (f"{BALANCES}?from=2026-05&as_of=2026-04", 400, "from"),
        (f"{BALANCES}?group_by=plan", 400, "group_by"),
        (f"{ENTRIES}?subject=", 400, "subject"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    business: TestClient, path: str, status: int, parameter: str | None
) -> None:
    answer = business.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json().get("parameter") == parameter


def test_an_answer_is_not_older_than_the_question(service: Service, client: TestClient) -> None:
    for number in range(1, 4):
        charge = stripe.charge(id=f"ch_{number}", amount=1_000, amount_captured=1_000)
        service.hear([stripe.read(stripe.event("charge.succeeded", charge, id=f"evt_{number}")).rows])
        head = {"Ledger-Min-Position": str(service.journal.head())}
        (row,) = client.get(BALANCES, params={"chart": "stripe_uncleared"}, headers=head).json()["data"]
        assert row["balance"] == 1_000 * number


def test_a_row_that_is_to_come_is_waited_for_and_other_indexes_are_not(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.http.answering.WAIT", 1.0)
    assert client.get("/audit/events").json()["data"] == []
    service.hear([stripe.read(stripe.event("charge.succeeded", stripe.charge())).rows])
    head = service.journal.head()

    assert client.get(BALANCES, headers={"Ledger-Min-Position": str(head)}).status_code == 200
    assert client.get(BALANCES, headers={"Ledger-Min-Position": str(head + 1)}).status_code == 503


def test_a_correction_is_on_the_days_that_it_is_about(service: Service, client: TestClient) -> None:
    told = stripe.read(stripe.event("charge.succeeded", stripe.charge())).rows
    service.hear([told])
    held = told[-1]
    early = held.happened_at.replace(month=9)
    moved = superseding(
        held, Recorded(held.name, held.book, early, held.body, held.cause, None, held.movements), 1
    )
    service.hear([(moved,)])

    found = every(client, ENTRIES)
    assert [(entry["position"], entry["booked"][:7]) for entry in found] == [
        (3, "2026-11"),
        (2, "2026-11"),
        (3, "2026-09"),
    ]
    assert [entry["happened_at"][:7] for entry in found] == ["2026-11", "2026-11", "2026-09"]
    (then,) = client.get(BALANCES, params={"as_of": "2026-10", "chart": "stripe_uncleared"}).json()["data"]
    (now,) = client.get(BALANCES, params={"chart": "stripe_uncleared"}).json()["data"]
    assert then["balance"] == now["balance"] > 0
