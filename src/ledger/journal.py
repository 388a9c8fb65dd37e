"""The journal: the one way into the log and out of it, for facts.

The only file that knows eventsourcing's application layer."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper as LibraryMapper
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from msgspec import DecodeError, Struct

from ledgerstone.ledger.admission import (
    LogMoved,
    NameTaken,
    Receipt,
    Telling,
    new_only,
    standing_at,
    stored,
    told,
    told_together,
    unit,
)
from ledgerstone.ledger.log import Log, LogBusy, LogUnavailable, Posted, Promise, Unit, keep
from ledgerstone.ledger.names import stream_bytes
from ledgerstone.ledger.recorded import Recorded, decode

__all__ = [
    "Entry",
    "Journal",
    "LogBusy",
    "LogMoved",
    "LogUnavailable",
    "Mapper",
    "NameTaken",
    "Receipt",
    "Recorded",
]

Tell = Callable[[], Sequence[Recorded]]
"""Makes the rows of a message."""
CHUNK_ROWS, CHUNK_BYTES = 1_000, 2_000_000
CHUNKS_IN_FLIGHT = 3


class Entry(Struct, frozen=True, gc=False):
    """A row where it stands: `position`, the time `recorded_at` (UTC), and the row; None where it was not
    asked for."""

    position: int
    recorded_at: datetime
    row: Recorded | None


class Mapper(LibraryMapper[UUID]):
    """Our rows for the library: the topic is the fact's tag, the state MessagePack, the stream the name's."""

    def to_stored_event(self, domain_event: Recorded) -> StoredEvent:  # type: ignore[override]
        row = stored(domain_event)
        stream, version = row.key
        return StoredEvent(UUID(bytes=stream), version, row.topic, row.state)

    def to_domain_event(self, stored_event: StoredEvent) -> Recorded:  # type: ignore[override]
        try:
            return decode(stored_event.state)
        except DecodeError as error:
            where = f"{stored_event.topic} {stored_event.originator_id}"
            raise MapperDeserialisationError(f"the row {where} cannot be decoded: {error}") from error


class Books(Application[UUID]):
    """The library's application over the log; its tables begin with `stored`."""

    name = "stored"
    env = {"MAPPER_TOPIC": "ledgerstone.ledger.journal:Mapper"}  # noqa: RUF012 (the library's own attribute)


class Journal:
    """Appends messages, each whole or not at all and each name once, and reads them by position.

    `environment` configures the library's application; its persistence module must bring a recorder that is
    a `Log`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.application = Books(dict(environment))
        self.log = cast(Log, self.application.recorder)
        self._posted: dict[asyncio.AbstractEventLoop, list[tuple[Tell, Promise]]] = {}

    def append(self, rows: Sequence[Recorded]) -> Receipt:
        """Append one message, evidence first, and wait until it is committed.

        Raises LogBusy or LogUnavailable."""
        return self.submit(rows).result()

    def submit(self, rows: Sequence[Recorded]) -> Future[Receipt]:
        """Append one message soon; the future is done after the commit. Raises LogBusy."""
        return self.log.submit(told(rows))

    def post(self, tell: Tell) -> asyncio.Future[Receipt]:
        """As `submit`, for coroutines, of the rows that `tell` returns; the future raises LogBusy,
        LogUnavailable, or what `tell` raises.

        What is posted in one turn of the event loop is told in one go, and queued at one time: what reads
        messages stays in the processor's caches from one to the next, which is a third of its cost. And all
        futures of a commit are done in one turn."""
        loop = asyncio.get_running_loop()
        promise: asyncio.Future[Receipt] = loop.create_future()
        posted = self._posted.get(loop)
        if posted is None:
            posted = self._posted[loop] = []
            loop.call_soon(self._enqueue, loop)
        posted.append((tell, promise))
        return promise

    def _enqueue(self, loop: asyncio.AbstractEventLoop) -> None:
        units = list[Posted]()
        for tell, promise in self._posted.pop(loop):
            made = _unit(tell)
            if isinstance(made, Exception):
                keep([(promise, made)])
            else:
                units.append((made, promise))
        self.log.enqueue(units, loop.call_soon_threadsafe)
        del made, promise, units  # an error knows the frames that it came by, and is known to its promise

    def append_new(self, rows: Sequence[Recorded]) -> None:
        """Append rows that were decided upon by what the log had, all in one commit and none if any of their
        names is taken by now: raises NameTaken, and then they have to be decided upon again."""
        if rows:
            self.log.submit(new_only(rows)).result()

    def append_at(self, row: Recorded, position: int) -> None:
        """Append a row that was decided upon by all that stands before a position: it stands there, or is not
        appended. Raises LogMoved, or NameTaken."""
        self.log.submit(standing_at(row, position)).result()

    def append_many(self, messages: Iterable[Sequence[Recorded]]) -> list[Receipt]:
        """Append many messages, as imports do: each whole, several to a commit. Safe to run again."""
        return list(self.append_stream(messages))

    def append_stream(self, messages: Iterable[Sequence[Recorded]]) -> Iterator[Receipt]:
        """As `append_many`, for any number: receipts come in the order of messages, as commits are done, and
        messages are read only so far ahead. It appends while it is iterated over."""
        return self._append_stream(map(told, messages))

    def append_tellings(self, tellings: Iterable[Telling]) -> Iterator[Receipt]:
        """As `append_stream`, for messages that were made into rows elsewhere: in another process, say."""
        return self._append_stream(map(unit, tellings))

    def _append_stream(self, units: Iterable[Unit[Receipt]]) -> Iterator[Receipt]:
        waiting: deque[Future[list[Receipt]]] = deque()
        for chunk in _chunks(units):
            waiting.append(self.log.submit(told_together(chunk)))
            if len(waiting) == CHUNKS_IN_FLIGHT:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()

    def states(self, names: Sequence[str]) -> dict[str, bytes]:
        """What the log holds under some names, as it stands there."""
        keys = {(stream_bytes(name), 1): name for name in names}
        return {keys[key]: held.state for key, held in self.log.find(list(keys)).items()}

    def read(self, after: int, limit: int, tags: Sequence[str] | None = None) -> list[Entry]:
        """The `limit` rows after a position, in order. Rows of other `tags` are there without their content,
        so that a window is always one of positions."""
        return [
            Entry(position, recorded_at, None if state is None else decode(state))
            for position, recorded_at, state in self.log.timed_window(after, limit, tags)
        ]

    def raw(
        self, after: int, limit: int, tags: Sequence[str] | None = None, heads: Sequence[str] = ()
    ) -> list[tuple[int, str, bytes | None]]:
        """As `read`, not decoded, as fast as they come: position, tag and state (its head for `heads`). Rows
        of other `tags` are left out but for the last, which tells how far the window goes."""
        return self.log.window(after, limit, tags, heads)

    def picked(self, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        """The rows at some positions, in order, not decoded."""
        return self.log.picked(positions)

    def find(self, names: Iterable[str]) -> dict[str, Recorded]:
        """The facts that have been recorded under some of these names."""
        found = self.log.find([(stream_bytes(name), 1) for name in names])
        return {row.name: row for row in (decode(known.state) for known in found.values())}

    def head(self) -> int:
        """The last position; 0 while the log is empty."""
        return self.log.head()

    def position_at(self, time: datetime) -> int:
        """The position of the last row recorded at or before a time; 0 when there is none."""
        return self.log.position_at(time)

    def recorded_at(self, position: int) -> datetime | None:
        """When a row was recorded (UTC); None when there is no such row."""
        return self.log.recorded_at(position)

    def close(self) -> None:
        """Write what waits, and let go of the database."""
        self.application.close()


def _unit(tell: Tell) -> Unit[Receipt] | Exception:
    """What a message tells, or why it cannot be told, which is its own matter."""
    try:
        return told(tell())
    except Exception as error:
        return error


def _chunks(units: Iterable[Unit[Receipt]]) -> Iterator[list[Unit[Receipt]]]:
    chunk: list[Unit[Receipt]] = []
    rows = size = 0
    for one in units:
        chunk.append(one)
        rows, size = rows + len(one.keys), size + one.size
        if rows >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield chunk
            chunk, rows, size = [], 0, 0
    if chunk:
        yield chunk
