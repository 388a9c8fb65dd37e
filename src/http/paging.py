"""How does a long answer go on? By a cursor that holds the snapshot and the place, so that no page repeats or
skips a row, whatever is written in the meantime."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec
from msgspec import Struct

from ledgerstone.http.errors import Problem, refused
from ledgerstone.http.parameters import Paged
from ledgerstone.ledger.periods import YEARS
from ledgerstone.projections.reads.asked import Place

DEFAULT, MOST = 100, 1000
DAY = timedelta(days=1)
ASKED = datetime(YEARS.start, 1, 1, tzinfo=UTC) - DAY, datetime(YEARS.stop, 1, 1, tzinfo=UTC) + DAY
"""The instants that parameters can say; east and west of UTC their years begin and end up to a day apart."""
TOLD = datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""The times that rows can have: a provider's Unix seconds, to the end of the calendar."""


class Cursor(Struct, frozen=True, array_like=True):
    """Where an answer goes on: in the snapshot at `position` and `at`, of the question with this digest,
    after the row of a list with this time and id, or after so many rows of a table.

    A union of a tuple and a bounded integer would say so better, but when the garbage collector visits the
    decoder of one, msgspec 0.22 crashes."""

    position: int
    at: datetime
    question: bytes
    time: datetime | None = None
    id: str = ""
    rows: int = 0

    @property
    def place(self) -> Place | None:
        """The place in a list."""
        return None if self.time is None else (self.time, self.id)


def written(cursor: Cursor) -> str:
    """The cursor as an opaque word."""
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def read_cursor(path: str, query: Paged) -> Cursor | None:
    """The cursor of a question. Raises a Problem when it is none of ours, or of another question."""
    if query.after is None:
        return None
    try:
        padded = query.after + "=" * (-len(query.after) % 4)
        cursor = msgspec.msgpack.decode(urlsafe_b64decode(padded), type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise _foreign("is not one that we gave out") from None
    if cursor.question != digest(path, query):
        raise _foreign("belongs to another question: repeat the other parameters as they were")
    if not (_is_sane(cursor.position) and _is_sane(cursor.rows) and _is_possible(cursor)):
        raise _foreign("is not one that we gave out")
    return cursor


def digest(path: str, query: Paged) -> bytes:
    """What a question is, whatever the size of its pages."""
    asked = msgspec.structs.replace(query, limit=None, after=None)
    return blake2b(path.encode() + msgspec.json.encode(asked), digest_size=8).digest()


def _is_sane(count: int) -> bool:
    return 0 <= count < 2**53


def _is_possible(cursor: Cursor) -> bool:
    """The digest is no secret, so anybody can write a cursor. No id has a NUL: such messages are parked."""
    within = _is_within(cursor.at, ASKED) and (cursor.time is None or _is_within(cursor.time, TOLD))
    return within and "\0" not in cursor.id


def _is_within(time: datetime, ends: tuple[datetime, datetime]) -> bool:
    return time.tzinfo is not None and ends[0] <= time <= ends[1]


def _foreign(what: str) -> Problem:
    return refused("after", f"`after` {what}. It is the `next` of an answer.")
