"""Figures in one currency: which is asked for, what does that need, and how does a table become one of it?"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec import Struct

from ledgerstone.http.database import Snapshot
from ledgerstone.http.errors import refused
from ledgerstone.http.parameters import REPORTING
from ledgerstone.http.questions import Asked
from ledgerstone.projections.reads import converted, movements, mrr, rates, revenue
from ledgerstone.projections.reads.asked import Query
from ledgerstone.projections.reads.converted import Conversion
from ledgerstone.projections.reads.mrr import Cell, Grid, Grouping, Line
from ledgerstone.projections.reads.periods import Period

NATIVE = "native currency"
"""The group of figures that are converted and grouped by currency: the one that they were in."""
CONVERTED = "converted at the European Central Bank's rates of the day before each figure's instant"


class Table(Struct, frozen=True):
    """How a table is shown: grouped by what, in which currency (None: each), with which notes; and, where it
    is converted, by what, and the lines of customers that have several currencies."""

    group_by: str | None
    currency: str | None
    grouping: Grouping
    notes: tuple[str, ...] = ()
    by: Conversion | None = None
    several: converted.Several = ()

    def grid(self, native: Grid, at: Sequence[datetime], rated: datetime | None = None) -> Grid:
        """Figures at instants; by the rates of another where one is named."""
        if self.by is None:
            return native
        return converted.grid(native, self.several, at, self.grouping, self.by, rated)

    def movements(
        self, native: Grid, moved: movements.Moved, periods: Sequence[Period], grain: str
    ) -> list[movements.MovementFigure]:
        """What moved between them."""
        shown = (periods, self.group_by, self.currency)
        if self.by is None:
            return movements.figures(native, moved, *shown)
        found = converted.moved(moved, self.several, periods, grain, self.grouping, self.by)
        return movements.figures(self.grid(native, mrr.instants(periods)), found, *shown, converted=True)

    def flows(self, rows: Iterable[Sequence[Any]]) -> revenue.Sums:
        """What was invoiced or went back, by cell; by day, too, where it is converted."""
        return revenue.by_cell(rows) if self.by is None else converted.flows(rows, self.by)

    def headline(
        self, native: revenue.Parts, months: Sequence[Period], eve: Sequence[Period], since: datetime
    ) -> revenue.Parts:
        """The parts of a headline of the window from `since` to the end of the months, of which `flows` has
        been asked for."""
        if self.by is None:
            return native
        until, day, by = months[-1].end, mrr.instants(eve), self.by
        moved = {cell: values for cell, values in native.moved.items() if values is not None}
        return revenue.Parts(
            trend=self.grid(native.trend, mrr.instants(months)),
            eve=self.grid(native.eve, day),
            held=self.grid(native.eve, day, until),
            moved=converted.moved_between(moved, self.several, since, until, "day", self.grouping, by),
            invoiced=native.invoiced,
            credited=native.credited,
            returned=native.returned,
        )


async def table(
    asked: Asked,
    native: Grid,
    at: Sequence[datetime],
    since: datetime | None = None,
    others: Collection[Cell] = (),
) -> Table:
    """How a table whose figures are of some instants, and perhaps of earlier ones with cells that these have
    not, is to be shown. Raises a Problem where it is asked for in a reporting currency, and none is
    configured."""
    query = asked.query
    group_by: str | None = getattr(query, "group_by", None)
    grouping = mrr.GROUPINGS["" if group_by in (None, "currency") else group_by]
    if query.convert_to is None:
        return Table(group_by, query.currency, grouping)
    found = await asked.snapshot.fetch(rates.needed(asked.moment, min(at[0], since or at[0]), at[-1]))
    apart = group_by == "currency"
    by = Conversion(code(asked), rates.tables(found), apart)
    several: list[Sequence[Line]] = []
    if not apart and len({currency for currency, _ in (*native, *others)}) > 1:
        several = [own async for own in by_customer(asked.snapshot, mrr.several(asked.moment, at[-1]))]
    notes = (CONVERTED, *missing(converted.unknown(native, at, by)))
    return Table(NATIVE if apart else group_by, by.into, grouping, notes, by, several)


async def by_customer(snapshot: Snapshot, query: Query) -> AsyncIterator[Sequence[Line]]:
    """Lines that come in the order of their customers, one customer at a time."""
    held: list[Line] = []
    async for rows in snapshot.stream(query):
        for _, own in groupby((Line(*row) for row in rows), key=lambda line: line.customer):
            lines = list(own)
            if held and held[0].customer != lines[0].customer:
                yield held
                held = []
            held += lines
    if held:
        yield held


def code(asked: Asked) -> str:
    """The currency that is asked for. Raises a Problem where that is `reporting`, and none is configured."""
    code: str = asked.query.convert_to
    if code != REPORTING:
        return code
    if asked.services.reporting_currency is None:
        raise refused(
            "convert_to", "`convert_to` is `reporting`, and LEDGERSTONE_REPORTING_CURRENCY is not set."
        )
    return asked.services.reporting_currency


def missing(currencies: Sequence[str]) -> list[str]:
    """A note that names currencies without a rate, if there are any."""
    if not currencies:
        return []
    return [f"no rate of {', '.join(currencies)} is known for some of these dates: figures with it are null"]
