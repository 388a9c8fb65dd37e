"""Differences of exchange: what was gained or lost because rates moved between booking, settling and closing?

Nothing is converted when it is posted: what comes in one currency for what was owed in another goes through
`fx_trading` both ways, a debit of the one and a credit of the other, so every posting balances in its own
currency. A close values the books in the functional currency. What is held and owed is worth what the rates
from before the day after the period say, whether it is settled or still open; what was earned and spent, and
the tax on it, keeps the worth of its day, by the rates from before that. The difference is what the rates
gained or lost. Unrealised is what is still open, at the worth that it has less that at which it is carried
(`carrying`); realised is all the rest, so both together are the difference to the minor unit.

Since each currency balances, that is what `fx_trading` is worth, on the other side, and what earning and
spending is worth on its days more than now. So the close moves two things: all that the rates gained or lost,
and from `fx_trading` to `fx_translation` the part of it that stands against income and costs. After that
`fx_trading` is worth nothing. Each month gained or lost in all; so the amounts are the same whichever months
are closed together, and each close moves only what is new: what was unrealised at the last close is taken
back, and what is now is booked.

Pure functions: rates and what was moved come in, amounts go out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import partial

from msgspec import Struct

from ledgerstone.ledger import carrying
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.carrying import Carried, after
from ledgerstone.ledger.fx import Published, before, exact
from ledgerstone.ledger.periods import Difference, PeriodClosed, days

TRADING = "fx_trading"
VALUED = (TRADING, "fx_translation")
"""What stands between currencies, and is nothing that anybody holds or owes."""
MOVED = ("fx_gained", "fx_lost", "fx_risen", "fx_fallen", "fx_kept")
"""What a close moves of it; each has its rule in the posting table."""
DAY = timedelta(days=1)

Cells = Mapping[tuple[str, str], int]
"""What was moved, by account and currency, debits above 0."""
Flows = Mapping[date, Cells]
"""What was moved on the day on which it happened, whenever it was told: without what closes moved."""
Carrying = dict[tuple[str, str], Carried]
"""What is open, by account and currency."""


class Exchange(Struct, frozen=True):
    """What a close values in the `functional` currency: what was moved of `fx_trading`, and in others of all
    accounts, by the tables that are known, in the order of their days. `credited` is what of that was
    credited, below 0, so that what came and what went on a day can be told apart; what a correction undoes is
    taken off the side on which it had stood, as if it had never been told."""

    functional: str
    tables: Sequence[Published]
    flows: Flows
    credited: Flows


class Valued(Struct, frozen=True):
    """What the rates came to by the end of a day, in minor units of the functional currency: `fx_gained` and
    `fx_lost` for good, by months; `fx_risen`, or else `fx_fallen`, of what is still open, in all; and
    `fx_kept`, what earning and spending was worth on its days less what it is worth now: debits above 0, so
    above 0 where its currencies have risen."""

    fx_gained: int = 0
    fx_lost: int = 0
    fx_risen: int = 0
    fx_fallen: int = 0
    fx_kept: int = 0


class RateMissing(ValueError):
    """A rate is not known without which a period cannot be closed; the message says what to do."""


def keeps_its_day(account: str) -> bool:
    """Whether what an account holds in another currency keeps the worth of its day: income and costs, what is
    not earned yet (no money is owed for it, but a service), and tax, declared by the rate of its day."""
    bas = CHART[account].bas
    return bas >= 3000 or 2600 <= bas < 2700 or account == "deferred_revenue"


def is_open(account: str) -> bool:
    """Whether what an account holds in another currency is money that is held or owed: it is worth what the
    rates say now, and carried at what it came in at."""
    return not keeps_its_day(account) and account not in VALUED


def asked(account: str, currency: str, functional: str) -> bool:
    """Whether an account's flows in a currency are needed: what is in the functional one gains nothing."""
    return currency != functional or account == TRADING


def valued(exchange: Exchange, day: date) -> Valued:
    """What the rates came to by the end of a day, which ends a month. Raises RateMissing."""
    traded: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    carried: Carrying = {}
    on_its_day = Fraction(0)
    gained = lost = held = left = unrealised = 0
    for end, moved in _by_month(exchange.flows, day):
        for on, cells in moved:
            for currency, amount in _of(cells, keeps_its_day).items():
                kept[currency] += amount
                on_its_day += _worth({currency: amount}, exchange, on)
            traded.update(_of(cells, TRADING.__eq__))
            _carry(carried, cells, exchange, on)
        stands = on_its_day - _worth(kept, exchange, end + DAY)
        unrealised = _unrealised(carried, exchange, end + DAY)
        now = round(stands - _worth(traded, exchange, end + DAY)) - unrealised
        gained, lost = gained + max(now - held, 0), lost + max(held - now, 0)
        held, left = now, round(stands)
    return Valued(gained, lost, max(unrealised, 0), max(-unrealised, 0), left)


def moved(
    exchange: Exchange | None, closes: Iterable[PeriodClosed], day: date
) -> dict[str, tuple[Difference, ...]]:
    """What a close of the days up to one moves, by `MOVED`: what the rates came to less what the closes in
    force have moved. In another functional currency than theirs it moves all of theirs back; in none,
    nothing. Raises RateMissing."""
    if exchange is None:
        return {}
    found = valued(exchange, day)
    new = {what: Counter({exchange.functional: getattr(found, what)}) for what in MOVED}
    for close in closes:
        for what in MOVED:
            for each in getattr(close, what):
                new[what][each.currency] -= each.amount
    return {
        what: tuple(Difference(currency, amount) for currency, amount in sorted(amounts.items()) if amount)
        for what, amounts in new.items()
    }


def _carry(carried: Carrying, cells: Cells, exchange: Exchange, on: date) -> None:
    """Take in a day's flows of what is open."""
    credited, none = exchange.credited.get(on, {}), Carried()
    sides: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for (account, currency), amount in cells.items():
        if currency != exchange.functional and is_open(account):
            side, whose = sides[carrying.WITH.get(account, account), currency], account in carrying.WITH
            credits = amount if whose else credited.get((account, currency), 0)
            side[0] += amount - credits
            side[1] += credits
    for cell, (debits, credits) in sides.items():
        by = partial(_on_its_day, exchange, on, cell[1])
        carried[cell] = after(carried.get(cell, none), debits, credits, by)


def _on_its_day(exchange: Exchange, on: date, currency: str, amount: int) -> int:
    return round(_worth({currency: amount}, exchange, on))


def _unrealised(carried: Carrying, exchange: Exchange, on: date) -> int:
    """What is open by the rates from before a day, less what it is carried at."""
    amounts: Counter[str] = Counter()
    for (_, currency), held in carried.items():
        amounts[currency] += held.amount
    return round(_worth(amounts, exchange, on)) - sum(held.worth for held in carried.values())


def _by_month(flows: Flows, day: date) -> Iterator[tuple[date, list[tuple[date, Cells]]]]:
    """The last day of each month from the first in which something was moved, with what was moved in it."""
    months: defaultdict[date, list[tuple[date, Cells]]] = defaultdict(list)
    for on, cells in sorted(flows.items(), key=lambda flow: flow[0]):
        if on <= day:
            months[_last_day(on)].append((on, cells))
    end = min(months, default=None)
    while end is not None and end <= day:
        yield end, months[end]
        end = _last_day(end + DAY)


def _last_day(on: date) -> date:
    return days(f"{on:%Y-%m}")[1] - DAY


def _of(cells: Cells, account: object) -> Counter[str]:
    found: Counter[str] = Counter()
    for (name, currency), amount in cells.items():
        if account(name):  # type: ignore[operator]
            found[currency] += amount
    return found


def _worth(amounts: Mapping[str, int], exchange: Exchange, on: date) -> Fraction:
    """Amounts by the rates from before a day, not rounded."""
    table, total = before(exchange.tables, on), Fraction(0)
    for currency, amount in sorted(amounts.items()):
        worth = exact(amount, currency, exchange.functional, table)
        if worth is None:
            raise RateMissing(_missing(currency, exchange.functional, on, table))
        total += worth
    return total


def _missing(currency: str, functional: str, on: date, table: Published | None) -> str:
    there = f"that of {table.day} has none" if table else "there is no table of the week before it"
    return (
        f"no rate from {currency} to {functional} is known from before {on} ({there}), and a close needs it:"
        " import the rates, with `ledgerstone import fx --seed` or with the European Central Bank's file"
        " (`ledgerstone import fx eurofxref-hist.xml`), and close again"
    )
