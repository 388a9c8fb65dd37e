"""Closing a period: from what was told of invoices to what the close moves.

What all invoices came to by the end of a period, as it is known now, less what they came to by the end of the
last closed one as it was known when that was closed. So whatever is told late is caught up with in the first
open period, and once every period is closed the order of telling does not matter."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger import passing, revaluation, writeoffs
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.passing import Passed
from ledgerstone.ledger.periods import (
    Balance,
    Part,
    PeriodClosed,
    PeriodReopened,
    ends_at,
    in_force,
    last_day,
)
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recognition import Sale, Standing, standings
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.revaluation import Exchange
from ledgerstone.ledger.sales import HEARD as SOLD
from ledgerstone.ledger.sales import sales
from ledgerstone.ledger.sales_tax import Tax, divided
from ledgerstone.ledger.writeoffs import WriteOff

MOVED = ("earned", "returned", "lost", "freed", "taxed", "recovered", "relieved", "theirs", "shared")
"""What a close moves of a standing; each has its rule in the posting table."""
SINCE = ("recovered", "relieved", "theirs", "shared")
"""Of these, what the first closes did not move."""
WITH_COSTS = (
    ("doubtful", "bad_debt", "recovered"),
    ("unapplied_card", "passed_on", "theirs"),
    ("passed_on_costs", "passed_on", "shared"),
)
"""What is debited and credited by these, as in the posting table."""
HEARD: tuple[type[Fact], ...] = tuple(dict.fromkeys([*SOLD, *writeoffs.HEARD, *passing.HEARD]))
"""The facts that a close is made from; of the others it asks only what they moved."""


class Line(Struct, frozen=True, array_like=True, order=True, gc=False):
    """A line of a schedule: its place in its invoice, or -1, the rest of which nobody told the days; -2 what
    is of no line, tax of a `rate` by itself; -3 what was written off of the whole; -4 what of a payment, in
    the place of an invoice, was passed on; -5, of no invoice, what closes moved by other rules
    (`otherwise`)."""

    currency: str
    plan: str
    invoice: str
    place: int
    rate: str = ""


Rows = Sequence[tuple[int, Recorded]]
State = Mapping[Line, Standing]
"""What each line came to by the end of a day."""
Cells = Mapping[tuple[str, str], int]
"""A trial balance: by account and currency, debits above 0."""


class Told(Struct, frozen=True):
    """What rows tell of sales, of what was written off, and of what was passed on."""

    sales: tuple[Sale, ...] = ()
    offs: tuple[WriteOff, ...] = ()
    passed: tuple[Passed, ...] = ()


def told(rows: Iterable[Recorded]) -> Told:
    """What rows, in the order of the log, tell."""
    known = corrected(rows)
    sold = sales(known)
    return Told(tuple(sold.values()), tuple(writeoffs.written_off(known, sold)), tuple(passing.passed(known)))


def state(sales: Iterable[Sale], day: date) -> dict[Line, Standing]:
    """What the lines of all invoices came to by the end of a day."""
    return {
        Line(sale.issued.currency, plan, sale.issued.invoice, place, rate): standing
        for sale in sales
        for (plan, place), whole in standings(sale, day).items()
        for rate, standing in by_rate(sale.issued.tax, sale.issued.taxes, whole)
    }


def whole(told: Told, day: date) -> dict[Line, Standing]:
    """And what was written off, and passed on."""
    offs = {
        Line(each.currency, "", each.invoice, -3, rate): standing
        for each in told.offs
        for rate, standing in by_rate(each.tax, each.taxes, each.at(day), each.taxed(day))
    }
    passed = {Line(each.currency, "", each.payment, -4): each.at(day) for each in told.passed}
    return state(told.sales, day) | offs | passed


def by_rate(tax: int, taxes: Sequence[Tax], whole: Standing, back: int = 0) -> Iterator[tuple[str, Standing]]:
    """What is of no line, apart by the rates of the tax in it: each has its share of all that was given back
    so far, and what is not owed beside what was given `back`, so that all of an invoice has all of each."""
    if not taxes or not (whole.taxed or whole.relieved):
        yield "", whole
        return
    given = divided(whole.taxed, tax, taxes)
    before, after = divided(back, tax, taxes), divided(back + whole.relieved, tax, taxes)
    spared = [now.amount - held.amount for held, now in zip(before, after, strict=True)]
    yield "", replace(whole, taxed=given[0].amount, relieved=spared[0])
    for each, amount in zip(given[1:], spared[1:], strict=True):
        yield each.rate, Standing(taxed=each.amount, relieved=amount)


def parts(now: State, before: State, what: str) -> tuple[Part, ...]:
    """What is new of one of `MOVED`, by plan, currency and rate, in their order."""
    none = Standing()
    found: defaultdict[tuple[str, str, str], list[tuple[Line, int]]] = defaultdict(list)
    for line in sorted(now.keys() | before.keys()):
        amount = getattr(now.get(line, none), what) - getattr(before.get(line, none), what)
        if amount:
            found[line.plan, line.currency, line.rate].append((line, amount))
    return tuple(part(plan, currency, lines, rate) for (plan, currency, rate), lines in sorted(found.items()))


def part(plan: str, currency: str, lines: list[tuple[Line, int]], rate: str = "") -> Part:
    """Lines as one amount: `digest` is that of `[invoice, place, amount]` of each, as JSON."""
    said = [(line.invoice, line.place, amount) for line, amount in lines]
    digest = sha256(msgspec.json.encode(said)).hexdigest()
    return Part(plan, currency, sum(amount for _, amount in lines), len(lines), digest, rate)


def close(
    rows: Rows,
    period: str,
    held: Cells,
    known_at: int,
    actor: str,
    reason: str = "",
    exchange: Exchange | None = None,
) -> PeriodClosed:
    """The close of a period from the rows of a book up to `known_at`, in order, with their positions; `held`
    is the trial balance at the period's end without this close; `exchange` is what to value other currencies
    by, None: they are not valued. ValueError where it, or a later one, is closed, or a rate is missing."""
    closes = in_force([row.body for _, row in rows])
    check_open(closes, period)
    day = last_day(period)
    known = told(row for _, row in rows)
    now, before = whole(known, day), _left(rows, closes)
    new: dict[str, Any] = {what: parts(now, before, what) for what in MOVED}
    exchange = with_costs(exchange, known) if exchange else None
    new |= revaluation.moved(exchange, closes.values(), day)
    number = 1 + sum(isinstance(row.body, PeriodClosed) and row.body.period == period for _, row in rows)
    functional = exchange.functional if exchange else ""
    made: dict[str, Any] = {"period": period, "number": number, "actor": actor, "reason": reason}
    bare = PeriodClosed(known_at=known_at, functional=functional, **made, **new)
    balances = trial_balance(held, bare)
    return replace(bare, balances=balances, digest=digest_of(balances))


def check_open(closes: Mapping[str, PeriodClosed], period: str) -> None:
    """ValueError where a period, or a later one, is closed."""
    if closes and (last := max(closes)) >= period:
        raise ValueError(f"{last} is closed, and with it all before: reopen it to close {period} again")


def _left(rows: Rows, closes: Mapping[str, PeriodClosed]) -> State:
    """What the last close left: by what was known to it. Of `SINCE` it left what all closes in force say that
    they moved: the first knew of none of it, and what they did not move is not to be taken back."""
    if not closes:
        return {}
    last = closes[max(closes)]
    known = told(row for position, row in rows if position <= last.known_at)
    left = whole(known, last_day(last.period))
    return left | otherwise(left, closes.values())


def otherwise(left: State, closes: Iterable[PeriodClosed]) -> dict[Line, Standing]:
    """What closes moved of `SINCE` beyond what lines were left at, by plan, currency and rate."""
    found: defaultdict[Line, Counter[str]] = defaultdict(Counter)
    for close in closes:
        for what in SINCE:
            for each in getattr(close, what):
                found[Line(each.currency, each.plan, "", -5, each.rate)][what] += each.amount
    for line, stood in left.items():
        for what in SINCE:
            if amount := getattr(stood, what):
                found[replace(line, invoice="", place=-5)][what] -= amount
    return {line: Standing(**amounts) for line, amounts in found.items() if any(amounts.values())}


def with_costs(exchange: Exchange, told: Told) -> Exchange:
    """With what closes move of costs and of what is open, each on its own day: what was recovered is no cost
    any more, what was shared is one, and what was theirs is owed to nobody."""
    flows = {on: Counter(cells) for on, cells in exchange.flows.items()}
    moved: list[WriteOff | Passed] = [*told.offs, *told.passed]
    for each in moved:
        held = Standing()
        for on in each.days():
            now, cells = each.at(on), flows.setdefault(on, Counter())
            for debit, credit, what in WITH_COSTS:
                new = getattr(now, what) - getattr(held, what)
                cells[debit, each.currency] += new
                cells[credit, each.currency] -= new
            held = now
    return replace(exchange, flows=flows)


def changed(closed: PeriodClosed, held: Cells) -> Iterator[str]:
    """What is not as a close left it, where accounts hold so much at the end of its period."""
    left = {(each.account, each.currency): each.amount for each in closed.balances}
    for account, currency in sorted(left.keys() | held.keys()):
        was, now = left.get((account, currency), 0), held.get((account, currency), 0)
        if was != now:
            yield f"{account} held {was} {currency} when it was closed, and holds {now}"
    if digest_of(closed.balances) != closed.digest:
        yield "the digest of its trial balance is not that of its balances"


def digest_of(balances: Sequence[Balance]) -> str:
    """The SHA-256 of a trial balance as JSON, by which a change of a byte is found."""
    return sha256(msgspec.json.encode(balances)).hexdigest()


def trial_balance(held: Cells, fact: Fact) -> tuple[Balance, ...]:
    """What accounts hold after a fact, those that hold nothing left out."""
    found = Counter(held)
    for move in movements(fact):
        found[move.debit, move.currency] += move.amount
        found[move.credit, move.currency] -= move.amount
    cells = [Balance(account, currency, amount) for (account, currency), amount in sorted(found.items())]
    return tuple(cell for cell in cells if cell.amount)


def row(book: Book, fact: PeriodClosed | PeriodReopened) -> Recorded:
    """A close, or its taking back, as a row: in the last second of its period, in whose books it stands."""
    done = "closed" if isinstance(fact, PeriodClosed) else "reopened"
    name = f"period/{book}/{fact.period}/{done}/{fact.number}"
    return Recorded(name, book, ends_at(fact.period), fact, actor=fact.actor, movements=movements(fact))
