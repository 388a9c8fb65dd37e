"""The journal as design 8 has it: entries, statements of accounts and trial balances, from the movements that
stand in the rows of the log and nothing else. What is booked on a day stands there from its first instant."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.invoices import InvoiceOverpaid
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.recorded import Recorded
from tests.naive.told import TICK, Known, day, exclusive, first, next_month

Json = dict[str, Any]
DAY = timedelta(days=1)


class Leg(NamedTuple):
    """One side of a movement, and the other; `amount` is above 0 where it debits."""

    booked: datetime
    position: int
    line: int
    account: str
    of: str
    against: str
    against_of: str
    currency: str
    amount: int
    happened_at: datetime
    recorded_at: datetime
    row: Recorded


def entries(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/journal/entries`, those that were booked last first."""
    found: dict[tuple[datetime, int], list[Leg]] = {}
    for leg in _within(known, book, end, asked):
        found.setdefault((leg.booked, leg.position), []).append(leg)
    kept = [key for key, own in found.items() if any(_is_wanted(leg, asked) for leg in own)]
    return [_entry(known, found[key]) for key in sorted(kept, reverse=True)]


def _entry(known: Known, own: list[Leg]) -> Json:
    row, debits = own[0].row, sorted((leg for leg in own if leg.amount > 0), key=lambda leg: leg.line)
    return {
        "position": own[0].position,
        "name": row.name,
        "fact": tag(type(row.body)),
        "booked": f"{own[0].booked:%Y-%m-%d}",
        "happened_at": debits[-1].happened_at,
        "recorded_at": own[0].recorded_at,
        "evidence": _positions(known).get(row.cause),
        "lines": [
            {
                "debit": leg.account,
                "debit_of": leg.of,
                "credit": leg.against,
                "credit_of": leg.against_of,
                "amount": leg.amount,
                "currency": leg.currency,
            }
            for leg in debits
        ],
    }


def statement(known: Known, account: str, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/journal/accounts/{account}`: what each currency opens with, each line, how each closes."""
    asked = {**asked, "chart": account}
    own = [leg for leg in _within(known, book, end, {**asked, "from": "1970-01"}) if _is_wanted(leg, asked)]
    begin = first(asked.get("from", "1970-01"))
    held = Counter({leg.currency: 0 for leg in own})
    for leg in own:
        held[leg.currency] += leg.amount if leg.booked < begin else 0
    shown = [leg for leg in own if leg.booked >= begin]
    lines = [_line("opening", None, currency, 0, 0, held[currency]) for currency in sorted(held)]
    for leg in sorted(shown, key=lambda leg: (leg.booked, leg.position, leg.line)):
        held[leg.currency] += leg.amount
        lines.append(_line("line", leg, leg.currency, *_sides([leg]), held[leg.currency]))
    for currency in sorted(held):
        sides = _sides([leg for leg in shown if leg.currency == currency])
        lines.append(_line("closing", None, currency, *sides, held[currency]))
    return lines


def _line(kind: str, leg: Leg | None, currency: str, debit: int, credit: int, balance: int) -> Json:
    return {
        "kind": kind,
        "booked": leg and f"{leg.booked:%Y-%m-%d}",
        "position": leg and leg.position,
        "line": leg and leg.line,
        "name": leg and leg.row.name,
        "fact": leg and tag(type(leg.row.body)),
        "happened_at": leg and leg.happened_at,
        "recorded_at": leg and leg.recorded_at,
        "subject": leg and leg.of,
        "against": leg and leg.against,
        "against_of": leg and leg.against_of,
        "currency": currency,
        "debit": debit,
        "credit": credit,
        "balance": balance,
    }


def balances(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/journal/balances`."""
    begin = first(asked.get("from", "1970-01"))
    owners = _owners(known, book, _midnight(end)) if asked.get("group_by") == "tenant" else {}
    found: dict[tuple[str, str | None, str], list[Leg]] = {}
    for leg in legs(known, book):
        if leg.booked < end and asked.get("currency", leg.currency) == leg.currency:
            group = {"subject": leg.of, "tenant": owners.get(leg.of)}.get(asked.get("group_by", ""))
            if asked.get("chart", leg.account) == leg.account:
                found.setdefault((leg.account, group, leg.currency), []).append(leg)
    order = sorted(found, key=lambda key: (key[0], key[1] is not None, key[1] or "", key[2]))
    return [_balance(*key, found[key], begin) for key in order]


def _balance(account: str, group: str | None, currency: str, legs: list[Leg], begin: datetime) -> Json:
    about = CHART[account]
    debit, credit = _sides([leg for leg in legs if leg.booked >= begin])
    return {
        "account": account,
        "meaning": about.meaning,
        "bas": about.bas,
        "normal": about.normal,
        "group": group,
        "currency": currency,
        "opening": sum(leg.amount for leg in legs if leg.booked < begin),
        "debit": debit,
        "credit": credit,
        "balance": sum(leg.amount for leg in legs),
        "fx": 0,
    }


def refused(asked: Json, end: datetime) -> str | None:
    """The parameter that is wrong, of a question that has no answer."""
    if "from" in asked and first(asked["from"]) >= min(end, exclusive(asked["to"]) if "to" in asked else end):
        return "from"
    return "group_by" if asked.get("group_by") == "subject" and "chart" not in asked else None


def _owners(known: Known, book: str, end: datetime) -> dict[str, str | None]:
    """The tenant of everything that the views know a customer of; `end` is the midnight that ends a day."""
    invoices = {id: row.customer for id, row in known.then("invoices", book, end)}
    payments = {
        id: row.customer or invoices.get(row.invoice) for id, row in known.then("payments", book, end)
    }
    money = {
        row.id: payments.get(id) for id, row in known.rows("money", book) if row.at < end and row.id != id
    }
    customers = {id: id for id, _ in known.rows("customers", book)}
    whose = {**money, **payments, **invoices, **customers}
    return {of: customer and known.tenant(book, customer, end) for of, customer in whose.items()}


def _midnight(end: datetime) -> datetime:
    """The midnight that ends the last day of which anything is before an instant."""
    return day(end - TICK) + DAY


def _sides(legs: list[Leg]) -> tuple[int, int]:
    return sum(max(leg.amount, 0) for leg in legs), sum(max(-leg.amount, 0) for leg in legs)


def _is_wanted(leg: Leg, asked: Json) -> bool:
    said = {"chart": leg.account, "subject": leg.of, "currency": leg.currency}
    return all(asked.get(name, value) == value for name, value in said.items())


def _within(known: Known, book: str, end: datetime, asked: Json) -> list[Leg]:
    """The legs that are booked from `from` to the earlier of `to` and the end."""
    begin = first(asked.get("from", "1970-01"))
    until = min(end, exclusive(asked["to"])) if "to" in asked else end
    return [leg for leg in legs(known, book) if begin <= leg.booked < until]


def legs(known: Known, book: str) -> list[Leg]:
    """All legs of a book, each in the books of the day on which it stands."""
    found: list[Leg] = known.kept(("legs", book), lambda: list(_booked(known, book)))
    return found


def _booked(known: Known, book: str) -> Iterator[Leg]:
    """What happened stands on its day, and what happened in a closed month on the first open day."""
    closed: date | None = None
    for position, recorded_at, row in known.log:
        if str(row.book) != book:
            continue
        if isinstance(row.body, PeriodReopened):
            closed = row.body.through  # a reopening stands in what it opens
        for place, move in enumerate(row.movements):
            booked = _on(_taken_from(row, place), closed)
            when = _happened_at(row, place), recorded_at
            one, other = (move.debit, move.debit_of), (move.credit, move.credit_of)
            for side, ends, amount in ((0, (*one, *other), move.amount), (1, (*other, *one), -move.amount)):
                yield Leg(booked, position, 2 * place + side, *ends, move.currency, amount, *when, row)
        if isinstance(row.body, PeriodClosed):  # and a close in what it closes
            last = (next_month(first(row.body.period)) - DAY).date()
            closed = last if closed is None else max(last, closed)


def _on(happened_at: datetime, closed: date | None) -> datetime:
    booked = day(happened_at.astimezone(UTC))
    return booked if closed is None or booked.date() > closed else day(first(f"{closed}")) + DAY


def _happened_at(row: Recorded, place: int) -> datetime:
    """What a correction undoes happened when it was thought to have."""
    undone = isinstance(row.body, Superseded) and place < row.body.undone
    return row.body.was_at if undone and isinstance(row.body, Superseded) else row.happened_at


def _taken_from(row: Recorded, place: int) -> datetime:
    """When that happened from whose day a movement is taken: a sum that only grew was true until then."""
    if isinstance(row.body, Superseded) and isinstance(row.body.was, InvoiceOverpaid):
        was, now = row.body.was, row.body.now
        same = isinstance(now, InvoiceOverpaid) and (was.invoice, was.currency) == (now.invoice, now.currency)
        if same and isinstance(now, InvoiceOverpaid) and was.amount < now.amount:
            return row.happened_at
    return _happened_at(row, place)


def _positions(known: Known) -> dict[str | None, int]:
    found: dict[str | None, int] = known.kept("names", lambda: {row.name: at for at, _, row in known.log})
    return found
