"""Which rates of exchange are known, and which does a table of figures need?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.fx import OLDEST, Published
from ledgerstone.projections.rates import Rates
from ledgerstone.projections.reads.asked import Moment, Query, ask, known, relation


class Rate(Struct, frozen=True):
    """What one unit of `base` was worth in a currency, by the European Central Bank's table of a `day`
    (`2026-11-04`), published `at`: an exact decimal number. `position` is the log row that tells of it."""

    day: str
    base: str
    currency: str
    rate: str
    at: datetime
    position: int


def published(moment: Moment, since: datetime, until: datetime, currency: str | None) -> Query:
    """The rates that were published from `since` to `until` (exclusive), the newest first."""
    return ask(
        _ours(moment),
        "select r.day, r.base, t.currency, t.rate, r.at, r.known_from"
        f" from {relation(Rates)} r, unnest(r.currencies, r.rates) as t (currency, rate)"
        f" where {known()} and r.at < %(at)s and r.at >= %(since)s and r.at < %(until)s"
        f"{' and t.currency = %(currency)s' if currency else ''} order by r.day desc, t.currency",
        since=since,
        until=until,
        currency=currency,
    )


def shape(row: Sequence[Any]) -> Rate:
    """A row of `published`."""
    day, *rest = row
    return Rate(day.isoformat(), *rest)


def needed(moment: Moment, since: datetime, until: datetime) -> Query:
    """The tables by which figures at instants from `since` to `until` are converted, in order."""
    return ask(
        _ours(moment),
        f"select r.day, r.currencies, r.rates from {relation(Rates)} r"
        f" where {known()} and r.at < %(at)s and r.day >= %(since)s and r.day < %(until)s order by r.day",
        since=since.date() - OLDEST,
        until=until.date(),
    )


def tables(rows: Iterable[Sequence[Any]]) -> tuple[Published, ...]:
    """The rows of `needed`."""
    return tuple(Published(day, dict(zip(currencies, rates, strict=True))) for day, currencies, rates in rows)


def _ours(moment: Moment) -> Moment:
    """Of whichever book is asked, the platform's holds the rates."""
    account, mode = moment.book.rsplit(":", 1)
    return replace(moment, book=f":{mode}") if account else moment
