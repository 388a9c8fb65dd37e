"""Months of a book, their closes, and what is earned and deferred."""

from datetime import date

from msgspec.structs import asdict, replace

from ledgerstone.http.errors import Problem, refused
from ledgerstone.http.questions import Asked, Found
from ledgerstone.ledger import periods
from ledgerstone.projections.postings import NAME
from ledgerstone.projections.reads import balances, closes, recognition
from ledgerstone.projections.taken_back import midnight


async def months(asked: Asked) -> Found:
    """The months of a book, the last first: which are closed, by whom and since when, and which are open."""
    fetch, moment = asked.snapshot.fetch, asked.moment
    told = closes.decided(await fetch(closes.acts(moment)))
    ((first,),) = await fetch(closes.first_month(moment, asked.is_head(NAME)))
    return Found(closes.months(first, moment, told))


async def month(asked: Asked) -> Found:
    """A month of a book: what its close moved by account, plan and currency, the trial balance at its end,
    and all that was decided of it."""
    fetch, moment, period = asked.snapshot.fetch, asked.moment, asked.path["period"]
    _, end = begun(asked)
    told = closes.decided(await fetch(closes.acts(moment)))
    held = closes.kept(period, told)
    if held is None:
        at = replace(moment, at=min(moment.at, midnight(end)))
        rows = [balances.balance(row) for row in await fetch(balances.by_account(at, None, None, False))]
        held = tuple(closes.Held(row.account, row.currency, row.balance) for row in rows if row.balance)
    moved, history = closes.moved(period, told, asked.query.account or ""), closes.history(period, told)
    standing = asdict(closes.month(period, told))
    return Found(closes.MonthDetail(**standing, moved=moved, balances=held, history=history))


async def deferred(asked: Asked) -> Found:
    """When will be earned what is deferred? By month to come, plan and currency."""
    given = {name: value for name in recognition.FILTERS if (value := getattr(asked.query, name, None))}
    return Found(recognition.by_month(await asked.snapshot.fetch(recognition.ahead(asked.moment, given))))


def begun(asked: Asked) -> tuple[date, date]:
    """The days of the month that a path names, as `named`. Raises a Problem (404) where it had not begun."""
    first, end = named(period := asked.path["period"])
    if asked.moment.at <= midnight(first):
        raise Problem(404, f"{period} had not begun at {asked.moment.at:%Y-%m-%dT%H:%M:%SZ}.")
    return first, end


def named(period: str) -> tuple[date, date]:
    """The first day of the month that a path names, and the first after it. Raises a Problem (400)."""
    try:
        return periods.asked(period)
    except ValueError as error:
        raise refused("period", f"{str(error)[:200]}.") from None
