"""As of when, and as known at which position, is a view asked? And how is that said in SQL?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.blocks import parts
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.view import AnyView, Table, table

Place = tuple[datetime, str]
"""Where a row stands in a list that is newest first: its time, and its id among those of one time."""


class Moment(Struct, frozen=True):
    """Whose books (`str(Book)`), what was true just before the exclusive instant `at` (UTC), and what was
    known then: the first `position` rows of the log."""

    book: str
    at: datetime
    position: int


class Query(Struct, frozen=True):
    """SQL with named parameters."""

    text: str
    parameters: dict[str, Any]


class List(Struct, frozen=True):
    """A list that is read in pages: the query (moment, filters, the place after which, how many rows), what
    a row becomes, and the place of that."""

    rows: Callable[[Moment, Mapping[str, Any], Place | None, int | None], Query]
    shape: Callable[[Sequence[Any]], Any]
    place: Callable[[Any], Place]


SHAPES: dict[type[AnyView], Table] = {}
"""The tables of views: to work them out takes as long as a short query."""


def shape(view: type[AnyView]) -> Table:
    """The tables of a view."""
    found = SHAPES.get(view)
    if found is None:
        found = SHAPES[view] = table(view())
    return found


def tracked(view: type[AnyView]) -> str:
    """The name of a view in `views.tracking`."""
    return shape(view).name


def relation(view: type[AnyView], summary: str = "") -> str:
    """A view's table, or one of a summary's: `standing_head`."""
    return f"views.{tracked(view)}{summary and '_'}{summary}"


def summary(view: type[AnyView], name: str, moment: Moment, head: bool) -> str:
    """What to add up for the sums of a summary at a moment, each cell once or more, as a relation `s`: its
    head, where the moment's position is that of the view, else blocks and the deltas behind them. Books, and
    what else every question names, are to be named in the query around it."""
    if head:
        return f"{relation(view, f'{name}_head')} s"
    (sums,) = (one for one in shape(view).summaries if one.name == name)
    columns = ", ".join(f'"{column}"' for column in (*(cell for cell, _ in sums.cells), *sums.amounts))
    found = [
        f"select {columns} from {relation(view, f'{name}_delta')}"
        f" where position > {part.after} and position <= {part.upto}"
        if part.size == 1
        else f"select {columns} from {relation(view, f'{name}_block')}"
        f" where size = {part.size} and after >= {part.after} and after < {part.upto}"
        for part in parts(moment.position, sums.blocks)
    ]
    nothing = f"select {columns} from {relation(view, f'{name}_head')} where false"
    return f"({' union all '.join(found or [nothing])}) s"


def known(row: str = "r", position: str = "position") -> str:
    """The rows of these books that were known at the position (the parameter of that name)."""
    return (
        f"{row}.book = %(book)s and {row}.known_from <= %({position})s"
        f" and ({row}.known_to is null or {row}.known_to > %({position})s)"
    )


def counted(row: str = "r", at: str = "at") -> str:
    """The rows that describe a state which held just before the instant (the parameter of that name)."""
    return f"{row}.valid_from < %({at})s and ({row}.valid_to is null or {row}.valid_to >= %({at})s)"


def ask(moment: Moment, text: str, **more: Any) -> Query:
    """A query of one moment."""
    return Query(text, {"book": moment.book, "at": moment.at, "position": moment.position, **more})


def customer(column: str, fallback: str, row: str = "r") -> str:
    """What a customer was at the instant, as an expression over `row.customer`: as it was then, else as it
    was first heard of."""
    then = "c.valid_from < %(at)s desc, abs(extract(epoch from c.valid_from - %(at)s))"
    return (
        f"coalesce((select c.{column} from {relation(Customers)} c where c.key = {row}.customer"
        f" and {known('c')} order by {then} limit 1), {fallback})"
    )


TENANT = customer("tenant", "r.customer")


def listing(
    moment: Moment,
    view: type[AnyView],
    columns: Sequence[str],
    filters: Mapping[str, str],
    given: Mapping[str, Any],
    newest: str,
    after: Place | None,
    limit: int | None,
) -> Query:
    """The rows of a list, newest first by the column `newest`, that come after a place; all without `limit`.

    `filters` says what each name in `given` asks of a row."""
    conditions = [known(), counted(), *(filters[name] for name in given)]
    more: dict[str, Any] = dict(given)
    if after is not None:
        conditions.append(f"(r.{newest}, r.key) < (%(after_time)s, %(after_id)s)")
        more |= {"after_time": after[0], "after_id": after[1]}
    text = (
        f"select {', '.join(columns)} from {relation(view)} r where {' and '.join(conditions)}"
        f" order by r.{newest} desc, r.key desc"
    )
    return ask(moment, text if limit is None else f"{text} limit {limit:d}", **more)
