"""What was each currency worth, day by day?"""

from collections.abc import Iterable
from datetime import date, datetime

from ledgerstone.ledger.fx import FxRatePublished
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Row, View


class RatesRow(Row, frozen=True):
    """A day's table, published `at`: what one unit of `base` is worth in each of the `currencies`, in their
    order, as exact decimal strings. One row a day and not one a rate: figures need a day's table whole."""

    day: date
    base: str
    currencies: tuple[str, ...]
    rates: tuple[str, ...]
    at: datetime


class Rates(View[RatesRow, RatesRow]):
    """What was each currency worth, day by day? Rates are nobody's: they are in the platform's book, and
    figures of every book are converted by them."""

    name = "rates"
    version = 1
    hears = (FxRatePublished,)
    state = RatesRow
    row = RatesRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (str(row.body.day),) if isinstance(row.body, FxRatePublished) else ()

    def fold(self, state: RatesRow | None, row: Recorded, id: str) -> RatesRow:
        assert isinstance(row.body, FxRatePublished)
        told = sorted(row.body.rates.items())
        currencies, rates = tuple(code for code, _ in told), tuple(rate for _, rate in told)
        return RatesRow(row.body.day, row.body.base, currencies, rates, row.happened_at)

    def rows(self, id: str, part: RatesRow) -> Iterable[RatesRow]:
        return (part,)
