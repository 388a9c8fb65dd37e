"""Rates of exchange, and what amounts are worth by them, as design 5 has it: each by the last table of the
central bank from before the day of its instant, over the euro, in plain fractions."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.fx import FxRatePublished
from tests.naive.told import TICK, Known, day, exclusive, first

Json = dict[str, Any]
HUNDREDTHS = {"jpy": 1, "kwd": 1000, "xxx": 1}
OURS = ":live"
"""The books that hold the rates of all."""


class Told(NamedTuple):
    """A day's table, when it came out, and the position from which on it is known as it is."""

    day: date
    rates: dict[str, str]
    at: datetime
    position: int


def published(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/fx/rates`, the newest first, in any account's books."""
    since, until = _window(asked, end)
    return [
        {
            "day": f"{told.day}",
            "base": "eur",
            "currency": currency,
            "rate": told.rates[currency],
            "at": told.at,
            "position": told.position,
        }
        for told in sorted(tables(known).values(), reverse=True, key=lambda told: told.day)
        for currency in sorted(told.rates)
        if since <= told.at < until and asked.get("currency", currency) == currency
    ]


def refused(asked: Json, end: datetime) -> str | None:
    """The parameter that is wrong, of a question that has no answer."""
    since, until = _window(asked, end)
    most = 12_000 if "currency" in asked else 400
    return "from" if since >= until or (until - since).days > most else None


def _window(asked: Json, end: datetime) -> tuple[datetime, datetime]:
    until = min(exclusive(asked["to"]), end) if "to" in asked else end
    since = first(asked["from"]) if "from" in asked else day(until - TICK) - timedelta(days=30)
    return since, until


def tables(known: Known) -> dict[date, Told]:
    """Each day's table as it is known."""
    found: dict[date, Told] = known.kept("rates", lambda: _tables(known))
    return found


def _tables(known: Known) -> dict[date, Told]:
    found: dict[date, Told] = {}
    for position, _, row in known.log:
        body = row.body.now if isinstance(row.body, Superseded) else row.body
        if isinstance(body, FxRatePublished) and str(row.book) == OURS:
            told = Told(body.day, body.rates, row.happened_at, position)
            if told[:3] != found.get(body.day, (None, None, None))[:3]:
                found[body.day] = told
    return found


def worth(known: Known, currency: str, into: str, at: datetime) -> Fraction | None:
    """What one minor unit was worth the day before an instant, in minor units; None: nobody knows."""
    if currency == into:
        return Fraction(1)
    before = [told for told in tables(known).values() if told.day < at.date()]
    last = max(before, default=None, key=lambda told: told.day)
    if last is None or at.date() - last.day > timedelta(days=7):
        return None
    rates = {"eur": "1", **last.rates}
    if currency not in rates or into not in rates:
        return None
    parts = Fraction(HUNDREDTHS.get(into, 100), HUNDREDTHS.get(currency, 100))
    return Fraction(rates[into]) / Fraction(rates[currency]) * parts


def exchanged(known: Known, amount: int, currency: str, into: str | None, at: datetime) -> Fraction | None:
    """What an amount was worth; nothing is nothing at any rate, and nothing is exchanged into no currency."""
    if into is None or not amount:
        return Fraction(amount)
    rate = worth(known, currency, into, at)
    return None if rate is None else amount * rate
