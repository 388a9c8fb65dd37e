"""A month is closed only where the books keep their invariants, and what they wait for is told."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.view_rows import known_there
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger import closing
from ledgerstone.ledger.closing import digest_of
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.open_items import OpenItems
from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.periods import Part, PeriodClosed
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded, encode
from ledgerstone.projections import open_books
from ledgerstone.projections.closes import NAMED, READ, Decided, Unsound, close_in, reopen_in
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.open_books import SHOWN, Few
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.views import VIEWS
from tests.ledger.test_book_invariants import facts
from tests.stripe_objects import NOW, event, invoice, marks, read

OURS = Book("", True)
MONTH = "2026-01"
AT = datetime(2026, 1, 15, tzinfo=UTC)


def row(name: str, fact: Any, book: Book = OURS, at: datetime = AT) -> Recorded:
    return Recorded(name, book, at, fact, movements=movements(fact))


def spoilt(told: Recorded, place: int = 0) -> Recorded:
    """One minor unit more is moved than was told."""
    moves = list(told.movements)
    moves[place] = replace(moves[place], amount=moves[place].amount + 1)
    return replace(told, movements=tuple(moves))


def received(n: int, amount: int = 100, book: Book = OURS) -> Recorded:
    fact = PaymentReceived(charge=f"ch_{n}", payment=f"pi_{n}", amount=amount, currency="eur")
    return row(f"charge/ch_{n}", fact, book)


def used(n: int, amount: int = 100) -> Recorded:
    fact = PaymentApplied(invoice=f"in_{n}", payment=f"pi_{n}", amount=amount, currency="eur")
    return row(f"applied/in_{n}/pi_{n}", fact)


def issued(n: int) -> Recorded:
    """100 EUR for a month from 15 January."""
    line = ServiceLine(100, "pro", date(2026, 1, 15), date(2026, 2, 15), "sub_1")
    fact = InvoiceIssued(invoice=f"in_{n}", currency="eur", net=100, tax=0, lines=(line,))
    return row(f"invoice/in_{n}/issued", fact)


def closed(journal: Any, month: str = MONTH, book: Book = OURS, **more: Any) -> Decided:
    return close_in(journal, book, month, "ada", **more)


def refusal(journal: Any, **more: Any) -> str:
    before = journal.head()
    with pytest.raises(Unsound) as refused:
        closed(journal, **more)
    assert journal.head() == before
    return str(refused.value)


def waited(done: Decided) -> Few:
    """What waited, but for the view of invoices, which is not there."""
    assert done.waited is not None
    (view, *others) = done.waited.said
    assert view.startswith("the view of invoices is not at position ")
    return Few(tuple(others), done.waited.count - 1)


def test_what_is_told_of_what_is_open_is_read_for_a_close() -> None:
    for fact in facts():
        items = OpenItems(lambda item: False)
        assert not items.take(1, replace(row("", fact), movements=())) or tag(type(fact)) in READ


def test_every_movement_that_no_fact_tells_of_refuses_a_close(journal: Journal) -> None:
    """Of each line of the posting table, in a book of its own."""
    lines = [(fact, place) for fact in facts() for place in range(len(movements(fact)))]
    assert len(lines) > 50
    books = [Book(f"acct_{n}", True) for n in range(len(lines))]
    journal.append_many(
        [spoilt(row(f"fact/{book}", fact, book), place)]
        for book, (fact, place) in zip(books, lines, strict=True)
    )
    for book, (fact, place) in zip(books, lines, strict=True):
        said = refusal(journal, book=book)
        assert said.startswith(f"{MONTH} is not closed, because the books are not sound: ")
        assert f" of {book}, in " in said, (fact, place)


def change(database: Database, position: int, state: bytes) -> None:
    """As only the server's owner could."""
    superuser = psycopg.conninfo.make_conninfo(database.owner_dsn, user="postgres")
    with psycopg.connect(superuser) as connection:
        connection.execute("alter table stored_events disable trigger all")
        update = "update stored_events set state = %s where notification_id = %s"
        connection.execute(update, [state, position])


def test_a_movement_that_was_changed_in_the_log_refuses_a_close(database: Database, journal: Journal) -> None:
    journal.append_many([[issued(1)], [received(1)], [used(1)], [received(2, book=Book("acct_1", True))]])
    change(database, 3, encode(spoilt(used(1))))
    said = refusal(journal)
    assert (
        "payment pi_1 of :live, in eur, up to row 3: unapplied_card holds -1, and 0 was received and not used"
    ) in said
    assert "invoice in_1 of :live, in eur" in said
    closed(journal, book=Book("acct_1", True))


def test_a_row_that_cannot_be_read_refuses_a_close(database: Database, journal: Journal) -> None:
    journal.append_many([[issued(1)], [received(1)]])
    change(database, 2, b"x")
    assert "a row between 1 and 2 cannot be decoded" in refusal(journal)


@pytest.fixture(params=[200_000, 2])
def most(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """All in memory, or the log read in parts."""
    monkeypatch.setattr(open_books, "MOST", request.param)
    return request.param


def test_the_first_faults_are_named_and_the_others_counted(journal: Journal, most: int) -> None:
    journal.append_many([spoilt(received(n))] for n in range(NAMED + 3))
    said = refusal(journal)
    assert said.count("has a movement that no fact tells of") == NAMED
    assert f"; and {NAMED + 6:,} more. `ledgerstone verify` looks at all of the log" in said


def test_what_waits_is_told_and_refuses_nothing(journal: Journal, most: int) -> None:
    journal.append_many([used(n)] for n in range(NAMED + 3))
    journal.append_many([[issued(n)] for n in range(NAMED + 3)])
    few = waited(closed(journal))
    assert few.count == NAMED + 3
    assert len(few.said) == NAMED - 1, "with what the view of invoices lacks"
    assert all("it was not told yet that it was received: sync it" in each for each in few.said)


def test_more_that_is_used_than_was_received_refuses_a_close(journal: Journal, most: int) -> None:
    journal.append_many([[each(n)] for n in range(6) for each in (issued, received)])
    journal.append([used(3, 101)])
    assert "payment pi_3 of :live, in eur, up to row 13: 1 more was used for invoices" in refusal(journal)


def test_books_in_which_all_was_told_wait_for_nothing(journal: Journal, most: int) -> None:
    journal.append_many([[each(n)] for n in range(6) for each in (issued, received, used)])
    assert waited(closed(journal)) == Few()


class Interrupted:
    """A journal in which others write while a month is closed."""

    def __init__(self, journal: Journal, *others: Recorded) -> None:
        self.journal, self.others = journal, list(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def append_at(self, row: Recorded, position: int) -> None:
        if self.others:
            self.journal.append([self.others.pop(0)])
        self.journal.append_at(row, position)


def test_what_comes_in_while_a_month_is_closed_is_looked_at_too(journal: Journal, most: int) -> None:
    journal.append_many([[each(n)] for n in range(6) for each in (issued, received)])
    before = journal.head()
    with pytest.raises(Unsound, match=r"payment pi_4 of :live.* a movement that no fact tells of"):
        closed(Interrupted(journal, used(1), spoilt(used(4))))
    assert journal.head() == before + 2


def test_what_comes_in_is_looked_at_with_what_was_told_before(journal: Journal) -> None:
    journal.append_many([[issued(1)], [received(1)], [used(1)]])
    with pytest.raises(Unsound, match=r"payment pi_1 of :live.* 5 more was used for invoices than received"):
        closed(Interrupted(journal, replace(used(1, 5), name="applied/in_2/pi_1")))
    journal.append([replace(received(1, 5), name="charge/ch_2")])
    assert isinstance(closed(journal).fact, PeriodClosed), "that was missing"


def test_what_comes_in_and_waits_refuses_nothing(journal: Journal, most: int) -> None:
    journal.append_many([[each(n)] for n in range(6) for each in (issued, received)])
    done = closed(Interrupted(journal, used(1), used(9), replace(used(2), happened_at=AT.replace(month=2))))
    assert done.position == journal.head() == 16
    assert isinstance(done.fact, PeriodClosed)
    assert done.fact.known_at == 14


def test_others_write_while_books_are_looked_at(journal: Journal, most: int) -> None:
    journal.append_many([[each(n)] for n in range(6) for each in (issued, received)])
    others = list[Recorded]()

    def words(position: int) -> None:
        others.append(used(len(others)))
        journal.append(others[-1:])

    assert closed(journal, words=words).position == journal.head() == 13 + len(others) > 13


def test_a_close_that_earned_too_much_refuses_the_next(journal: Journal) -> None:
    journal.append([issued(1)])
    good = closed(journal).fact
    assert isinstance(good, PeriodClosed)
    reopen_in(journal, OURS, MONTH, "ada", "to plant a fault")
    earned = (Part("pro", "eur", good.earned[0].amount + 5, 1, ""),)
    balances = tuple(
        replace(each, amount=each.amount + {"deferred_revenue": 5, "revenue": -5}.get(each.account, 0))
        for each in good.balances
    )
    bad = replace(good, number=2, known_at=3, earned=earned, balances=balances, digest=digest_of(balances))
    journal.append([closing.row(OURS, bad)])
    said = refusal(journal, month="2026-02")
    assert f"{MONTH}, which is closed: deferred_revenue holds" in said
    assert "left to earn: reopen the month, and close it again" in said


# What invoices say of themselves

ISSUED = NOW - 9 * 3600
OPEN = {"created": ISSUED, "status": "open", "status_transitions": marks(finalized_at=ISSUED)}


def shown(id: str, at: int = ISSUED, **said: Any) -> list[Recorded]:
    object = invoice(id=id, **{**OPEN, **said})
    return list(read(event("invoice.updated", object, id=f"evt_{id}_{at}", created=at)).rows)


@pytest.fixture
def engine(journal: Journal, store: PostgresViews) -> Engine:
    return Engine(VIEWS, journal, store)


@pytest.fixture
def close(database: Database, journal: Journal) -> Iterator[Callable[..., Decided]]:
    """As the commands do it."""
    index = PostingIndex(database.app_dsn, NAME, SPANS)
    words = partial(known_there, database.app_dsn, SHOWN, str(OURS))
    yield partial(closed, journal, "2026-11", index=index, words=words)
    index.close()


def test_an_invoice_that_contradicts_itself_refuses_a_close(
    journal: Journal, engine: Engine, close: Callable[..., Decided]
) -> None:
    journal.append_many([shown("in_1"), shown("in_2", amount_paid=50_00, amount_remaining=70_00)])
    engine.catch_up()
    with pytest.raises(Unsound, match=r"invoice in_2 of :live.* it says itself 12500 due and 5000 paid"):
        close()


def test_an_invoice_that_says_more_was_paid_than_was_told_waits(
    journal: Journal, engine: Engine, close: Callable[..., Decided], most: int
) -> None:
    journal.append_many([shown(f"in_{n}") for n in range(4)])
    journal.append(shown("in_5", amount_paid=50_00, amount_remaining=75_00))
    engine.catch_up()
    few = close().waited
    assert few is not None
    assert few.count == 1
    assert few.said[0].startswith("invoice in_5 of :live, in usd, up to row ")
    assert "of what it says was paid 5000 was not told" in few.said[0]


def test_words_are_those_that_were_known(
    database: Database, journal: Journal, engine: Engine, store: PostgresViews
) -> None:
    """The view may be ahead; where it is behind, that is a remark."""
    journal.append(shown("in_1"))
    head = journal.head()
    words = partial(known_there, database.app_dsn, SHOWN, str(OURS))
    assert words(head) is None
    engine.catch_up()
    journal.append(shown("in_1", NOW, amount_paid=50_00, amount_remaining=75_00))
    assert words(journal.head()) is None
    engine.catch_up()

    def remaining(position: int) -> list[Any]:
        names = [name for name, _ in SHOWN.columns]
        rows = [dict(zip(names, columns, strict=True)) for _, _, _, *columns in words(position) or ()]
        return [each["amount_remaining"] for each in rows if each["valid_to"] is None]

    assert (remaining(head), remaining(journal.head())) == ([125_00], [75_00])
    assert list(known_there(database.app_dsn, SHOWN, "acct_1", head) or ()) == []


def test_a_view_that_is_not_there_is_a_remark(close: Callable[..., Decided], journal: Journal) -> None:
    journal.append(shown("in_1"))
    few = close().waited
    assert few is not None
    assert few.said == (
        f"the view of invoices is not at position {journal.head() - 1} yet: invoices are not compared with"
        " what they say",
    )
