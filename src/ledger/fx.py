"""Exchange rates: what the European Central Bank publishes each working day, and exact conversion by it.

Rates are facts like any other, so that a figure of any date can be converted as known on any date. What is
not known is None: a currency that a day's table does not have, or a day without a table, is never guessed."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.money import decimals

BASE = "eur"
"""The currency of which the bank says what one unit is worth in others."""
OLDEST = timedelta(days=7)
"""How old the last table before a day may be. The longest time without one, over Easter, is five days: an
older one means that some were not imported."""


class FxRatePublished(Fact, frozen=True, kw_only=True, tag="fx-rate-published"):
    """The European Central Bank's reference rates of a `day`: how many units of each currency one unit of the
    `base` is worth, as exact decimal strings. `source` says which file told, and its SHA-256."""

    day: date
    rates: dict[str, str]
    source: str
    base: str = BASE


class Published(Struct, frozen=True, gc=False):
    """A day's table: what one euro is worth in each currency."""

    day: date
    rates: Mapping[str, str]


def name_of(day: date) -> str:
    """The name of a day's table: `fx/ecb/2026-11-04`."""
    return f"fx/ecb/{day.isoformat()}"


def published_at(day: date) -> datetime:
    """When a day's table comes out: at about four in the afternoon in Frankfurt."""
    return datetime.combine(day, time(16), ZoneInfo("Europe/Berlin")).astimezone(ZoneInfo("UTC"))


def told_otherwise(one: Fact, other: Fact) -> bool:
    """Whether two tellings of a day's table differ in a rate: no money moves by it, and yet figures would."""
    if not (isinstance(one, FxRatePublished) and isinstance(other, FxRatePublished)):
        return False
    return (one.day, one.base, one.rates) != (other.day, other.base, other.rates)


def before(tables: Sequence[Published], day: date) -> Published | None:
    """The last of some tables, in the order of their days, from before a day: the previous day's, or, after
    weekends and holidays, the last one before. None where that is too old to be it."""
    place = bisect_left(tables, day, key=lambda table: table.day)
    if not place or day - tables[place - 1].day > OLDEST:
        return None
    return tables[place - 1]


def rate(table: Published | None, currency: str, into: str) -> Fraction | None:
    """How many units of `into` one unit of a currency is worth, over the euro where neither is that; None
    where the table does not say."""
    if currency == into:
        return Fraction(1)
    one, other = _per_euro(table, currency), _per_euro(table, into)
    return None if one is None or other is None else other / one


def exact(amount: int, currency: str, into: str, table: Published | None) -> Fraction | None:
    """An amount in minor units as one of another currency's, not rounded. Nothing is nothing at any rate."""
    if not amount:
        return Fraction(0)
    found = rate(table, currency, into)
    return None if found is None else amount * found * _scale(currency, into)


def convert(amounts: Iterable[tuple[int, str]], into: str, table: Published | None) -> int | None:
    """What amounts of several currencies come to in one, minor units, rounded half-even, once."""
    total = Fraction(0)
    for amount, currency in amounts:
        part = exact(amount, currency, into, table)
        if part is None:
            return None
        total += part
    return round(total)


def _per_euro(table: Published | None, currency: str) -> Fraction | None:
    if currency == BASE:
        return Fraction(1)
    text = table.rates.get(currency) if table else None
    return None if text is None else _fraction(text)


@lru_cache(1 << 12)
def _fraction(text: str) -> Fraction:
    return Fraction(text)


@lru_cache(1 << 10)
def _scale(currency: str, into: str) -> Fraction:
    """Minor units of one currency for those of another at the rate 1: 100 from yen to euro."""
    return Fraction(10) ** (decimals(into) - decimals(currency))
