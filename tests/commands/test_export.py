"""Exports are read by programs that others wrote, and their balances are ours: every account, in every
currency, on several days, to the minor unit."""

import csv
import io
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from ledgerstone.adapters.exports.words import amount
from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.bootstrap import journal_of
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.payments import PaymentReceived
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.transfers import Share, TransferAssigned, TransferIgnored, TransferReceived
from ledgerstone.projections.closes import close_in
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.reads.asked import Moment
from ledgerstone.projections.reads.balances import by_account
from tests.databases import another
from tests.examples import BOOK
from tests.exchanged import INVOICE, TABLES, at, issued, settled
from tests.outside import PROGRAMS, Held
from tests.sie_reader import Sie, faults, read
from tests.test_cli import Shell
from tests.worlds import messages, shuffled

UNTIL = "2026-11"
ENDS = [date(2026, 7, 1), date(2026, 8, 17), date(2026, 11, 1), date(2026, 12, 1)]
"""Days before which everything counts: the first of months, one within a month, and the end."""
TRICKY = 'bank/SE1/2026-08-09/ref "A;B", date:x [2026-13-45] | 100 %\\'


def recorded(name: str, day: date, fact: AnyFact, book: Book = BOOK) -> Recorded:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Recorded(name, book, at, fact, movements=movements(fact))


def transfers() -> Iterator[Recorded]:
    """Money on bank accounts in five currencies, of none, two and three decimals, and what it was for."""
    for n, currency in enumerate(["sek", "eur", "jpy", "kwd", "usd"] * 6):
        day, of = date(2026, 5, 27) + timedelta(days=5 * n), f"tr_{n}"
        received = partial(TransferReceived, transfer=of, account="SE1", currency=currency)
        yield recorded(f"bank/SE1/{day}/{n}", day, received(amount=100_001 + n))
        if n % 3 == 0:
            ignored = TransferIgnored(transfer=of, amount=100_001 + n, currency=currency, reason="interest")
            yield recorded(f"transfer/{of}/ignored", day, ignored)
        else:
            shares = (Share(f"in_{n}", 90_000), Share(f"in_{n}_b", 9_999))
            assigned = TransferAssigned(
                transfer=of, currency=currency, invoices=shares, customer="cus_1", to_credit=n, fee=2
            )
            yield recorded(f"transfer/{of}/assigned/1", day, assigned)
        exchanged = BalanceTransactionSeen(
            transaction=f"txn_{n}",
            source=f"ch_{n}",
            kind="charge",
            currency="sek",
            net=57_000 + n - 1_471,
            exchanged=57_000 + n,
            presented=5_000 + 3 * n,
            presented_currency=currency if currency != "sek" else "eur",
            fee=1_471,
        )
        yield recorded(f"balance-transaction/txn_{n}", day, exchanged)


def corrected() -> list[Recorded]:
    """A payment that was told with another amount and on another day than it is now known to have."""
    told = PaymentReceived(charge="ch_x", payment="pi_x", amount=5_000, currency="eur")
    first = recorded("charge/ch_x/captured", date(2026, 7, 30), told)
    less = PaymentReceived(charge="ch_x", payment="pi_x", amount=4_300, currency="eur")
    return [first, superseding(first, recorded(first.name, date(2026, 8, 2), less), 1)]


@pytest.fixture(scope="module")
def books(server: EmbeddedServer, template: str) -> Shell:
    """Transfers, other currencies, a correction, a connected account; and a generated business, shuffled."""
    database = another(server, template, "exported_books")
    tricky = TransferReceived(transfer="tr_x", account='"SE", 1', amount=777, currency="sek")
    others = recorded("bank/SE9/1", date(2026, 8, 9), tricky, Book("acct_other"))
    rows = [*transfers(), *corrected(), recorded(TRICKY, date(2026, 8, 9), tricky), others]
    with journal_of(database) as journal:
        journal.append_many([*((row,) for row in rows), *shuffled(messages(3), 3)])
    return Shell(database)


def exported(books: Shell, file: Path, format: str, *asked: str) -> Result:
    result = books("export", format, "--to", UNTIL, "--out", str(file), *asked)
    assert result.exit_code == 0, result.output
    return result


def ours(database: Database, day: date, position: int | None = None, book: Book = BOOK) -> Held:
    """Our trial balance when a day begins, as known at a position."""
    with psycopg.connect(database.app_dsn) as connection:
        if position is None:
            query = "select max(notification_id) from stored_events"
            ((position,),) = connection.execute(query).fetchall()
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        asked = by_account(Moment(str(book), at, position), None, None, False)
        rows = connection.execute(asked.text.encode(), asked.parameters).fetchall()
    return {(account, currency): d - c for account, currency, _, d, c in rows if d != c}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("asked", [(), ("--from", "2026-07"), ("--known-at", "300"), ("--currency", "jpy")])
def test_others_find_our_balances(books: Shell, tmp_path: Path, program: str, asked: tuple[str, ...]) -> None:
    outside, file = PROGRAMS[program], tmp_path / "books"
    outside.needed()
    exported(books, file, outside.format, *asked)

    checked = outside.check(file)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    for day in ENDS[1:] if "--from" in asked else ENDS:
        held = ours(books.database, day, 300 if "--known-at" in asked else None)
        if "--currency" in asked:
            held = {cell: minor for cell, minor in held.items() if cell[1] == "jpy"}
        assert outside.held(file, day) == held
        assert held
    if not asked:
        assert {currency for _, currency in held} >= {"sek", "eur", "jpy", "kwd", "usd"}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("currency", ["sek", "jpy", "kwd"])
def test_one_minor_unit_is_seen(books: Shell, tmp_path: Path, program: str, currency: str) -> None:
    """In one side of an entry; in both, so that it balances; and in what is asserted."""
    outside, file = PROGRAMS[program], tmp_path / "books"
    outside.needed()
    exported(books, file, outside.format)
    content = file.read_text()
    was = re.search(rf"^ +Assets:Bank  (\S+) {currency.upper()}", content, re.MULTILINE)
    assert was
    more = amount(round(Decimal(was[1]).scaleb(_places(was[1]))) + 1, currency)
    spoilt = content.replace(f"Assets:Bank  {was[1]} ", f"Assets:Bank  {more} ", 1)
    against = "Liabilities:Unapplied-Bank  -"
    both = spoilt.replace(f"{against}{was[1]} ", f"{against}{more} ", 1)
    asserted = _last_assertion_moved(content, currency)

    assert len({content, spoilt, both, asserted}) == 4
    for wrong in (spoilt, both, asserted):
        file.write_text(wrong)
        assert outside.check(file).returncode != 0
    file.write_text(content)
    assert outside.check(file).returncode == 0


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _last_assertion_moved(content: str, currency: str) -> str:
    code = currency.upper()
    pattern = rf"(balance Assets:Bank  |Assets:Bank  0[.0]* {code} = )(\S+)( ~ 0 {code}| {code}\n)"
    *_, last = re.finditer(pattern, content)
    more = amount(round(Decimal(last[2]).scaleb(_places(last[2]))) + 1, currency)
    return content[: last.start(2)] + more + content[last.end(2) :]


@pytest.mark.parametrize("format", ["beancount", "hledger", "csv"])
def test_an_old_known_at_gives_what_was_known(books: Shell, tmp_path: Path, format: str) -> None:
    head = exported(books, tmp_path / "now", format)
    exported(books, tmp_path / "then", format, "--known-at", "300")
    positions = {int(found) for found in re.findall(r"position: (\d+)", (tmp_path / "then").read_text())}

    again = exported(books, tmp_path / "again", format, "--known-at", "300")
    assert "as known at position 300" in again.stderr
    assert (tmp_path / "then").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "then").stat().st_size < (tmp_path / "now").stat().st_size
    assert "entries, as known at position" in head.stderr
    if format != "csv":
        assert positions
        assert max(positions) <= 300


@pytest.mark.parametrize("format", ["beancount", "hledger"])
def test_every_row_that_moved_money_is_an_entry_with_its_evidence(
    books: Shell, tmp_path: Path, format: str
) -> None:
    exported(books, tmp_path / "books", format)
    content = (tmp_path / "books").read_text()
    with journal_of(books.database) as journal:
        rows = {entry.position: entry.row for entry in journal.read(0, 100_000) if entry.row}
    moved = Counter(at for at, row in rows.items() if row.movements and row.book == BOOK)
    twice = next(at for at, row in rows.items() if "/corrected/" in row.name)
    moved[twice] += 1

    assert Counter(map(int, re.findall(r"\bposition: (\d+)", content))) == moved
    told = re.findall(r"position: (\d+)\n.*evidence: (\d+)", content)
    names = {int(position): rows[int(evidence)].name for position, evidence in told}
    assert names == {at: rows[at].cause for at in moved if rows[at].cause}
    assert names
    days = re.findall(r"^(\d{4}-\d\d-\d\d)(?: balance| \*)", content, re.MULTILINE)
    assert days == sorted(days)


@pytest.mark.parametrize("format", ["beancount", "hledger"])
def test_a_connected_account_has_books_of_its_own(books: Shell, tmp_path: Path, format: str) -> None:
    result = exported(books, tmp_path / "books", format, "--account", "acct_other")

    assert result.stderr.startswith("1 entries")
    assert "bank/SE9/1" in (tmp_path / "books").read_text()
    nothing = exported(books, tmp_path / "none", format, "--account", "acct_unknown")
    assert nothing.stderr.startswith("0 entries")


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_was_told_after_a_close_names_its_own_day(
    database: Database, tmp_path: Path, program: str
) -> None:
    outside, file, shell = PROGRAMS[program], tmp_path / "books", Shell(database)
    outside.needed()
    told = [row for row in transfers() if "/2026-06-" in row.name]
    with journal_of(database) as journal:
        journal.append_many((row,) for row in told[:2])
        closed = shell("period", "close", "2026-06", "--actor", "ann", "--reason", "the month is over")
        assert closed.exit_code == 0, closed.output
        journal.append_many((row,) for row in told[2:])
    exported(shell, file, outside.format)

    late = re.findall(r"2026-07-01 \*.*\n.*position: \d+\n.*happened: (\S+)", file.read_text())
    assert late == [str(row.happened_at.date()) for row in told[2:]]
    checked = outside.check(file)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    for day in (date(2026, 7, 1), date(2026, 8, 1)):
        assert outside.held(file, day) == ours(database, day) != {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_closes_moved_by_rates_is_in_the_books_of_others(
    database: Database, tmp_path: Path, program: str
) -> None:
    outside, file, shell = PROGRAMS[program], tmp_path / "books", Shell(database)
    outside.needed()
    _valued(shell)
    exported(shell, file, outside.format)

    checked = outside.check(file)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    for day, risen in ((date(2026, 11, 1), -2_50), (date(2026, 12, 1), -7_50)):
        held = ours(database, day)
        assert outside.held(file, day) == held
        assert (held["fx_gain", "sek"], held["fx_unrealised_gain", "sek"]) == (-10_00, risen)
    assert held["fx_translation", "sek"] == 37_50


def test_what_closes_moved_by_rates_is_in_a_sie_file_and_a_table(database: Database, tmp_path: Path) -> None:
    shell = Shell(database)
    _valued(shell)
    found = sie(shell, tmp_path / "books.se", "--currency", "sek")
    assert faults(found) == []
    assert (found.results["3960"], found.results["3969"]) == (Decimal("-10.00"), Decimal("-7.50"))
    assert (found.closing["1690"], found.closing["1691"]) == (Decimal("-1150.00"), Decimal("37.50"))
    exported(shell, tmp_path / "books.csv", "csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "books.csv").read_text())))
    debits, credits = (
        sum(Decimal(row[side] or 0) for row in rows if row["account"] == "fx_trading")
        for side in ("debit", "credit")
    )
    assert debits - credits == Decimal("100.00") - Decimal("1150.00"), "euro and kronor"


def _valued(shell: Shell) -> None:
    """An invoice of 100.00 EUR, settled by 1,130.00 SEK, and one of 50.00 that stays open; two months are
    closed."""
    told = settled("in_1", at("2026-10-22"), 100_00, "eur", 1_130_00, "sek")
    told.append(issued("in_2", at("2026-10-23"), 50_00))
    with journal_of(shell.database) as journal:
        journal.append_many((row,) for row in [*TABLES, INVOICE, *told])
        index = PostingIndex(shell.database.app_dsn, NAME, SPANS)
        for month in ("2026-10", "2026-11"):
            close_in(journal, BOOK, month, "ann", "", index, "sek")
        index.close()


def test_a_table_has_both_sides_of_each_movement_and_what_was_held(books: Shell, tmp_path: Path) -> None:
    exported(books, tmp_path / "books", "csv", "--from", "2026-07")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "books").read_text())))
    held: Counter[tuple[str, str]] = Counter()
    for row in rows:
        cell, bas = (row["account"], row["currency"]), CHART[row["account"]].bas
        assert row["bas"] == str(bas)
        if row["kind"] == "opening":
            held[cell] = _minor(row["balance"])
        elif row["kind"] == "posting":
            held[cell] += _minor(row["debit"] or "0") - _minor(row["credit"] or "0")
        else:
            assert held[cell] == _minor(row["balance"])
    assert {cell: minor for cell, minor in held.items() if minor} == ours(books.database, ENDS[-1])
    assert {row["kind"] for row in rows} == {"opening", "posting", "balance"}


def _minor(text: str) -> int:
    return int(Decimal(text).scaleb(_places(text)))


def sie(books: Shell, file: Path, *asked: str) -> Sie:
    exported(books, file, "sie4", *asked)
    return read(file.read_bytes())


@pytest.mark.parametrize("currency", ["sek", "eur", "jpy"])
@pytest.mark.parametrize("asked", [(), ("--from", "2026-07"), ("--known-at", "300")])
def test_a_sie_file_keeps_its_rules(
    books: Shell, tmp_path: Path, currency: str, asked: tuple[str, ...]
) -> None:
    found = sie(books, tmp_path / "books.se", "--currency", currency, *asked)
    position = 300 if "--known-at" in asked else None
    opening = ours(books.database, date(2026, 7, 1), position) if "--from" in asked else {}
    closing = ours(books.database, ENDS[-1], position)

    assert faults(found) == []
    assert found.values["#VALUTA"] == [currency.upper()]
    for account, known in CHART.items():
        bas, cell = str(known.bas), (account, currency)
        told = found.results if known.bas >= 3000 else found.closing
        held = closing.get(cell, 0) - (opening.get(cell, 0) if known.bas >= 3000 else 0)
        assert told.get(bas, 0) == Decimal(amount(held, currency))
    assert found.vouchers


def test_a_sie_file_that_is_spoilt_is_seen(books: Shell, tmp_path: Path) -> None:
    sie(books, tmp_path / "books.se", "--currency", "sek", "--from", "2026-07")
    content = (tmp_path / "books.se").read_bytes()

    for pattern in (rb"#TRANS 1930 {} (\d+)", rb"#UB 0 1930 (\d+)", rb"#IB 0 1580 (\d+)"):
        was = re.search(pattern, content)
        assert was
        wrong = content[: was.start(1)] + str(int(was[1]) + 1).encode() + content[was.end(1) :]
        assert faults(read(wrong))
    assert faults(read(content.replace(b"#KONTO 1930", b"#KONTO 1931").replace(b"#KTYP 1930", b"#KTYP 1931")))


def test_a_sie_file_is_of_one_currency(books: Shell, tmp_path: Path) -> None:
    several = books("export", "sie4", "--to", UNTIL, "--out", tmp_path / "x")
    assert several.exit_code == 1
    assert "these books have eur, jpy, kwd, sek, usd" in several.output
    unknown = books("export", "sie4", "--to", UNTIL, "--currency", "nok", "--out", tmp_path / "x")
    assert "Nothing is booked in nok" in unknown.output
    finer = books("export", "sie4", "--to", UNTIL, "--currency", "kwd", "--out", tmp_path / "x")
    assert "Amounts in kwd have 3 decimals, and sie4 knows 2" in finer.output
    assert not list(tmp_path.iterdir())
    company = ("--account", "acct_other", "--company", "Ålands Öl & Ångbåt €")
    found = sie(books, tmp_path / "one", *company)
    assert found.values["#FNAMN"] == ["Ålands Öl & Ångbåt ?"]
    assert b"\x8flands" in (tmp_path / "one").read_bytes()
    assert faults(found) == []


def test_standard_output_has_the_same_bytes(books: Shell, tmp_path: Path) -> None:
    exported(books, tmp_path / "books", "beancount")

    assert books("export", "beancount", "--to", UNTIL).stdout_bytes == (tmp_path / "books").read_bytes()


def test_a_file_that_cannot_be_written_is_said_and_a_pipe_is_written_as_it_is(
    books: Shell, tmp_path: Path
) -> None:
    nowhere = books("export", "csv", "--out", tmp_path / "missing" / "x")
    assert nowhere.exit_code == 1
    assert "missing/x is not written: No such file or directory" in nowhere.output
    exported(books, tmp_path / "books", "csv")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        try:
            exported(books, tmp_path / "pipe", "csv")
            assert reader.communicate(timeout=60)[0] == (tmp_path / "books").read_bytes()
        finally:
            reader.kill()


def test_what_cannot_be_asked_is_refused_and_leaves_no_file(books: Shell, tmp_path: Path) -> None:
    for asked in (("--from", "2026-12", "--to", "2026-11"), ("--to", "soon"), ("--known-at", "never")):
        result = books("export", "csv", *asked, "--out", tmp_path / "x")
        assert result.exit_code == 1
        assert "Error: " in result.output
    assert not list(tmp_path.iterdir())


def test_an_empty_log_is_an_empty_export(database: Database, tmp_path: Path) -> None:
    for format in ("beancount", "hledger", "sie4", "csv"):
        assert exported(Shell(database), tmp_path / format, format).stderr.startswith("0 entries")
