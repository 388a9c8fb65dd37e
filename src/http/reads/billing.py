"""Recurring revenue: by period, what moved it, and how the business does."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from ledgerstone.http.errors import refused
from ledgerstone.http.parameters import Months, Window, exclusive_end, first_instant
from ledgerstone.http.parameters import Periods as PeriodsAsked
from ledgerstone.http.questions import Asked, Found
from ledgerstone.http.reads.converting import Table, by_customer, table
from ledgerstone.projections.reads import movements, mrr, revenue
from ledgerstone.projections.reads.asked import Moment, Query, tracked
from ledgerstone.projections.reads.mrr import Cell, Grid
from ledgerstone.projections.reads.periods import Period, before, periods

MRR = tracked(mrr.VIEW)
USUAL = {"month": 12, "day": 30}
"""How many periods a table has when nothing is said of its beginning."""
MOST = 4_000
NO_FEES = "platform fees are not kept yet: they are null"
WITH_TAX = "refunds and disputes are as the money moved, with any tax in it; all else is without tax"


async def by_month(asked: Asked) -> Found:
    """Recurring revenue at the end of each month, and its change from the month before."""
    wanted = asked_periods(asked, asked.query, "month")
    grid = await _grid(asked, wanted, "month", "", asked.query.currency)
    shown = await table(asked, grid, mrr.instants(wanted))
    return _found(mrr.months(shown.grid(grid, mrr.instants(wanted)), wanted, shown.currency), shown)


async def by_period(asked: Asked) -> Found:
    """Recurring revenue at the end of each day or month, in all or by group."""
    query: PeriodsAsked = asked.query
    wanted = asked_periods(asked, query, query.interval)
    grid = await _grid(asked, wanted, query.interval, _dimension(query.group_by), query.currency)
    shown = await table(asked, grid, mrr.instants(wanted))
    figures = shown.grid(grid, mrr.instants(wanted))
    return _found(mrr.figures(figures, wanted, shown.group_by, shown.currency), shown)


async def moved(asked: Asked) -> Found:
    """What moved recurring revenue in each day or month, in all or by group."""
    query: PeriodsAsked = asked.query
    wanted, dimension = asked_periods(asked, query, query.interval), _dimension(query.group_by)
    grid = await _grid(asked, wanted, query.interval, dimension, query.currency)
    found = await _moved(asked, wanted, query.interval, dimension, query.currency)
    shown = await table(asked, grid, mrr.instants(wanted))
    rows = shown.movements(grid, found, wanted, query.interval)
    return Found(rows, sum(row.churn is None for row in rows), shown.notes)


async def headline(asked: Asked) -> Found:
    """How the business does, per currency: recurring revenue, churn, what was invoiced and what was kept."""
    query: Window = asked.query
    since, until = _window(asked, query)
    at_end = replace(asked, moment=replace(asked.moment, at=until))
    months = periods(before(until, 12, "month"), until, "month", until, 12)
    eve = periods(before(since, 1, "day"), since, "day", since, 1)
    dimension = _dimension(query.group_by)
    trend = await _grid(at_end, months, "month", dimension, query.currency)
    held = await _grid(at_end, eve, "day", dimension, query.currency)
    shown = await table(at_end, trend, mrr.instants(months), eve[0].start, held)
    native = revenue.Parts(
        trend=trend,
        eve=held,
        held=held,
        moved=await _between(at_end, since, until, dimension, query.currency),
        invoiced=await _flows(at_end, shown, since, revenue.invoiced),
        credited=await _flows(at_end, shown, since, revenue.credited),
        returned=await _flows(at_end, shown, since, revenue.returned),
    )
    parts = shown.headline(native, months, eve, since)
    rows = revenue.headlines(parts, months, since, until, shown.group_by, shown.currency)
    incomplete = sum(None in (row.mrr, row.net_revenue, row.churn.mrr) for row in rows)
    return Found(rows, incomplete, (NO_FEES, WITH_TAX, *shown.notes))


def asked_periods(asked: Asked, query: Months, grain: str) -> tuple[Period, ...]:
    """The periods of a table, at least one. Raises a Problem where there are none, or too many."""
    at = asked.moment.at
    until = exclusive_end("to", query.to) if query.to else at
    since = first_instant("from", query.from_) if query.from_ else before(min(until, at), USUAL[grain], grain)
    _check(since, until, at)
    found = periods(since, until, grain, at, MOST)
    if len(found) > MOST:
        raise refused("from", f"`from` ({since:%Y-%m-%d}) is too early: a table has {MOST} periods at most.")
    return found


def _window(asked: Asked, query: Window) -> tuple[datetime, datetime]:
    at = asked.moment.at
    until = exclusive_end("to", query.to) if query.to else at
    since = first_instant("from", query.from_) if query.from_ else before(min(until, at), 1, "month")
    _check(since, until, at)
    return since, min(until, at)


def _check(since: datetime, until: datetime, at: datetime) -> None:
    if since >= until:
        raise refused("from", f"`from` ({since:%Y-%m-%d}) is not before the end of `to` ({until:%Y-%m-%d}).")
    if since >= at:
        raise refused("from", f"`from` ({since:%Y-%m-%d}) is not before `as_of` ({at:%Y-%m-%d %H:%M:%S}).")


def _dimension(group_by: str | None) -> str:
    return "" if group_by in (None, "currency") else str(group_by)


async def _grid(
    asked: Asked, wanted: Sequence[Period], grain: str, dimension: str, currency: str | None
) -> Grid:
    """The figures before the first period and at the end of each."""
    at = mrr.instants(wanted)
    grouping = mrr.GROUPINGS[dimension]
    if dimension not in mrr.SUMMED:
        grid: Grid = {}
        async for own in by_customer(asked.snapshot, mrr.lines(asked.moment, at[-1], currency)):
            mrr.add_customer(grid, own, at, grouping)
        return grid
    query = mrr.sums(asked.moment, asked.is_head(MRR), wanted, grain, dimension, currency)
    grid = mrr.grid_of_sums(await asked.snapshot.fetch(query), wanted)
    if (since := mrr.midnight_before(at[-1])) < at[-1]:
        stirred = mrr.stirred(asked.moment, since, at[-1], currency)
        async for own in by_customer(asked.snapshot, stirred):
            mrr.correct(grid, own, at, grouping)
    if not dimension and (doubted := mrr.empty(grid)):
        stood = {row[0] for row in await asked.snapshot.fetch(mrr.stood(asked.moment, at[-1], doubted))}
        return {cell: found for cell, found in grid.items() if cell[0] in stood or cell[0] not in doubted}
    return grid


async def _moved(
    asked: Asked, wanted: Sequence[Period], grain: str, dimension: str, currency: str | None
) -> movements.Moved:
    last, grouping = wanted[-1], mrr.GROUPINGS[dimension]
    found: movements.Moved = {}
    if dimension not in mrr.SUMMED:
        async for own in by_customer(asked.snapshot, mrr.lines(asked.moment, last.end, currency)):
            movements.add_customer(found, own, wanted, grain, grouping)
            if not last.whole:
                movements.add_part(found, own, last, grain, grouping)
        return found
    query = movements.sums(asked.moment, asked.is_head(MRR), wanted, grain, dimension, currency)
    found = movements.moved_by_sums(await asked.snapshot.fetch(query))
    if not last.whole:
        stirred = mrr.stirred(asked.moment, last.start, last.end, currency)
        async for own in by_customer(asked.snapshot, stirred):
            movements.add_part(found, own, last, grain, grouping)
    return found


async def _between(
    asked: Asked, since: datetime, until: datetime, dimension: str, currency: str | None
) -> dict[Cell, tuple[int, ...]]:
    """What moved in a window."""
    found: dict[Cell, tuple[int, ...]] = {}
    async for own in by_customer(asked.snapshot, mrr.stirred(asked.moment, since, until, currency)):
        revenue.add_customer(found, own, since, until, mrr.GROUPINGS[dimension])
    return found


async def _flows(
    asked: Asked,
    shown: Table,
    since: datetime,
    ask: Callable[[Moment, datetime, str | None, str | None, bool], Query],
) -> revenue.Sums:
    query = ask(asked.moment, since, asked.query.group_by, asked.query.currency, shown.by is not None)
    return shown.flows(await asked.snapshot.fetch(query))


def _found(rows: Sequence[mrr.MrrFigure] | Sequence[mrr.MonthFigure], shown: Table) -> Found:
    return Found(rows, sum(row.mrr is None for row in rows), shown.notes)
