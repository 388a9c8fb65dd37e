"""Rates of exchange."""

from ledgerstone.http.errors import refused
from ledgerstone.http.parameters import Rates, exclusive_end, first_instant
from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import rates
from ledgerstone.projections.reads.periods import before

DAYS = 31
"""Whose rates are shown when nothing is said of their beginning."""
MOST = {True: 12_000, False: 400}
"""How many days a table has at most: of one currency, and of all."""


async def published(asked: Asked) -> Found:
    """The European Central Bank's reference rates as they were told: of one euro in each currency. They are
    nobody's own, and the same in every account's books."""
    query: Rates = asked.query
    at = asked.moment.at
    until = min(exclusive_end("to", query.to), at) if query.to else at
    since = first_instant("from", query.from_) if query.from_ else before(until, DAYS, "day")
    if since >= until:
        raise refused("from", f"`from` ({since:%Y-%m-%d}) is not before `to` and `as_of`.")
    if (until - since).days > (most := MOST[query.currency is not None]):
        raise refused("from", f"`from` ({since:%Y-%m-%d}) is too early: a table has {most} days at most.")
    rows = await asked.snapshot.fetch(rates.published(asked.moment, since, until, query.currency))
    return Found([rates.shape(row) for row in rows])
