"""Months are closed and opened by commands, beside a service that goes on writing."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.bootstrap import journal_of
from ledgerstone.cli import main
from ledgerstone.commands.period import RATES, said
from ledgerstone.ledger import closing, revaluation
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.periods import Difference, Part, PeriodClosed, PeriodReopened
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.postings import NAME, SPANS, advance
from tests.exchanged import DOLLARS, INVOICE, PAID_IN_PARTS, TABLES, TWO_INVOICES, at, settled
from tests.test_cli import Shell

OURS = Book("", True)


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with journal_of(database) as journal:
        yield journal


@pytest.fixture
def period(database: Database) -> Any:
    env = {
        "DATABASE_URL": database.app_dsn,
        "MIGRATION_DATABASE_URL": database.owner_dsn,
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), env=env)

    return run


def issued(n: int, at: str = "2026-01-15", book: Book = OURS) -> Recorded:
    """31.00 EUR for a month from 15 January."""
    line = ServiceLine(31_00, "pro", date(2026, 1, 15), date(2026, 2, 15), "sub_1")
    body = InvoiceIssued(invoice=f"in_{n}", currency="eur", net=31_00, tax=0, lines=(line,))
    happened = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return Recorded(f"invoice/in_{n}/issued", book, happened, body, movements=movements(body))


def closes(journal: Journal) -> list[PeriodClosed | PeriodReopened]:
    bodies = [entry.row.body for entry in journal.read(0, 10_000) if entry.row is not None]
    return [body for body in bodies if isinstance(body, PeriodClosed | PeriodReopened)]


def test_a_month_is_closed_and_opened_again(period: Any, journal: Journal) -> None:
    journal.append([issued(1)])
    journal.append([issued(2, book=Book("acct_1", True))])
    done = period("period", "close", "2026-01", "--actor", "ada")
    assert done.exit_code == 0, done.output
    assert "2026-01 is closed" in done.output
    assert "1,700 eur" in done.output
    again = period("period", "close", "2026-01", "--actor", "ada")
    assert (again.exit_code, "reopen it" in again.output) == (1, True)
    assert period("period", "close", "2026-02", "--actor", "ada").exit_code == 0
    opened = period("period", "reopen", "2026-01", "--actor", "ada", "--reason", "an invoice was missing")
    assert opened.output == "open again: 2026-01, 2026-02\n"
    assert period("period", "close", "2026-02", "--actor", "ada").exit_code == 0

    found = [(type(each).__name__, each.period, each.number) for each in closes(journal)]
    assert found == [
        ("PeriodClosed", "2026-01", 1),
        ("PeriodClosed", "2026-02", 1),
        ("PeriodReopened", "2026-02", 1),
        ("PeriodReopened", "2026-01", 1),
        ("PeriodClosed", "2026-02", 2),
    ]
    together = period("period", "reopen", "2026-01", "--actor", "ada", "--reason", "why")
    assert "closed together with 2026-02" in together.output
    verified = period("verify")
    assert verified.exit_code == 0, verified.output


def test_tax_is_said_with_its_rate() -> None:
    parts = Part("", "eur", 5_00, 1, "abc"), Part("", "eur", 25_00, 2, "def", "SE 25")
    lines = said(PeriodClosed(period="2026-01", actor="ada", taxed=parts)).splitlines()
    assert lines[1:3] == [
        "  taxed                500 eur  no plan, 1 lines",
        "  taxed              2,500 eur  SE 25, 2 lines",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("close", "2026-13", "--actor", "ada"), "write it as 2026-10"),
        (("close", "2999-01", "--actor", "ada"), "2999-01 is not over"),
        (("close", "0206-10", "--actor", "ada"), "0206-10 is of no year that is kept here"),
        (("reopen", "0206-10", "--actor", "ada", "--reason", "why"), "0206-10 is of no year that is kept"),
        (("reopen", "2026-01", "--actor", "ada", "--reason", "why"), "2026-01 is not closed"),
        (("reopen", "2026-01", "--actor", "ada", "--reason", " "), "2026-01 is not closed"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    period: Any, arguments: tuple[str, ...], says: str
) -> None:
    done = period("period", *arguments)
    assert done.exit_code == 1
    assert says in done.output


def test_other_currencies_are_valued_in_the_functional_one_by_what_is_known(
    database: Database, journal: Journal
) -> None:
    shell = Shell(database)
    told = [INVOICE, *settled("in_1", at("2026-10-22"), 100_00, "eur", 1_130_00, "sek")]
    journal.append_many((row,) for row in told)
    close = ("period", "close", "2026-10", "--actor", "ada")
    shell.env["LEDGERSTONE_FUNCTIONAL_CURRENCY"] = "sek"
    refused = shell(*close)
    assert refused.exit_code == 1
    assert "no rate from eur to sek is known from before 2026-10-05" in refused.output
    assert "ledgerstone import fx" in refused.output
    assert journal.head() == len(told), "and nothing is closed"

    journal.append_many((row,) for row in TABLES)
    assert "fx_gained          1,000 sek  realised" in shell(*close).output
    (closed,) = closes(journal)
    assert isinstance(closed, PeriodClosed)
    assert (closed.functional, closed.fx_gained) == ("sek", (Difference("sek", 10_00),))


def test_realised_and_unrealised_are_said_apart(database: Database, journal: Journal) -> None:
    """The example of docs/guides/fx.md."""
    shell = Shell(database)
    shell.env["LEDGERSTONE_FUNCTIONAL_CURRENCY"] = "sek"
    journal.append_many((row,) for row in [*DOLLARS, *TWO_INVOICES, *PAID_IN_PARTS])
    for month, of_rates in (
        ("2026-07", [["fx_risen", "60,000"], ["fx_kept", "60,000"]]),
        ("2026-08", [["fx_gained", "24,000"], ["fx_risen", "-33,000"], ["fx_kept", "-15,000"]]),
        ("2026-09", [["fx_gained", "9,000"], ["fx_risen", "-27,000"], ["fx_kept", "-45,000"]]),
    ):
        done = shell("period", "close", month, "--actor", "ada")
        said = [line.split(maxsplit=3) for line in done.output.splitlines() if line.startswith("  fx_")]
        assert said == [[what, amount, "sek", RATES[what]] for what, amount in of_rates]
    assert shell("verify").exit_code == 0


def test_every_amount_that_rates_moved_is_called_something() -> None:
    assert tuple(RATES) == revaluation.MOVED


def test_without_a_functional_currency_a_close_says_that_it_values_nothing(
    database: Database, journal: Journal
) -> None:
    shell = Shell(database)
    journal.append_many(
        (row,) for row in [INVOICE, *settled("in_1", at("2026-10-22"), 100_00, "eur", 1_130_00, "sek")]
    )
    done = shell("period", "close", "2026-10", "--actor", "ada")
    assert done.exit_code == 0, done.output
    assert "other currencies are not valued: LEDGERSTONE_FUNCTIONAL_CURRENCY is not set" in done.output
    (closed,) = closes(journal)
    assert closed.fx_gained == closed.fx_lost == closed.fx_risen == closed.fx_fallen == closed.fx_kept == ()


def test_a_connected_accounts_books_are_valued_by_the_same_rates(
    journal: Journal, index: PostingIndex
) -> None:
    theirs = Book("acct_1", True)
    journal.append_many((row,) for row in [*TABLES, replace(INVOICE, book=theirs)])
    done = close_in(journal, theirs, "2026-10", "ada", "", index, "sek").fact
    assert done.fx_risen == (Difference("sek", 20_00),)


class Interrupted:
    """A journal in which others write while a month is closed."""

    def __init__(self, journal: Journal, others: list[Recorded]) -> None:
        self.journal, self.others, self.tries = journal, others, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def append_at(self, row: Recorded, position: int) -> None:
        self.tries += 1
        if self.others:
            self.journal.append([self.others.pop(0)])
        self.journal.append_at(row, position)


@pytest.fixture
def index(database: Database) -> Iterator[PostingIndex]:
    index = PostingIndex(database.app_dsn, NAME, SPANS)
    yield index
    index.close()


def close_of(journal: Any, index: PostingIndex, month: str) -> PeriodClosed:
    fact = close_in(journal, OURS, month, "ada", "", index).fact
    assert isinstance(fact, PeriodClosed)
    return fact


def test_what_is_told_of_a_month_while_it_is_closed_is_in_it(journal: Journal, index: PostingIndex) -> None:
    journal.append([issued(1)])
    busy: Any = Interrupted(journal, [issued(2), issued(3, "2026-02-03")])
    done = close_of(busy, index, "2026-01")
    assert busy.tries == 3
    assert (done.earned[0].amount, done.earned[0].count) == (34_00, 2)
    assert done.known_at == 2, "what stands in a later month does not make it again"
    assert journal.head() == 4
    held = {(each.account, each.amount) for each in done.balances}
    assert held == {("receivable", 62_00), ("revenue", -34_00), ("deferred_revenue", -28_00)}


def test_verification_names_a_closed_month_that_has_changed(
    period: Any, journal: Journal, index: PostingIndex
) -> None:
    journal.append([issued(1)])
    good = close_of(journal, index, "2026-01")
    _indexed(journal, index)
    assert period("verify").exit_code == 0
    other = replace(good, number=2, balances=good.balances[1:], earned=())
    journal.append([closing.row(OURS, other)])
    _indexed(journal, index)
    done = period("verify")
    assert done.exit_code == 1
    assert "2026-01 of :live, which is closed: deferred_revenue held 0 eur" in " ".join(done.output.split())


def test_a_month_is_not_closed_behind_one_that_is_not_as_it_was_closed(
    period: Any, journal: Journal, index: PostingIndex
) -> None:
    journal.append([issued(1)])
    good = close_of(journal, index, "2026-01")
    journal.append([closing.row(OURS, replace(good, number=2, balances=good.balances[1:], earned=()))])
    done = period("period", "close", "2026-02", "--actor", "ada")
    assert done.exit_code == 1
    assert "2026-02 is not closed, because the books are not sound" in done.output
    assert "2026-01, which is closed: deferred_revenue held 0 eur" in " ".join(done.output.split())
    assert journal.head() == 3


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            "update views.{name} set amount = amount + 1 where line = 0 and position = 1",
            "on 2026-01-15 the index of postings has 6201 eur on receivable, and the log 6200",
        ),
        (
            "delete from views.{name} where line = 0 and position = 2",
            "all accounts together hold -3100 eur, and not nothing",
        ),
    ],
)
def test_a_month_is_not_closed_while_the_index_of_postings_is_not_what_the_log_says(
    period: Any, journal: Journal, index: PostingIndex, database: Database, broken: str, says: str
) -> None:
    journal.append_many([[issued(1)], [issued(2)], [issued(3, book=Book("acct_1", True))]])
    _indexed(journal, index)
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(broken.format(name=NAME))
    done = period("period", "close", "2026-01", "--actor", "ada")
    assert done.exit_code == 1
    assert says in " ".join(done.output.split())
    assert "`ledgerstone verify` looks at all of the log" in " ".join(done.output.split())
    assert not closes(journal)
    other = period("period", "close", "2026-01", "--actor", "ada", "--account", "acct_1")
    assert other.exit_code == 0, "the books of others are not concerned"


def test_what_was_not_told_yet_is_said_and_does_not_keep_a_month_open(period: Any, journal: Journal) -> None:
    facts = [PaymentApplied(invoice="in_1", payment=f"pi_{n}", amount=1, currency="eur") for n in range(8)]
    at = datetime(2026, 1, 20, tzinfo=UTC)
    rows = [
        Recorded(f"applied/in_1/{fact.payment}", OURS, at, fact, movements=movements(fact)) for fact in facts
    ]
    journal.append_many([[issued(1)], rows])
    done = period("period", "close", "2026-01", "--actor", "ada")
    assert done.exit_code == 0, done.output
    *_, head, view, one, two, three, four, more = done.output.splitlines()
    assert head == "9 remarks: nothing of it is wrong, but something was not told yet"
    assert view.startswith("  the view of invoices is not at position 9 yet")
    assert all("it was not told yet that it was received" in each for each in (one, two, three, four))
    assert more == "  … and 4 more: `ledgerstone verify` names some"


def test_a_month_is_not_closed_where_a_movement_is_of_no_fact(period: Any, journal: Journal) -> None:
    good = issued(1)
    more = tuple(replace(each, amount=each.amount + 1) for each in good.movements)
    journal.append([replace(good, movements=more)])
    done = period("period", "close", "2026-01", "--actor", "ada")
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "2026-01 is not closed, because the books are not sound: invoice in_1 of :live, in eur" in said
    assert "receivable holds 3101, and 3100 is owed on it by what was told" in said


def _indexed(journal: Journal, index: PostingIndex) -> None:
    while advance(journal, index):
        pass
