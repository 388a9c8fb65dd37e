"""Which rows of the log is an answer of?"""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.adapters.postgres.halving import POSITION_AT
from ledgerstone.http.database import Snapshot
from ledgerstone.http.parameters import known_position, last_known
from ledgerstone.http.questions import Question
from ledgerstone.projections.reads.asked import Moment, Query

BEYOND = "known_at is later than the last row that the views have: this is as known at the head"

RECORDED = "select recorded_at from stored_events where notification_id = %(position)s"

LAST = (
    f"select r.notification_id, r.recorded_at from ({POSITION_AT.format(log='stored_events')}) as found"
    + (" join stored_events r on r.notification_id = found.low")
)


class Resolved(Struct, frozen=True):
    """A moment, when its last row was recorded, and what to say of it."""

    moment: Moment
    known_at: datetime | None
    notes: tuple[str, ...] = ()


def end_of_second(now: float) -> datetime:
    """The exclusive instant of now: the provider's clock has whole seconds, and this one counts."""
    return datetime.fromtimestamp(int(now) + 1, UTC)


async def resolve(snapshot: Snapshot, question: Question, book: str, at: datetime) -> Resolved:
    """The moment of a question: a page's own, else as `known_at` says, never beyond the views."""
    views = snapshot.positions.values()
    head = min(views) if views else await _head(snapshot)
    if question.cursor is not None:
        return await _resolved(snapshot, Moment(book, at, min(question.cursor.position, head)))
    moment = Moment(book, at, head)
    if question.known_at is None:
        return await _resolved(snapshot, moment)
    return await known(snapshot, *question.known_at, moment)


async def known(snapshot: Snapshot, parameter: str, text: str, moment: Moment) -> Resolved:
    """A moment as known at the position or time that a parameter names, never beyond its own position."""
    position = known_position(text)
    if position is None:
        position = await _position_at(snapshot, last_known(parameter, text), moment.position)
    found = await _resolved(snapshot, replace(moment, position=min(position, moment.position)))
    return replace(found, notes=(BEYOND,)) if position > moment.position else found


async def _resolved(snapshot: Snapshot, moment: Moment) -> Resolved:
    rows = await snapshot.fetch(Query(RECORDED, {"position": moment.position}))
    return Resolved(moment, rows[0][0] if rows else None)


async def _head(snapshot: Snapshot) -> int:
    """Of an answer that is of no view: the log's."""
    rows = await snapshot.fetch(Query("select coalesce(max(notification_id), 0) from stored_events", {}))
    return int(rows[0][0])


async def _position_at(snapshot: Snapshot, time: datetime, head: int) -> int:
    """The last row recorded at or before a time; one more than there are when that is later than all."""
    rows = await snapshot.fetch(Query(LAST, {"time": time}))
    if rows and rows[0][0] >= head and rows[0][1] < time:
        return head + 1
    return int(rows[0][0]) if rows else 0
