"""`ledgerstone verify` says in plain words what is wrong with the books, and where."""

from collections.abc import Iterator
from contextlib import closing as closed_afterwards
from datetime import UTC, date, datetime
from random import Random
from typing import Any, cast

import psycopg
import pytest
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import Settings, journal_of
from ledgerstone.commands import verify_books
from ledgerstone.commands.verify import NAMED, Verdict, verify
from ledgerstone.ledger import closing
from ledgerstone.ledger.closing import digest_of
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.periods import Part, PeriodClosed
from ledgerstone.ledger.posting import TABLE, movements
from ledgerstone.ledger.recorded import Book, Recorded, decode, encode
from ledgerstone.projections import open_books
from ledgerstone.projections.closes import ASKED, close_in
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.views import VIEWS
from tests.bank_business import BankBusiness
from tests.played import RealLog


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with journal_of(database) as journal:
        yield journal


@pytest.fixture
def log(journal: Journal) -> RealLog:
    """Invoices of which some are paid, in part or whole, by card or bank; and a closed month."""
    log, random = RealLog(journal), Random(1)
    business = BankBusiness(log.append)
    for n in range(12):
        business.issue(random.randint(50, 200), 20, use=False, days=60 + n % 2)
    for n, it in enumerate(business.owed()[:8]):
        amount = it.left // (1 + n % 2)
        business.use(business.receive(amount), it, amount)
    business.assign_to_invoices(business.come(90), 0, 0)
    business.refund(business.payments[0], 10)
    business.come(33)
    log.close("2026-01")
    return log


def verified(database: Database, journal: Journal) -> Verdict:
    with closed_afterwards(PostgresViews(database.app_dsn)) as store:
        Engine(VIEWS, journal, store).catch_up(1_000)
    return verify(Settings(database_url=database.app_dsn, migration_database_url=database.owner_dsn))


def spoil(database: Database, position: int) -> Recorded:
    """One minor unit more is moved by a row than was: only the server's owner could do that."""
    superuser = psycopg.conninfo.make_conninfo(database.owner_dsn, user="postgres")
    with psycopg.connect(superuser) as connection:
        found = connection.execute("select state from stored_events where notification_id = %s", [position])
        row = decode(found.fetchone()[0])  # type: ignore[index]
        (move,) = row.movements
        spoilt = replace(row, movements=(replace(move, amount=move.amount + 1),))
        connection.execute("alter table stored_events disable trigger all")
        update = "update stored_events set state = %s where notification_id = %s"
        connection.execute(update, [encode(spoilt), position])
        connection.execute("alter table stored_events enable always trigger stored_events_append_only")
    return row


def test_books_as_they_must_be_are_fine(database: Database, log: RealLog, journal: Journal) -> None:
    verdict = verified(database, journal)
    assert (verdict.wrong, verdict.remarks) == ([], [])
    assert f"the books at position {len(log.rows):,} keep their invariants" in verdict.fine


@pytest.mark.parametrize("most", [200_000, 4])
def test_a_movement_that_was_changed_is_named(
    database: Database, log: RealLog, journal: Journal, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the log has to be read in parts."""
    monkeypatch.setattr(open_books, "MOST", most)
    position = next(at for at, row in enumerate(log.rows, start=1) if isinstance(row.body, PaymentApplied))
    applied = spoil(database, position).body
    assert isinstance(applied, PaymentApplied)

    said = verified(database, journal).wrong

    statement = "a movement that no fact tells of"
    of_books = sorted(each for each in said if each.endswith(statement))
    assert len(of_books) == 2
    assert of_books[1].startswith(
        f"payment {applied.payment} of :live, in eur, up to row {position}: unapplied_card holds -1, and 0"
        " was received and not used: its statement (/sys/journal/accounts/unapplied_card?subject="
    )
    assert f"invoice {applied.invoice} of :live, in eur" in of_books[0]


def test_the_parts_of_a_log_come_to_the_whole(
    database: Database, log: RealLog, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_books, "MOST", 3)
    verdict = verified(database, journal)
    assert (verdict.wrong, verdict.remarks) == ([], [])


def test_what_was_not_told_yet_is_a_remark(database: Database, log: RealLog, journal: Journal) -> None:
    for n in range(NAMED + 3):
        used = PaymentApplied(invoice="in_1", payment=f"pi_x{n}", amount=1, currency="eur")
        at = datetime(2026, 3, 1, tzinfo=UTC)
        journal.append([Recorded(f"applied/in_1/pi_x{n}", Book(), at, used, movements=movements(used))])
    verdict = verified(database, journal)
    assert verdict.wrong == []
    assert sum("it was not told yet that it was received: sync it" in each for each in verdict.remarks) >= 19
    assert verdict.remarks[-1] == "… and 4 more in the books", "with the invoice, which does not say so"


def test_invoices_are_compared_where_their_view_is_there(
    database: Database, log: RealLog, journal: Journal
) -> None:
    said = verify(Settings(database_url=database.app_dsn, migration_database_url=database.owner_dsn)).remarks
    where = f"the view of invoices is not at position {len(log.rows)}"
    assert [each for each in said if each.startswith(where)]
    verified(database, journal)
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute("update views.invoices_v3 set status = 'paid' where status = 'open'")
    assert any(
        "the invoice says that 0 is open (paid)" in each for each in verified(database, journal).remarks
    )


class Counted:
    """A journal that notes which tags were read from its beginning."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.begun = journal, list[list[str]]()

    def read(self, after: int, limit: int, tags: list[str]) -> Any:
        if after == 0:
            self.begun.append(tags)
        return self.journal.read(after, limit, tags)


@pytest.mark.parametrize(("rows", "readings"), [(200_000, 1), (1, 3)])
def test_schedules_of_all_books_are_held_against_their_closes_in_few_readings(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch, rows: int, readings: int
) -> None:
    books = [Book(account, True) for account in ("", "acct_1", "acct_2")]
    for n, book in enumerate(books):
        line = ServiceLine(31_00, "pro", date(2026, 1, 15), date(2026, 2, 15), "sub_1")
        body = InvoiceIssued(invoice=f"in_{n}", currency="eur", net=31_00, tax=0, lines=(line,))
        at = datetime(2026, 1, 15, tzinfo=UTC)
        journal.append([Recorded(f"invoice/in_{n}/issued", book, at, body, movements=movements(body))])
    for book in books:
        good = close_in(journal, book, "2026-01", "ada").fact
        assert isinstance(good, PeriodClosed)
        if book.account != "acct_1":
            journal.append([closing.row(book, replace(good, number=2, balances=()))])
    found_by, counted = verify_books.Books(), Counted(journal)
    for entry in journal.read(0, 100):
        assert entry.row is not None
        found_by.take(entry.row, entry.position)

    monkeypatch.setattr(verify_books, "ROWS", rows)
    said = [each.said for each in found_by.found(database, cast("Any", counted)) if not each.waits]

    assert [each[:30] for each in said] == [
        "2026-01 of :live, which is clo",
        "2026-01 of acct_2:live, which ",
    ]
    assert counted.begun == [sorted(ASKED)] * readings


def test_closes_ask_for_all_that_moves_deferred_revenue() -> None:
    """What stands in later books is added up from these rows alone."""
    moves = {
        tag(fact)
        for fact, rules in TABLE.items()
        for rule in rules
        if any(side.startswith("deferred_revenue") for side in (rule.debit, rule.credit))
    }
    assert moves
    assert moves <= ASKED


def test_a_close_that_earned_too_much_is_named(database: Database, log: RealLog, journal: Journal) -> None:
    log.reopen("2026-01")
    known = list(enumerate(log.rows, start=1))
    good = closing.close(known, "2026-01", log.held(), len(known), "ada")
    earned = (Part("pro", "eur", good.earned[0].amount + 5, 1, ""),)
    balances = tuple(
        replace(each, amount=each.amount + {"deferred_revenue": 5, "revenue": -5}.get(each.account, 0))
        for each in good.balances
    )
    bad: PeriodClosed = replace(good, earned=earned, balances=balances, digest=digest_of(balances))
    log.append((closing.row(Book(), bad),))

    (said,) = verified(database, journal).wrong

    assert said.startswith("2026-01 of :live, which is closed: deferred_revenue holds ")
    assert said.endswith("left to earn: reopen the month, and close it again")
