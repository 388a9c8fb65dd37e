"""Nothing in a closed month changes by a byte, over a thousand facts that come late: in any read of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.periods import Part, PeriodClosed
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.reads import closes
from tests.closes import Log
from tests.exchanged import at, issued
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


def test_lines_of_a_close_are_its_own_though_its_month_was_closed_again(
    service: Service, client: TestClient
) -> None:
    """Where a close says that they are, whoever asked for the month as it was known then."""
    log = Log([issued("in_1", at("2026-01-10"), 100_00)])
    log.close("2026-01")
    first = len(log.rows)
    log.reopen("2026-01")
    log.tell(issued("in_2", at("2026-01-12"), 50_00))
    log.close("2026-01")
    service.hear([[row] for row in log.rows])

    for known_at in (first, len(log.rows)):
        month = client.get("/sys/periods/2026-01", params={"known_at": known_at}).json()["data"]
        assert month["moved"]
        for part in month["moved"]:
            lines = client.get(part["lines"]).json()["data"]
            assert (len(lines), sum(line["amount"] for line in lines)) == (part["count"], part["amount"])


def test_a_part_whose_name_cannot_be_asked_for_says_nothing_of_lines() -> None:
    odd, usual = (
        PeriodClosed(period="2026-01", number=1, known_at=1, actor="ada", earned=(part,))
        for part in (Part("a\u00a0b", "eur", 1, 1, ""), Part("pro", "eur", 1, 1, ""))
    )
    assert [moved.lines for moved in closes.moves(odd, 7, "")] == [None]
    (moved,) = closes.moves(usual, 7, "acct_1")
    assert moved.lines == (
        "/sys/periods/2026-01/lines?what=earned&plan=pro&currency=eur&rate=&known_at=7&account=acct_1"
    )
