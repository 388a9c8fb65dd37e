"""Nothing in a closed month changes by a byte, over a thousand facts that come late: in any read of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.periods import PeriodClosed
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.postings import NAME, SPANS
from tests.http.parts import Service
from tests.sold import sold

MONTHS = [f"2026-{month:02}" for month in range(1, 7)]
LATER = [f"2026-{month:02}" for month in range(7, 11)]
ACCOUNTS = ("receivable", "revenue", "deferred_revenue", "refunds", "tax", "to_allocate")


def books(client: TestClient) -> dict[str, bytes]:
    """What is said of the closed months, byte for byte: trial balances, entries, statements and closes."""
    files = [f"/sys/journal/balances.csv?as_of={month}" for month in MONTHS]
    files += [f"/sys/journal/balances.csv?from={month}&as_of={month}" for month in MONTHS]
    files += [f"/sys/journal/accounts/{account}.csv?to={MONTHS[-1]}&as_of=2027-01" for account in ACCOUNTS]
    files += [f"/sys/journal/entries.csv?to={MONTHS[-1]}&as_of=2027-01", "/sys/periods.csv?as_of=2026-06"]
    found = {path: client.get(path).content for path in files}
    for month in MONTHS:
        told = client.get(f"/sys/periods/{month}")
        found[month] = told.content[: told.content.index(b'"meta"')]
    return found


def lies(client: TestClient, bodies: Sequence[PeriodClosed]) -> list[str]:
    """The closed months whose trial balance is not what their close kept."""
    wrong = []
    for body in bodies:
        found = client.get("/sys/journal/balances", params={"as_of": body.period}).json()["data"]
        held = [(row["account"], row["currency"], row["balance"]) for row in found if row["balance"]]
        if held != [(each.account, each.currency, each.amount) for each in body.balances]:
            wrong.append(body.period)
    return wrong


def test_nothing_that_is_read_of_a_closed_month_changes_by_a_thousand_late_facts(
    service: Service, client: TestClient
) -> None:
    facts = sold(1, 700)
    late = [fact for fact in facts if fact.happened_at < datetime(2026, 7, 1, tzinfo=UTC)][:1_000]
    assert len(late) == 1_000
    told_late = {id(fact) for fact in late}
    service.journal.append_many([fact] for fact in facts if id(fact) not in told_late)
    index = PostingIndex(service.database.app_dsn, NAME, SPANS)
    for month in MONTHS:
        close_in(service.journal, Book(), month, "ada", "", index)
    position, before = service.journal.head(), books(client)
    assert all(len(said) > 200 for said in before.values())
    months = list(LATER)
    for n in range(0, 1_000, 125):
        service.journal.append_many([fact] for fact in late[n : n + 125])
        if n % 250:
            close_in(service.journal, Book(), months.pop(0), "bob", "", index)
        assert books(client) == before
    index.close()

    rows: list[Recorded] = [each.row for each in service.journal.read(0, 100_000) if each.row is not None]
    closed = [row.body for row in rows if isinstance(row.body, PeriodClosed)]
    assert len(closed) == len(MONTHS) + len(LATER)
    assert lies(client, closed) == []
    then = client.get("/sys/journal/balances.csv", params={"as_of": "2026-12", "known_at": position})
    now = client.get("/sys/journal/balances.csv", params={"as_of": "2026-12"})
    assert then.content != now.content, "what came late stands in later months"
