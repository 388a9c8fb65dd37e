"""The index of postings holds both sides of every movement of the log, and its sums are theirs."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.invoices import InvoiceOverpaid
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded, encode
from ledgerstone.projections import postings
from ledgerstone.projections.postings import MOVING, NAME, Pages, Undecodable, advance, entries, legs, pages
from ledgerstone.projections.reads import balances
from ledgerstone.projections.reads.asked import Moment
from ledgerstone.projections.reads.balances import blocks, by_account, end_day
from tests.examples import BOOK, EXAMPLES, released
from tests.plain.postings import Cells, held
from tests.worlds import messages, shuffled

WINDOWS = [1, 7, 5_000]
SPANS = (8, 64, 256)


@pytest.fixture
def index(database: Database) -> Iterator[PostingIndex]:
    index = PostingIndex(database.app_dsn, NAME, SPANS)
    yield index
    index.close()


def _moved() -> Recorded:
    return next(row for row in EXAMPLES if len(row.movements) > 1)


def test_an_entry_has_two_legs_for_each_movement_and_balances() -> None:
    row = _moved()
    (entry,) = entries(row, 7, None)
    found = list(legs(entry, row))

    assert (entry.day, entry.first, entry.count) == (row.happened_at.date(), 0, len(row.movements))
    assert [leg.line for leg in found] == list(range(2 * len(row.movements)))
    assert sum(leg.amount for leg in found) == 0
    first = row.movements[0]
    assert (found[0].account, found[0].of, found[0].amount) == (first.debit, first.debit_of, first.amount)
    assert (found[1].account, found[1].of, found[1].amount) == (first.credit, first.credit_of, -first.amount)


def test_what_happened_in_a_closed_period_is_booked_into_the_first_open_one() -> None:
    (entry,) = entries(_moved(), 7, date(2027, 3, 31))

    assert entry.day == date(2027, 4, 1)


def test_a_correction_takes_back_on_the_day_that_was_and_tells_on_the_day_that_is() -> None:
    held = _moved()
    told = replace(held, happened_at=held.happened_at.replace(year=2027))
    row = superseding(held, told, 1)
    first, second = entries(row, 9, None)

    assert (first.day, first.first, first.count) == (held.happened_at.date(), 0, len(held.movements))
    assert (second.day, second.first, second.count) == (told.happened_at.date(), first.count, first.count)
    (both,) = entries(superseding(held, held, 1), 9, None)
    assert both.count == 2 * len(held.movements)


def test_a_sum_that_grew_is_booked_on_the_day_that_it_did() -> None:
    """What it was until then was true: the days before keep it."""
    body = InvoiceOverpaid(invoice="in_1", currency="eur", amount=100, customer="cus_1")
    held = replace(_moved(), body=body, movements=movements(body))
    body = replace(body, amount=300)
    later = held.happened_at + timedelta(days=6)
    grown = replace(held, body=body, movements=movements(body), happened_at=later)
    (entry,) = entries(superseding(held, grown, 1), 9, None)

    assert (entry.day, entry.count) == (later.date(), 2)


def test_nothing_is_indexed_behind_a_row_that_cannot_be_decoded() -> None:
    row = _moved()
    with pytest.raises(Undecodable, match=r"row 1 \(x\) cannot be decoded"):
        pages([(1, "x", b"\xc1"), (2, tag(type(row.body)), encode(row)), (3, "x", None)], {})


def test_every_released_row_that_moved_money_is_read() -> None:
    for line in released():
        row = msgspec.json.decode(line.row, type=Recorded)
        if row.movements:
            assert line.tag in MOVING, f"{line.tag} moved money once: rows of it must be indexed"
            assert {side for move in row.movements for side in (move.debit, move.credit)} <= set(CHART)


@pytest.mark.parametrize("window", WINDOWS)
def test_any_windows_make_the_same_index_and_sums(
    database: Database, journal: Journal, index: PostingIndex, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shuffled(messages(3), 3)
    journal.append_many(told)
    monkeypatch.setattr(postings, "WINDOW", window)
    monkeypatch.setattr(balances, "SPANS", SPANS)
    while advance(journal, index):
        pass

    rows = _rows(journal)
    assert index.position() == len(rows)
    assert _legs(database) == Counter(
        leg for at, row in rows for entry in entries(row, at, None) for leg in map(_line, legs(entry, row))
    )
    random = Random(window)
    days = sorted(row.happened_at for _, row in rows)
    for _ in range(40):
        position, at = random.randint(0, len(rows)), random.choice(days)
        assert _asked(database, position, at) == held(rows, position, end_day(at))
    assert _asked(database, len(rows), days[-1], is_head=True) == held(rows, len(rows), end_day(days[-1]))


def test_every_entry_names_its_evidence(database: Database, journal: Journal, index: PostingIndex) -> None:
    journal.append_many(shuffled(messages(3), 3))
    while advance(journal, index):
        pass
    rows = dict(_rows(journal))

    with psycopg.connect(database.app_dsn) as connection:
        found = connection.execute(f"select position, evidence from views.{NAME}_entry").fetchall()
    assert found
    for position, evidence in found:
        assert rows[evidence].name == rows[position].cause


def test_who_is_overtaken_writes_nothing(database: Database, journal: Journal, index: PostingIndex) -> None:
    journal.append_many(shuffled(messages(3), 3))
    late = PostingIndex(database.app_dsn, NAME, SPANS)
    assert late.position() == 0
    while advance(journal, index):
        pass
    before = _legs(database)

    assert late.write(0, pages(journal.raw(0, 5_000, MOVING), {})) is False
    late.close()
    assert _legs(database) == before


def test_sums_are_of_one_book_or_of_all(journal: Journal, index: PostingIndex) -> None:
    row, other = _moved(), Book("acct_1", BOOK.livemode)
    journal.append([row])
    journal.append([replace(row, name=f"{row.name}_1", book=other)])
    while advance(journal, index):
        pass
    every = index.totals(2)
    own, others = index.totals(2, str(BOOK)), index.totals(2, str(other))
    assert own
    assert every == own | others
    assert {book for book, *_ in own} == {str(BOOK)}
    assert {book for book, *_ in others} == {str(other)}
    assert index.totals(1, str(other)) == {}


def test_what_is_closed_is_kept_with_its_position(index: PostingIndex) -> None:
    closing = postings.Closing(str(BOOK), 4, date(2026, 10, 31))
    index.position()
    assert index.closed() == {}
    assert index.write(0, Pages(5, [], [], [closing]))
    assert index.closed() == {str(BOOK): date(2026, 10, 31)}
    assert index.write(5, Pages(9, [], [], [replace(closing, position=7, through=None)]))
    assert index.closed() == {str(BOOK): None}


def test_blocks_hold_all_but_less_than_one_of_the_lowest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "SPANS", SPANS)
    for position in range(600):
        found = [
            n
            for level, first, end in blocks(position)
            for n in range(first * SPANS[level], end * SPANS[level])
        ]
        assert found == list(range(position // 8 * 8))
        assert all(end - first < 8 for level, first, end in blocks(position) if level < 2)


def _rows(journal: Journal) -> list[tuple[int, Recorded]]:
    return [(entry.position, entry.row) for entry in journal.read(0, 100_000) if entry.row is not None]


def _line(leg: postings.Leg) -> tuple[Any, ...]:
    return leg.book, leg.day, leg.position, leg.line, leg.account, leg.of, leg.currency, leg.amount


def _legs(database: Database) -> Counter[tuple[Any, ...]]:
    with psycopg.connect(database.app_dsn) as connection:
        return Counter(connection.execute(f"select * from views.{NAME}").fetchall())


def _asked(database: Database, position: int, at: Any, is_head: bool = False) -> Cells:
    query = by_account(Moment(str(BOOK), at, position), None, None, is_head)
    with psycopg.connect(database.app_dsn) as connection:
        rows = connection.execute(query.text.encode(), query.parameters).fetchall()
    return {(account, currency): (debit, credit) for account, currency, _, debit, credit in rows}
