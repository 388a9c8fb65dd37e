"""An export as a table (RFC 4180), a line for each side of a movement, for spreadsheets and for programs
that read entries by account, debit and credit. Only postings have a debit or credit: these can be summed."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date

from ledgerstone.adapters.exports.items import Entry, Head, Held, Item
from ledgerstone.adapters.exports.words import amount
from ledgerstone.ledger.accounts import CHART

COLUMNS = (
    "kind",
    "day",
    "position",
    "name",
    "fact",
    "evidence",
    "happened",
    "account",
    "bas",
    "subject",
    "currency",
    "debit",
    "credit",
    "balance",
)
DANGEROUS = re.compile(r"[=+\-@\t\r\n]")
"""What makes a spreadsheet read a text as a formula, at its beginning (OWASP, "CSV Injection")."""

Line = tuple[object, ...]


def write(head: Head, items: Iterable[Item]) -> Iterator[str]:
    """The file, an entry at a time: `opening` lines, then `posting`, and `balance` when months begin."""
    yield _lines([COLUMNS])
    yield _lines(_balances("opening", head.since, head.opening))
    for item in items:
        yield _lines(
            _postings(item) if isinstance(item, Entry) else _balances("balance", item.day, item.held)
        )


def _postings(entry: Entry) -> Iterator[Line]:
    said = (entry.day, entry.position, _text(entry.name), entry.fact, entry.evidence, entry.happened)
    for move in entry.movements:
        money, currency = amount(move.amount, move.currency), move.currency
        debit, credit = CHART[move.debit].bas, CHART[move.credit].bas
        yield "posting", *said, move.debit, debit, _text(move.debit_of), currency, money, "", ""
        yield "posting", *said, move.credit, credit, _text(move.credit_of), currency, "", money, ""


def _balances(kind: str, day: date, held: Held) -> Iterator[Line]:
    for (account, currency), minor in held.items():
        nowhere = ("", "", "", "", "")
        bas, balance = CHART[account].bas, amount(minor, currency)
        yield kind, day, *nowhere, account, bas, "", currency, "", "", balance


def _text(value: str) -> str:
    return f"'{value}" if DANGEROUS.match(value) else value


def _lines(lines: Iterable[Line]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue()
