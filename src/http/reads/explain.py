"""Why does a row of a view say what it says, version by version, down to the bytes of a message?"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from ledgerstone.http.database import BATCH, Snapshot
from ledgerstone.http.errors import Problem, refused
from ledgerstone.http.parameters import exclusive_end
from ledgerstone.http.questions import Asked, Lines, Placed
from ledgerstone.projections import views
from ledgerstone.projections.reads import explain
from ledgerstone.projections.reads.asked import Moment, Place, tracked
from ledgerstone.projections.reads.explain import Cause, Message, Subject
from ledgerstone.projections.versions import Change, changes
from ledgerstone.projections.view import AnyView, Ref

BY_NAME = {view.name: view for view in views.VIEWS if view.row is not None}
VIEWS = tuple(tracked(type(view)) for view in BY_NAME.values())
PIECE = 50
"""Rows of the log that are read in one go: a message may have a megabyte, and only its digest is kept."""

T = TypeVar("T")


class Telling(Struct, frozen=True):
    """A subject, as known at a moment, in a snapshot."""

    snapshot: Snapshot
    moment: Moment
    subject: Subject


def chosen(path: Mapping[str, str], _: object = None) -> tuple[str, ...]:
    """The view that a path names, as `views.tracking` does."""
    return (tracked(type(named(path["view"]))),)


def named(name: str) -> AnyView:
    """A view by its name. Raises a Problem (404) that tells which there are."""
    if (view := BY_NAME.get(name)) is None:
        raise Problem(404, f"There is no view {name!r}. There are {', '.join(sorted(BY_NAME))}.")
    return view


async def versions(asked: Asked, after: Place | None, some: int | None) -> Lines:
    """Each version of each row of a key, in the order in which they became known: what changed, the row of
    the log that caused it, and the message behind that."""
    query = asked.query
    until = exclusive_end("as_of", query.as_of) if query.as_of else None
    subject = about(asked.path["view"], asked.path["key"], query.column, until)
    return await told(Telling(asked.snapshot, asked.moment, subject), after, some or BATCH)


def about(view: str, key: str, column: str | None, until: datetime | None) -> Subject:
    """A key of a view by its name, and what of it is asked for. Raises a Problem where there is no such view
    (404), or no such column of it (400)."""
    shown = named(view)
    pointed = [each for each in views.VIEWS if isinstance(each, shown.reads)]
    subject = Subject(shown, key, pointed, column, until)
    if column is not None and column not in subject.columns:
        known = ", ".join(subject.columns)
        raise refused("column", f"`column`: {view} has no column {column!r}. Its columns: {known}.")
    return subject


async def told(telling: Telling, after: Place | None, some: int) -> Lines:
    """The versions after a place, about so many at a time, each with its place. Raises a Problem (404) for a
    key that had heard nothing."""
    if not await telling.snapshot.fetch(explain.heard(telling.moment, telling.subject)):
        view, key, position = telling.subject.view.name, telling.subject.key, telling.moment.position
        raise Problem(404, f"{view} had heard nothing of {key!r}, as known at position {position}.")
    return _walk(telling, explain.placed(after), some)


async def _walk(telling: Telling, first: tuple[int, int], some: int) -> Lines:
    """A position is worked out whole: which row follows which is seen from all that changed there."""
    subject, least, start = telling.subject, 2 * some, first[0]
    while True:
        rows = await telling.snapshot.fetch(explain.edges(telling.moment, subject, start, least))
        found = changes(map(explain.edge, rows), subject.spans)
        rest = [change for change in found if (change.at, change.number) >= first]
        yield await _explained(telling, [change for change in rest if explain.concerns(change, subject)])
        if len(rows) < least:
            return
        start = rows[-1][0] + 1


async def _explained(telling: Telling, found: Sequence[Change]) -> list[Placed]:
    causes = await _causes(telling, list({change.at: None for change in found}))
    refs = await _refs(telling, causes.values())
    messages = await _messages(telling, causes.values())
    lines: list[Placed] = []
    for change in found:
        cause = causes[change.at]
        line = explain.explained(change, telling.subject, cause, refs, messages)
        lines.append((explain.place(cause, change), line))
    return lines


async def _causes(telling: Telling, positions: Sequence[int]) -> dict[int, Cause]:
    return {
        row[0]: explain.cause(row, telling.subject)
        for some in _pieces(positions)
        for row in await telling.snapshot.fetch(explain.causes(some))
    }


async def _refs(telling: Telling, causes: Collection[Cause]) -> frozenset[Ref]:
    """What the key points at of that which heard these rows where it did not itself."""
    refs = sorted({ref for cause in causes if not cause.own for ref in cause.refs})
    if not refs:
        return frozenset()
    rows = await telling.snapshot.fetch(explain.pointed(telling.moment, telling.subject, refs))
    return frozenset((view, id) for view, id in rows)


async def _messages(telling: Telling, causes: Collection[Cause]) -> dict[str, Message | None]:
    names = sorted({cause.evidence for cause in causes if cause.evidence is not None})
    return dict(
        [
            explain.message(row)
            for some in _pieces(names)
            for row in await telling.snapshot.fetch(explain.messages(some))
        ]
    )


def _pieces(of: Sequence[T]) -> Iterator[Sequence[T]]:
    return (of[start : start + PIECE] for start in range(0, len(of), PIECE))
