"""Which messages came, of which type, about which object, and where is what was read from them? An index over
the log, so that nobody has to search it.

It is no view: it has a row for each message, that is for half of the log, and no figure needs it. So it is
kept apart from the chains of views, and brought up to date when there is time, or when somebody asks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from msgspec import Struct

from ledgerstone.ledger.evidence import EvidenceConfirmed, EvidenceConflict, EvidenceRead, StripeEventHeard
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.recorded import Recorded, decode

NAME = "events_v2"
"""What `views.tracking` calls it. Another shape, or another reading of `object` or `tag`, is another
version."""
READ_AT_LAST = f"{tag(EvidenceRead)}/parked"
"""The tag of the row that ends the waiting of what was parked. Nothing else does, whatever others told."""
WINDOW = 5_000
"""Log rows for one transaction, at most."""
BYTES = 16_777_216
"""Bytes of log rows that are enough for one: whole payloads are read, and some have a megabyte."""
PIECE = 50
"""Log rows that are read in one go. How large they are is known only then: so many may exceed `BYTES`."""

Raw = Sequence[tuple[int, str, bytes | None]]
About = Callable[[bytes], str | None]
"""Which object a payload is about: the provider's id of it, if it has one that can be looked up."""


class Indexed(Struct, frozen=True, gc=False):
    """A message: its evidence stands at `position`, `rows` that were read from it in the same append stand
    directly behind."""

    book: str
    position: int
    at: datetime
    type: str
    object: str | None
    parked: bool
    rows: int


class Later(Struct, frozen=True, gc=False):
    """A row that has to do with a message and came after its append: it was heard again, or read again. The
    message is named by its stream, the row's kind is as `noted`."""

    book: str
    event: UUID
    position: int
    tag: str


class Pages(Struct, frozen=True):
    """What a window of the log adds to the index, which then is at position `upto`."""

    upto: int
    events: list[Indexed]
    later: list[Later]


class Log(Protocol):
    """Where rows come from."""

    def raw(self, after: int, limit: int) -> Raw:
        """The rows after a position: position, tag and state."""
        ...


class Index(Protocol):
    """Where the index is kept."""

    def position(self) -> int:
        """How far it is; makes its tables where they are missing."""
        ...

    def write(self, expected: int, upto: int, events: Sequence[Indexed], later: Sequence[Later]) -> bool:
        """Add to it, unless it is not at `expected` any more: then nothing is written."""
        ...


def advance(log: Log, index: Index, about: About) -> bool:
    """Index the next window; whether the log may go on behind it. Any number of processes may do the same:
    one of them writes."""
    position = index.position()
    raw, whole = _window(log, position)
    if raw:
        read = pages(raw, about, whole)
        index.write(position, read.upto, read.events, read.later)
    return not whole


def _window(log: Log, after: int) -> tuple[Raw, bool]:
    """The next rows, piece by piece until they are many or large; and whether they are all that there are."""
    raw, size = list[tuple[int, str, bytes | None]](), 0
    while len(raw) < WINDOW and size < BYTES:
        wanted = min(PIECE, WINDOW - len(raw))
        piece = log.raw(raw[-1][0] if raw else after, wanted)
        raw += piece
        size += sum(len(state or b"") for _, _, state in piece)
        if len(piece) < wanted:
            return raw, True
    return raw, False


def pages(raw: Raw, about: About, whole: bool) -> Pages:
    """What some rows of the log add. Unless they are the `whole` rest of it, the last message may go on
    behind them: it is left for the next time. A row that cannot be decoded is not found here; `verify` names
    it."""
    found = list(_messages(raw))
    if not whole and len(found) > 1:
        found.pop()
        raw = raw[: found[-1].end]
    later = [one for message in found for one in message.later]
    return Pages(raw[-1][0], [_indexed(message, about) for message in found if message.evidence], later)


def noted(row: Recorded) -> str:
    """The kind of a row that has to do with a message: its tag, or `READ_AT_LAST`."""
    body = row.body
    return READ_AT_LAST if isinstance(body, EvidenceRead) and body.parked else tag(type(body))


class _Message(Struct):
    """An evidence with the rows behind it; `end` counts the rows of the window up to the next evidence."""

    position: int
    evidence: Recorded | None
    rows: int
    later: list[Later]
    end: int

    def goes_on(self, position: int, named: str) -> bool:
        """Is the row at a position the next of its append? What is parked has no more rows: whatever is read
        from it came later, though nothing else came in between."""
        if self.evidence is None or self.evidence.name != named or position != self.position + self.rows + 1:
            return False
        return isinstance(self.evidence.body, StripeEventHeard) and self.evidence.body.parked is None


def _messages(raw: Raw) -> Iterator[_Message]:
    held = _Message(0, None, 0, [], 0)
    for place, (position, row) in enumerate(_decoded(raw)):
        if row is not None and isinstance(row.body, StripeEventHeard):
            if held.end:
                yield held
            held = _Message(position, row, 0, [], 0)
        elif row is not None:
            _add(held, position, row)
        held.end = place + 1
    if held.end:
        yield held


def _add(message: _Message, position: int, row: Recorded) -> None:
    named = _named(row)
    if named is None:
        return
    if message.goes_on(position, named):
        message.rows += 1
    else:
        message.later.append(Later(str(row.book), stream(named), position, noted(row)))


def _named(row: Recorded) -> str | None:
    """The message that a row has to do with."""
    body = row.body
    return body.first if isinstance(body, EvidenceConflict | EvidenceConfirmed) else row.cause


def _indexed(message: _Message, about: About) -> Indexed:
    row = message.evidence
    assert row is not None
    assert isinstance(row.body, StripeEventHeard)
    heard = row.body
    return Indexed(
        book=str(row.book),
        position=message.position,
        at=heard.created,
        type=heard.event_type,
        object=about(heard.payload),
        parked=heard.parked is not None,
        rows=message.rows,
    )


def _decoded(raw: Raw) -> Iterable[tuple[int, Recorded | None]]:
    for position, _, state in raw:
        try:
            yield position, decode(state or b"")
        except msgspec.MsgspecError:
            yield position, None
