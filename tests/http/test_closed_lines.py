"""The lines behind what closes moved: of every part count, sum and digest can be worked out from them."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.http import database as reading
from ledgerstone.http.reads import closed as closed_lines
from ledgerstone.ledger.closing import MOVED
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.facts import Correctable
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, in_force
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from tests.closes import MONTHS, Log
from tests.exchanged import at, exchanged, issued, transferred, written_off
from tests.http.parts import PROBLEM, Service, every
from tests.passed import passed
from tests.sold import doubted, shared, sold

Json = dict[str, Any]
PERIODS = "/sys/periods"
PART = ("what", "plan", "currency", "rate")
OF_ITS_OWN = InvoiceIssued, CreditNoteIssued, CreditNoteVoided
"""What is told as of one invoice, always: a note and its taking back are of the same."""
numbers = count()


@pytest.fixture(scope="module")
def world(server: EmbeddedServer, template: str) -> Iterator[tuple[Service, TestClient]]:
    """A log of many books."""
    service = Service(create_database(server, "lines_of_closes", template))
    with pytest.MonkeyPatch.context() as patch, TestClient(service.app) as client:
        for name, few in (("MOST", 10), ("PASSED", 5), ("PAYMENTS", 3)):  # so that there are several parts
            patch.setattr(closed_lines, name, few)
        patch.setattr(reading, "BATCH", 2)
        yield service, client
    service.close()


def played(seed: int) -> Log:
    """A business whose months are closed while facts come in any order, some by the rules of the first
    closes, some opened again; some facts are corrected."""
    random = Random(seed)
    facts = sold(seed, 8) + shared(seed, 3) + exchanged(seed, 8) + passed(seed, 10)
    log, months = Log(), list(MONTHS[:10])
    for fact in random.choice([doubted, wrong])(random.sample(facts, len(facts)), seed):
        log.tell(fact)
        if random.random() < 0.08 and len(months) > 1:
            random.choice([log.close, log.close, log.close_as_at_first])(months.pop(0))
        closes = in_force([row.body for row in log.rows])
        if random.random() < 0.03 and closes:
            period = random.choice(list(closes))
            log.reopen(period)
            months = [month for month in MONTHS[:10] if month >= period]
    log.close(months[0])
    return log


def wrong(facts: list[Recorded], seed: int) -> list[Recorded]:
    """The same, but some were told wrongly at first: of other invoices, payments and days, of other amounts.
    They are of the things that their names say."""
    random, found, later = Random(seed), list[Recorded](), list[Recorded]()
    for row in facts:
        if isinstance(row.body, Correctable) and random.random() < 0.3:
            found.append(_otherwise(row, random.choice(facts), random))
            later.append(superseding(found[-1], row, 1))
        else:
            found.append(row)
        if later and random.random() < 0.2:
            found.append(later.pop(random.randrange(len(later))))
    return found + later


def _otherwise(row: Recorded, other: Recorded, random: Random) -> Recorded:
    body: Any = row.body
    for name in ("amount", "open", "before_payment"):
        if getattr(body, name, 0):
            body = replace(body, **{name: random.randint(1, 2 * getattr(body, name))})
    for name in ("invoice", "payment", "charge"):
        about = getattr(other.body, name, None)
        if about and hasattr(body, name) and not isinstance(body, OF_ITS_OWN) and random.random() < 0.5:
            body = body if name in row.name else replace(body, **{name: about})
    at = random.choice([row.happened_at, other.happened_at])
    return replace(row, body=body, movements=movements(body), happened_at=at)


def record(service: Service, rows: Sequence[Recorded]) -> tuple[str, int]:
    """The log of a business in a book of its own; the account, and the position before its first row."""
    account, head = f"acct_{next(numbers)}", service.journal.head() + 1
    book = Book(account)
    heard = StripeEventHeard(
        id=f"evt_{account}", event_type="x", created=at("2026-01-01"), source="import", payload=b"{}"
    )
    service.journal.append_many([[Recorded(f"stripe/evt_{account}", book, at("2026-01-01"), heard)]])
    service.journal.append_many([[_of(row, book, head)] for row in rows])
    assert service.journal.head() == head + len(rows)
    service.engine.catch_up()
    return account, head


def _of(row: Recorded, book: Book, before: int) -> Recorded:
    """The same in another book, behind so many rows."""
    body = row.body
    if isinstance(body, PeriodClosed):
        body = replace(body, known_at=body.known_at + before)
    elif hasattr(body, "first") and isinstance(body.first, str):
        body = replace(body, first=f"{book}/{body.first}")
    return replace(row, name=f"{book}/{row.name}", book=book, body=body)


def parts(found: Sequence[Json]) -> dict[tuple[str, ...], tuple[int, int, str]]:
    """Count, sum and digest of each part, from its lines in their order, as the guide says."""
    lines: defaultdict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
    for row in found:
        lines[tuple(row[name] for name in PART)].append([row["invoice"], row["place"], row["amount"]])
    return {
        part: (len(some), sum(amount for *_, amount in some), sha256(msgspec.json.encode(some)).hexdigest())
        for part, some in lines.items()
    }


def closed(fact: PeriodClosed) -> dict[tuple[str, ...], tuple[int, int, str]]:
    """The same, as the close says."""
    return {
        (what, each.plan, each.currency, each.rate): (each.count, each.amount, each.digest)
        for what in MOVED
        for each in getattr(fact, what)
    }


@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_of_each_close_in_force_the_lines_are_those_that_it_counted(
    world: tuple[Service, TestClient], seed: int
) -> None:
    service, client = world
    log, random = played(seed), Random(seed)
    account, _ = record(service, log.rows)
    for period, fact in in_force([row.body for row in log.rows]).items():
        expected, path = closed(fact), f"{PERIODS}/{period}/lines"
        found = every(client, path, account=account, limit=random.choice([3, 40, 1000]))
        assert parts(found) == expected, (period, seed)
        file = client.get(f"{path}.csv?account={account}").text
        assert list(csv.DictReader(io.StringIO(file))) == [
            {name: str(value) for name, value in row.items()} for row in found
        ]
        moved = client.get(f"{PERIODS}/{period}", params={"account": account}).json()["data"]["moved"]
        for part in random.sample(moved, min(3, len(moved))):
            there, _, asked = part["lines"].partition("?")
            assert there == path
            given = dict(parse_qsl(asked, keep_blank_values=True))
            some = every(client, path, **given, limit=random.choice([1, 1000]))
            assert some == [row for row in found if all(row[name] == part[name] for name in PART)]
            assert parts(some) == {
                tuple(part[name] for name in PART): (part["count"], part["amount"], part["digest"])
            }
            if one := random.choice(some)["invoice"]:
                of_one = every(client, path, account=account, invoice=one)
                assert of_one == [row for row in found if row["invoice"] == one]


@given(st.integers(0, 2**32))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_of_closes_that_were_taken_back_too_as_they_were_known(
    world: tuple[Service, TestClient], seed: int
) -> None:
    service, client = world
    log = played(seed)
    account, before = record(service, log.rows)
    for position, row in enumerate(log.rows, before + 1):
        if isinstance(row.body, PeriodClosed):
            path = f"{PERIODS}/{row.body.period}/lines"
            found = every(client, path, account=account, known_at=position, limit=1000)
            assert parts(found) == closed(row.body), position
        if isinstance(row.body, PeriodReopened):
            answer = client.get(f"{PERIODS}/{row.body.period}/lines?account={account}&known_at={position}")
            assert answer.status_code == 404


def test_the_businesses_have_in_them_what_they_are_for() -> None:
    seen, opened = set[str](), 0
    for seed in range(12):
        log = played(seed)
        for fact in in_force([row.body for row in log.rows]).values():
            seen |= {f"{what} {rate}".strip() for what, _, _, rate in closed(fact)}
        opened += any(isinstance(row.body, PeriodReopened) for row in log.rows)
    assert seen >= {*MOVED, "taxed SE 25", "taxed DE 19"}, seen
    assert opened > 2


def test_the_lines_of_a_month_by_hand(service: Service, client: TestClient) -> None:
    log = Log(
        [issued("in_1", at("2026-01-10"), 100_00, tax=25_00), written_off("in_1", at("2026-01-20"), 125_00)]
    )
    log.close_as_at_first("2026-01")
    log.tell(*transferred("in_1", 1, at("2026-02-05"), 50_00))
    log.close("2026-02")
    service.hear([[row] for row in log.rows])
    assert _short(every(client, f"{PERIODS}/2026-01/lines")) == [("earned", "in_1", 0, 100_00)]
    assert _short(every(client, f"{PERIODS}/2026-02/lines")) == [
        ("relieved", "", -5, 25_00),
        ("recovered", "in_1", -3, 50_00),
        ("relieved", "in_1", -3, -10_00),
    ]


def _short(found: Sequence[Json]) -> list[tuple[Any, ...]]:
    return [(row["what"], row["invoice"], row["place"], row["amount"]) for row in found]


def test_what_has_no_lines_is_told_apart(service: Service, client: TestClient) -> None:
    log = Log([issued("in_1", at("2026-01-10"), 100_00)])
    log.close("2026-02")
    service.hear([[row] for row in log.rows])
    for period, status, says in (
        ("2026-01", 404, "closed together with 2026-02"),
        ("2026-03", 404, "is not closed"),
        ("2026-02?as_of=2025-12", 404, "had not begun"),
        ("2026-13", 400, "write it as 2026-10"),
        ("2026-02?what=won", 400, "allowed are earned"),
    ):
        month, _, asked = period.partition("?")
        answer = client.get(f"{PERIODS}/{month}/lines?{asked}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
        assert says in answer.json()["detail"]
