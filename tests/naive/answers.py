"""What the naive model answers to a question."""

from datetime import datetime
from typing import Any

from ledgerstone.ledger.accounts import CHART
from tests.naive import books, exchange, explained, headline, lists, schedules, tables
from tests.naive.lists import Nothing
from tests.naive.questions import (
    BALANCES,
    ENTRIES,
    EXPLAIN,
    PERIODS,
    RATES,
    SCHEDULES,
    STATEMENT,
    Question,
)
from tests.naive.told import Known

Json = dict[str, Any]
REPORTING = "sek"
"""The currency that is configured."""
TABLES = {
    "/sys/billing/mrr": tables.mrr,
    "/sys/billing/mrr/movements": tables.movements,
    "/api/mrr": tables.months,
    "/sys/billing/revenue": headline.revenue,
    BALANCES: books.balances,
    RATES: exchange.published,
}


def refused(question: Question, end: datetime) -> str | None:
    """The parameter because of which a question has no answer."""
    match question.path.split("/"):
        case ["", "sys", "journal", "accounts", account] if account not in CHART:
            return None  # what is not there cannot be asked for wrongly
        case ["", "sys", "journal", *_]:
            return books.refused(question.filters, end)
        case ["", "sys", "fx", _]:
            return exchange.refused(question.filters, end)
        case ["", "audit", "explain", view, *_] if view in explained.COLUMNS and "column" in question.filters:
            return None if question.filters["column"] in explained.COLUMNS[view] else "column"
    return tables.refused(question.filters, end) if question.path in TABLES else None


def answer(question: Question, known: Known, book: str, end: datetime) -> list[Json]:
    """All rows of a table or a list. Raises Nothing where there is no such thing."""
    asked = question.filters
    if asked.get("convert_to") == "reporting":
        asked = {**asked, "convert_to": REPORTING}
    if question.path in TABLES:
        return TABLES[question.path](known, book, end, asked)
    if question.path == ENTRIES:
        return books.entries(known, book, end, asked)
    if question.path.startswith(STATEMENT):
        account = question.path.removeprefix(STATEMENT)
        if account not in CHART:
            raise Nothing
        return books.statement(known, account, book, end, asked)
    if question.path == SCHEDULES:
        return schedules.listed(known, book, end, asked)
    if question.path.startswith(PERIODS):
        return schedules.of_close(known, book, end, question.path.split("/")[3], asked)
    if question.path.startswith(EXPLAIN):
        view, _, key = question.path.removeprefix(EXPLAIN).partition("/")
        if view not in explained.BY_NAME:
            raise Nothing
        until = end if "as_of" in question.when else None
        return explained.explained(known, view, key, book, until, asked.get("column"))
    return lists.listed(known, question.path, book, end, asked)
