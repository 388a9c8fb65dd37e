"""Which days or months does a table show, and when does each end?"""

from datetime import date, datetime, timedelta

from msgspec import Struct

from ledgerstone.ledger.growth import end_of, midnight, period_of

TICK = timedelta(microseconds=1)


class Period(Struct, frozen=True):
    """A day (`2026-10-31`) or month (`2026-10`), from `start` to the exclusive `end`; not `whole` when it is
    cut at the instant that was asked for."""

    first: date
    label: str
    end: datetime
    whole: bool

    @property
    def start(self) -> datetime:
        """Its first instant, UTC."""
        return midnight(self.first)


def periods(since: datetime, until: datetime, grain: str, at: datetime, most: int) -> tuple[Period, ...]:
    """The periods that lie in the time from `since` to `until` (exclusive), or partly so, as far as they had
    begun at `at`. At most `most`, and one more to tell that there are more."""
    found: list[Period] = []
    first, last = period_of(since, grain), period_of(min(until, at) - TICK, grain)
    while first <= last and len(found) <= most:
        end = end_of(first, grain)
        label = first.isoformat() if grain == "day" else f"{first:%Y-%m}"
        found.append(Period(first, label, min(end, at), end <= at))
        first = end.date()
    return tuple(found)


def before(at: datetime, count: int, grain: str) -> datetime:
    """The first instant of the `count`th period back from the one that ends at `at`, itself included."""
    first = period_of(at - TICK, grain)
    if grain == "day":
        return midnight(first - timedelta(days=count - 1))
    years, month = divmod(first.year * 12 + first.month - count, 12)
    return midnight(date(years, month + 1, 1))
