"""The journal: trial balances, and what entries and statements cannot answer."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ledgerstone.http.errors import Problem, refused
from ledgerstone.http.parameters import Balances, exclusive_end, first_instant
from ledgerstone.http.questions import Asked, Found, InFile, Question
from ledgerstone.http.reads.converting import CONVERTED, code, missing
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.growth import midnight
from ledgerstone.projections.postings import NAME
from ledgerstone.projections.reads import balances as read
from ledgerstone.projections.reads import rates, tenants, valued
from ledgerstone.projections.reads.converted import Conversion
from ledgerstone.projections.reads.journal import EntryLine, flat


def in_order(question: Question, at: datetime) -> None:
    """Raises a Problem where `from` is not before the end."""
    _check(question.query, at)


def of_the_chart(question: Question, at: datetime) -> None:
    """And where the path names no account of the chart (404)."""
    if (account := question.path["account"]) not in CHART:
        raise Problem(404, f"There is no account {account!r} in the chart. Its accounts: {', '.join(CHART)}.")
    _check(question.query, at)


ENTRIES: dict[str, Any] = {"fresh": True, "file": InFile(EntryLine, flat), "refuse": in_order}
STATED: dict[str, Any] = {"fresh": True, "refuse": of_the_chart}
PARTED: dict[str, Any] = {"fresh": True, "grouped": {"tenant": tenants.VIEWS}}
"""How these differ from other reads; an answer from an index is worked out for each who asks."""


async def balances(asked: Asked) -> Found:
    """The trial balance: what each account of the chart holds in each currency, and what moved it since
    `from`. `group_by=tenant` parts it by whose money it is, as far as the books tell; `group_by=subject`
    parts one account, named by `chart`, by invoice, payment, and whatever else postings name. `convert_to`
    gives one line for all currencies of an account, and a whole trial balance one more, which adds it up."""
    query: Balances = asked.query
    _check(query, asked.moment.at)
    since = read.end_day(first_instant("from", query.from_)) if query.from_ else None
    if query.group_by == "tenant":
        await asked.snapshot.fetch(tenants.WHOLE)
        parted = await asked.snapshot.fetch(tenants.by_tenant(asked.moment, since, query.chart))
        rows = [tenants.balance(row) for row in parted]
    elif query.group_by == "subject":
        rows = await _by_subject(asked, query)
    else:
        found = read.by_account(asked.moment, since, query.chart, asked.is_head(NAME))
        rows = [read.balance(row) for row in await asked.snapshot.fetch(found)]
    shown = [row for row in rows if query.currency in (None, row.currency)]
    return Found(shown) if query.convert_to is None else await _converted(asked, shown, since)


async def _converted(asked: Asked, rows: Sequence[read.Balance], since: date | None) -> Found:
    at, start = asked.moment.at, midnight(since) if since else None
    tables = rates.tables(await asked.snapshot.fetch(rates.needed(asked.moment, start or at, at)))
    by = Conversion(code(asked), tables)
    found = valued.valued(rows, by, start, at, whole=asked.query.chart is None)
    incomplete = sum(row.fx is None for row in found)
    return Found(found, incomplete, (CONVERTED, *missing(valued.unknown(rows, by, start, at))))


async def _by_subject(asked: Asked, query: Balances) -> list[read.Balance]:
    if query.chart is None:
        raise refused("group_by", "`group_by=subject` is of one account: name it by `chart`.")
    since = read.end_day(first_instant("from", query.from_)) if query.from_ else None
    found = await asked.snapshot.fetch(read.by_subject(asked.moment, since, query.chart))
    return [read.balance_of(query.chart, row) for row in found]


def _check(query: Any, at: datetime) -> None:
    if not query.from_:
        return
    since, to = first_instant("from", query.from_), getattr(query, "to", None)
    until = min(exclusive_end("to", to), at) if to else at
    if since >= until:
        when = f"{since:%Y-%m-%d %H:%M:%S}"
        raise refused("from", f"`from` ({when}) is not before the end ({until:%Y-%m-%d %H:%M:%S}).")
