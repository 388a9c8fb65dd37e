"""A log of one book in memory, whose months are closed: what the properties of closes are held against."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from ledgerstone.ledger.closing import SINCE, close, digest_of, row, trial_balance
from ledgerstone.ledger.fx import FxRatePublished, Published
from ledgerstone.ledger.periods import (
    PeriodClosed,
    PeriodReopened,
    closed_through,
    in_force,
    last_day,
    reopened,
)
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.revaluation import Exchange
from ledgerstone.projections.postings import Leg, entries, legs

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
            bare = replace(self._close(period), **dict.fromkeys(SINCE, ()))
            balances = trial_balance(self.held(last_day(period)), bare)
            self.tell(row(Book(), replace(bare, balances=balances, digest=digest_of(balances))))

    def _close(self, period: str) -> PeriodClosed:
        rows, held = list(enumerate(self.rows, start=1)), self.held(last_day(period))
        exchange = self.exchange(self.functional) if self.functional else None
        return close(rows, period, held, len(rows), "ada", exchange=exchange)

    def exchange(self, functional: str) -> Exchange:
        """What was moved on the day on which it happened, and the rates that were told."""
        flows: dict[date, Counter[tuple[str, str]]] = {}
        tables: dict[date, Published] = {}
        for each in self.rows:
            if isinstance(each.body, FxRatePublished):
                tables[each.body.day] = Published(each.body.day, each.body.rates)
            if not isinstance(each.body, PeriodClosed | PeriodReopened):
                for entry in entries(each, 1, None):
                    for leg in legs(entry, each):
                        flows.setdefault(entry.day, Counter())[leg.account, leg.currency] += leg.amount
        return Exchange(functional, [tables[day] for day in sorted(tables)], flows)

    def reopen(self, period: str) -> None:
        closes = in_force([each.body for each in self.rows])
        self.tell(*(row(Book(), each) for each in reopened(closes, period, "ada", "an invoice was missing")))

    def balances(self, day: date = date(2030, 1, 1)) -> dict[tuple[str, str], int]:
        return {cell: amount for cell, amount in self.held(day).items() if amount}


def closed_in_the_end(rows: Sequence[Recorded], functional: str | None = None) -> dict[tuple[str, str], int]:
    log = Log(rows, functional)
    log.close(MONTHS[-1])
    return log.balances()
