"""A log of one book in memory, whose months are closed: what the properties of closes are held against."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction

from msgspec.structs import replace

from ledgerstone.ledger.closing import SINCE, close, digest_of, row, told, trial_balance, with_costs
from ledgerstone.ledger.fx import FxRatePublished, Published, before, exact
from ledgerstone.ledger.periods import (
    Difference,
    PeriodClosed,
    PeriodReopened,
    closed_through,
    in_force,
    last_day,
    reopened,
)
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.revaluation import TRADING, Exchange, keeps_its_day
from ledgerstone.projections.postings import Leg, entries, is_credit, legs

MONTHS = [f"2026-{month:02}" for month in range(1, 13)] + [f"2027-{month:02}" for month in range(1, 13)]


class Log:
    """Rows of one book, and the legs that they have in it. Closes value other currencies in the `functional`
    one, if there is one."""

    def __init__(self, rows: Iterable[Recorded] = (), functional: str | None = None) -> None:
        self.rows: list[Recorded] = []
        self.legs: list[Leg] = []
        self.through: date | None = None
        self.functional = functional
        self.tell(*rows)

    def tell(self, *rows: Recorded) -> None:
        for each in rows:
            self.rows.append(each)
            for entry in entries(each, len(self.rows), self.through):
                self.legs.extend(legs(entry, each))
            self.through = closed_through(self.through, each.body)

    def held(self, day: date) -> Counter[tuple[str, str]]:
        """What accounts hold at the end of a day."""
        found: Counter[tuple[str, str]] = Counter()
        for leg in self.legs:
            if leg.day <= day:
                found[leg.account, leg.currency] += leg.amount
        return found

    def close(self, *periods: str) -> None:
        for period in periods:
            self.tell(row(Book(), self._close(period)))

    def close_as_at_first(self, *periods: str) -> None:
        """As closes did that knew nothing of what was written off or passed on."""
        for period in periods:
            self._tell_close(replace(self._close(period), **dict.fromkeys(SINCE, ())))

    def close_as_one(self, *periods: str) -> None:
        """As closes did that booked what is unrealised with what is realised."""
        for period in periods:
            made, before = self._close(period), in_force([each.body for each in self.rows]).values()
            assert self.functional
            sides = as_one(self.exchange(self.functional), last_day(period))
            one = {
                what: (Difference(self.functional, amount - moved_of(what, before)),)
                for what, amount in zip(("fx_gained", "fx_lost"), sides, strict=True)
            }
            self._tell_close(replace(made, **one, fx_risen=(), fx_fallen=()))

    def _tell_close(self, bare: PeriodClosed) -> None:
        balances = trial_balance(self.held(last_day(bare.period)), bare)
        self.tell(row(Book(), replace(bare, balances=balances, digest=digest_of(balances))))

    def _close(self, period: str) -> PeriodClosed:
        rows, held = list(enumerate(self.rows, start=1)), self.held(last_day(period))
        exchange = self._flows(self.functional) if self.functional else None
        return close(rows, period, held, len(rows), "ada", exchange=exchange)

    def exchange(self, functional: str) -> Exchange:
        """What was moved on the day on which it happened, by closes too, and the rates that were told."""
        return with_costs(self._flows(functional), told(self.rows))

    def _flows(self, functional: str) -> Exchange:
        flows: dict[date, Counter[tuple[str, str]]] = {}
        credited: dict[date, Counter[tuple[str, str]]] = {}
        tables: dict[date, Published] = {}
        for each in self.rows:
            if isinstance(each.body, FxRatePublished):
                tables[each.body.day] = Published(each.body.day, each.body.rates)
            if not isinstance(each.body, PeriodClosed | PeriodReopened):
                for entry in entries(each, 1, None):
                    for leg in legs(entry, each):
                        for kept in (flows, credited) if is_credit(leg, each) else (flows,):
                            kept.setdefault(entry.day, Counter())[leg.account, leg.currency] += leg.amount
        return Exchange(functional, [tables[day] for day in sorted(tables)], flows, credited)

    def reopen(self, period: str) -> None:
        closes = in_force([each.body for each in self.rows])
        self.tell(*(row(Book(), each) for each in reopened(closes, period, "ada", "an invoice was missing")))

    def balances(self, day: date = date(2030, 1, 1)) -> dict[tuple[str, str], int]:
        return {cell: amount for cell, amount in self.held(day).items() if amount}


def moved_of(what: str, closes: Iterable[PeriodClosed]) -> int:
    """What closes have moved of what rates came to."""
    return sum(each.amount for close in closes for each in getattr(close, what))


def as_one(exchange: Exchange, day: date) -> tuple[int, int]:
    """What rates gained and lost by months, realised and unrealised together: what is exchanged is worth by
    the rates of each month's end, and what was earned and spent at those of its days."""
    sides, held = [0, 0], 0
    for end in (last_day(month) for month in MONTHS if last_day(month) <= day):
        total, before_it = Fraction(0), end + timedelta(days=1)
        for on, cells in exchange.flows.items():
            for (account, currency), amount in cells.items() if on <= end else ():
                now = exact(amount, currency, exchange.functional, before(exchange.tables, before_it))
                if account == TRADING and now is not None:
                    total -= now
                if keeps_its_day(account) and now is not None:
                    then = exact(amount, currency, exchange.functional, before(exchange.tables, on))
                    total += (then or 0) - now
        held, moved = round(total), round(total) - held
        sides[moved < 0] += abs(moved)
    return sides[0], sides[1]


def closed_in_the_end(rows: Sequence[Recorded], functional: str | None = None) -> dict[tuple[str, str], int]:
    log = Log(rows, functional)
    log.close(MONTHS[-1])
    return log.balances()
