"""What is a route that is read, and what does a request to it ask?"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.http.database import Snapshot
from ledgerstone.http.errors import refused
from ledgerstone.http.paging import Cursor, read_cursor
from ledgerstone.http.parameters import AsKnown, Booked, Bridge, Dated, Paged, exclusive_end, read_query
from ledgerstone.http.services import Services
from ledgerstone.projections.reads.asked import List, Moment, Place


class Found(Struct, frozen=True):
    """What a handler found: a Struct or rows of one."""

    data: Any
    incomplete: int = 0
    notes: tuple[str, ...] = ()


class Asked(Struct, frozen=True):
    """A question, as handlers get it: its parameters, those in its path, the moment that it is about, and the
    snapshot to read."""

    query: Any
    path: Mapping[str, str]
    moment: Moment
    snapshot: Snapshot
    services: Services

    def is_head(self, view: str) -> bool:
        """Is the moment's position that of a view, so that its sums of now are the answer?"""
        return self.snapshot.positions[view] == self.moment.position


class Read(Struct, frozen=True):
    """A route that is read. `row` is what its data are, or are rows of; `views` are what its answer is made
    of, by their names in `views.tracking`. What is `fresh` is worked out for each who asks."""

    path: str
    query: type[Struct]
    row: type[Struct]
    views: tuple[str, ...]


class Answered(Read, frozen=True):
    """A table, or else a single object, found whole by its handler. What is made of more views when it is
    grouped (`group_by`) names them in `grouped`."""

    find: Callable[[Asked], Awaitable[Found]]
    fresh: bool = False
    listed: bool = True
    csv: bool = True
    grouped: Mapping[str, tuple[str, ...]] = {}


class InFile(Struct, frozen=True):
    """What a file shows of a list whose rows hold lines: one for each of them."""

    row: type[Struct]
    lines: Callable[[Any], Iterable[Struct]]


class Listed(Read, frozen=True):
    """A list in pages. `refuse` raises a Problem where what is asked, up to an instant, has no answer."""

    list: List
    fresh: bool = False
    listed: bool = True
    csv: bool = True
    file: InFile | None = None
    refuse: Callable[["Question", datetime], None] = lambda question, at: None


Placed = tuple[Place, Any]
"""A row of a list, and where it stands there."""
Lines = AsyncIterator[Sequence[Placed]]
"""The rows of a list, some at a time."""


class Walked(Read, frozen=True):
    """A list about something that the path names, worked out bit by bit. `chosen` are those of `views` that
    the answer to a query is made of; `begin` looks whether there is such a list, and gives its rows after a
    place, about so many at a time, or, where no number is given, all of them for a file. Both raise a Problem
    where there is none."""

    chosen: Callable[[Mapping[str, str], Any], tuple[str, ...]]
    begin: Callable[[Asked, Place | None, int | None], Awaitable[Lines]]
    fresh: bool = False
    listed: bool = True
    csv: bool = True


AnyRead = Answered | Listed | Walked


class Question(Struct, frozen=True):
    """A request, read. `at` is None when it asks how things are now. `known_at` is the parameter that says
    when it was known, and its value; None when all that is known counts. `account` is None when it asks for
    the platform's own books."""

    query: Any
    path: Mapping[str, str]
    csv: bool
    at: datetime | None
    known_at: tuple[str, str] | None
    cursor: Cursor | None
    account: str | None = None


def read_question(read: AnyRead, path: Mapping[str, str], raw: bytes, csv: bool, pattern: str) -> Question:
    """What a request asks. Raises a Problem that names the parameter that is wrong."""
    query = read_query(raw, read.query)
    at = None
    if isinstance(query, Dated) and query.as_of is not None:
        at = exclusive_end("as_of", query.as_of)
    cursor = read_cursor(pattern, query) if isinstance(query, Paged) else None
    account = query.account if isinstance(query, Booked) else None
    return Question(query, path, csv, cursor.at if cursor else at, _known_at(query), cursor, account)


def _known_at(query: Any) -> tuple[str, str] | None:
    if isinstance(query, Bridge) and query.known_to:
        if query.known_at:
            raise refused("known_at", "`known_at` and `known_to` say the same here: give one of them.")
        return "known_to", query.known_to
    return ("known_at", query.known_at) if isinstance(query, AsKnown) and query.known_at else None
