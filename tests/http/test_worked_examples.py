"""The worked examples that others publish, from invoices to closed months, as finance reads them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec import Struct
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.credit_notes import CreditNoteIssued
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.payments import DisputeLost, PaymentApplied
from ledgerstone.ledger.periods import last_day
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.postings import NAME, SPANS
from tests.http.parts import Service
from tests.sold import told

MONTHS = [f"2026-{month:02}" for month in range(1, 13)]


class Example(Struct, frozen=True):
    """Facts with their days, and what accounts come to in each month, credits above 0."""

    facts: tuple[tuple[str, AnyFact], ...]
    moved: dict[str, dict[str, int]]


def invoice(*lines: tuple[int, str, str], **fields: Any) -> InvoiceIssued:
    shown = tuple(
        ServiceLine(net, "pro", date.fromisoformat(start), date.fromisoformat(end), "sub_1")
        for net, start, end in lines
    )
    net = sum(line.net for line in shown)
    return InvoiceIssued(invoice="in_1", currency="usd", net=net, tax=0, lines=shown, **fields)


def paid(amount: int) -> PaymentApplied:
    return PaymentApplied(invoice="in_1", payment="pi_1", amount=amount, currency="usd")


def earned(start: str, *amounts: int) -> dict[str, int]:
    first = MONTHS.index(start)
    return dict(zip(MONTHS[first:], amounts, strict=False))


NOTE = CreditNoteIssued(credit_note="cn_1", invoice="in_1", currency="usd", before_payment=30_00)
LOST = DisputeLost(dispute="dp_1", payment="pi_1", amount=90_00, currency="usd")
YEAR = (31_00, 28_00, 31_00, 30_00, 31_00, 30_00, 31_00, 31_00, 30_00, 31_00, 30_00, 31_00)
EXAMPLES = {
    "a month from 15 January": Example(
        (("2026-01-15", invoice((31_00, "2026-01-15", "2026-02-15"))),),
        {"revenue": earned("2026-01", 17_00, 14_00), "deferred_revenue": earned("2026-01", 14_00, -14_00)},
    ),
    "a year from 1 January": Example(
        (("2026-01-01", invoice((365_00, "2026-01-01", "2027-01-01"))),),
        {
            "revenue": earned("2026-01", *YEAR),
            "deferred_revenue": earned("2026-01", 334_00, *(-n for n in YEAR[1:])),
        },
    ),
    "a balance that was used": Example(
        (
            (
                "2026-01-15",
                invoice((31_00, "2026-01-15", "2026-02-15"), from_balance=11_00, customer="cus_1"),
            ),
            ("2026-02-01", paid(20_00)),
        ),
        {
            "receivable": earned("2026-01", -20_00, 20_00),
            "customer_credit": earned("2026-01", -11_00),
            "revenue": earned("2026-01", 17_00, 14_00),
        },
    ),
    "a credit note before payment": Example(
        (
            ("2026-01-01", invoice((120_00, "2026-01-01", "2026-04-01"))),
            ("2026-01-01", NOTE),
            ("2026-02-01", paid(90_00)),
        ),
        {
            "receivable": earned("2026-01", -90_00, 90_00),
            "revenue": earned("2026-01", 31_00, 28_00, 31_00),
            "to_allocate": {},
        },
    ),
    "four months from noon to noon": Example(
        (("2026-06-15T12:00:00", invoice((120_00, "2026-06-15", "2026-10-13"))),),
        {"revenue": earned("2026-06", 16_00, 31_00, 31_00, 30_00, 12_00)},
    ),
    "an upgrade on 21 April": Example(
        (
            ("2026-04-01", invoice((90_00, "2026-04-01", "2026-05-01"))),
            (
                "2026-04-21",
                InvoiceIssued(
                    invoice="in_2",
                    currency="usd",
                    net=10_00,
                    tax=0,
                    lines=(
                        ServiceLine(-30_00, "pro", date(2026, 4, 21), date(2026, 5, 1), "sub_1"),
                        ServiceLine(40_00, "team", date(2026, 4, 21), date(2026, 5, 1), "sub_1"),
                    ),
                ),
            ),
        ),
        {"revenue": earned("2026-04", 60_00 + 40_00), "deferred_revenue": {}},
    ),
    "a lost dispute of three months": Example(
        (
            ("2026-01-01", invoice((90_00, "2026-01-01", "2026-04-01"))),
            ("2026-01-02", paid(90_00)),
            ("2026-03-01", LOST),
        ),
        {
            "revenue": earned("2026-01", 31_00, 28_00),
            "disputes_lost": {"2026-03": -59_00},
            "deferred_revenue": earned("2026-01", 59_00, -28_00, -31_00),
        },
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_closed_months_are_what_the_example_says(service: Service, client: TestClient, name: str) -> None:
    example, index = EXAMPLES[name], PostingIndex(service.database.app_dsn, NAME, SPANS)
    service.hear([[_row(n, day, fact)] for n, (day, fact) in enumerate(example.facts)])
    for month in MONTHS:
        close_in(service.journal, Book(), month, "ada", "", index)
    index.close()
    service.engine.catch_up()

    for account, expected in example.moved.items():
        found = {month: _moved(client, account, month) for month in MONTHS}
        assert {month: amount for month, amount in found.items() if amount} == expected, account
    for month in MONTHS:
        lines = client.get("/sys/journal/schedules", params={"as_of": month}).json()["data"]
        revenue = sum(example.moved["revenue"].get(each, 0) for each in MONTHS if each <= month)
        assert sum(line["earned"] for line in lines) == revenue, "schedules and the journal say the same"


def test_a_year_will_be_earned_month_by_month(service: Service, client: TestClient) -> None:
    service.hear([[_row(0, *EXAMPLES["a year from 1 January"].facts[0])]])
    ahead = client.get("/sys/journal/deferred", params={"as_of": "2026-01"}).json()["data"]
    assert [(row["month"], row["earned"]) for row in ahead] == list(zip(MONTHS[1:], YEAR[1:], strict=True))
    assert [row["opening"] for row in ahead[:3]] == [334_00, 334_00 - 28_00, 334_00 - 28_00 - 31_00]
    assert ahead[-1]["closing"] == 0
    half = client.get("/sys/journal/deferred", params={"as_of": "2026-03-10"}).json()["data"]
    assert (half[0]["month"], half[0]["earned"], half[0]["opening"]) == ("2026-03", 21_00, 365_00 - 69_00)


def _row(n: int, day: str, fact: AnyFact) -> Recorded:
    return told(f"example/{n}", datetime.fromisoformat(day).replace(tzinfo=UTC), fact)


def _moved(client: TestClient, account: str, month: str) -> int:
    """What was credited in a month, less what was debited."""
    asked = {"chart": account, "from": month, "as_of": last_day(month).isoformat()}
    return sum(
        row["credit"] - row["debit"]
        for row in client.get("/sys/journal/balances", params=asked).json()["data"]
    )
