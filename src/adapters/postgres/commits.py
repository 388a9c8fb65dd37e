"""Group commit: all that waits while a commit is in flight shares the next one.

One thread writes. Callers queue their units and hear of them after the commit; what one unit is refused for
does not touch its neighbours."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Any, TypeVar

import eventsourcing.persistence
import psycopg
from msgspec import Struct

from ledgerstone.adapters.postgres.append import (
    BYTES,
    ROWS,
    Proposal,
    Statements,
    commit,
    insert_first,
    landed,
    propose,
    write,
)
from ledgerstone.adapters.postgres.line import Line
from ledgerstone.adapters.postgres.recent import Recent
from ledgerstone.ledger.log import Answer, Call, LogBusy, LogUnavailable, Posted, Promise, Unit, here, keep

T = TypeVar("T")
PATIENCE = 2.5
"""Seconds for which a batch is tried again when the database is gone; callers must hear within five."""

QUEUE_BYTES = 64_000_000
NOT_KEPT = "The log cannot be written now, and nothing of this was kept: tell it again later."
IN_DOUBT = "The log cannot be written now, and this may have been kept or not: tell it again later."
LOST = psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction
logger = logging.getLogger(__name__)

Finish = Callable[[Line, Statements, Proposal], None]


class Waiting(Struct, frozen=True, gc=False):
    """A unit in the queue, and who wants to hear of it, where."""

    unit: Unit[Any]
    promise: Promise
    call: Call


class GroupCommit:
    """The queue and its writer, which starts with the first unit. At most `limit` units wait, and about
    `QUEUE_BYTES`."""

    def __init__(self, connect: Callable[[], Line], sql: Statements) -> None:
        self.limit = 10_000
        self._connect, self._sql = connect, sql
        self._queue: deque[Waiting] = deque()
        self._queued = 0
        self._changed, self._closed = Condition(), False
        self._line: Line | None = None
        self._recent = Recent()
        self._thread: Thread | None = None

    def submit(self, unit: Unit[T]) -> Future[T]:
        """Queue a unit, for threads. Raises LogBusy when the queue is full, LogUnavailable when closed."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on it is written: nobody can take it back
        with self._changed:
            if refusal := self._refusal():
                raise refusal
            self._add(Waiting(unit, future, here))
        return future

    def enqueue(self, posted: Sequence[Posted], call: Call) -> None:
        """Queue units at one time; what is refused hears of it here, the rest by `call`."""
        refused = list[Answer]()
        with self._changed:
            for unit, promise in posted:
                if refusal := self._refusal():
                    refused.append((promise, refusal))
                else:
                    self._add(Waiting(unit, promise, call))
        keep(refused)

    def _refusal(self) -> LogUnavailable | None:
        if self._closed:
            return LogUnavailable("the log was closed")
        if len(self._queue) >= self.limit or self._queued > QUEUE_BYTES:
            return LogBusy(f"{len(self._queue)} messages wait to be written: try again in a second")
        return None

    def _add(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        self._queued += waiting.unit.size
        if self._thread is None:
            self._thread = Thread(target=self._run, name="ledgerstone-log", daemon=True)
            self._thread.start()
        self._changed.notify()

    def close(self) -> None:
        """Write what waits, then stop. Nothing can be queued any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._disconnect()

    def _run(self) -> None:
        while batch := self._next():
            try:
                answers = self._commit([waiting.unit for waiting in batch])
            except LogUnavailable as error:
                answers = [LogUnavailable(*error.args) for _ in batch]
                batch += self._empty()  # who came in the meantime would wait as long again, for nothing
                answers += [LogUnavailable(f"{error.__cause__}. {NOT_KEPT}") for _ in batch[len(answers) :]]
            _tell(batch, answers)

    def _next(self) -> list[Waiting]:
        """What waits, up to the size of a statement; nothing when the queue was closed and is empty."""
        batch, rows, size = list[Waiting](), 0, 0
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            while self._queue:
                unit = self._queue[0].unit
                rows, size = rows + len(unit.keys), size + unit.size
                if batch and (rows > ROWS or size > BYTES):
                    break
                batch.append(self._queue.popleft())
                self._queued -= unit.size
        return batch

    def _empty(self) -> list[Waiting]:
        with self._changed:
            batch = list(self._queue)
            self._queue.clear()
            self._queued = 0
        return batch

    def _commit(self, units: Sequence[Unit[Any]]) -> list[Any]:
        """The answer to each unit, after the commit: what it decided, or the error that it failed with."""
        try:
            return list(self._commit_patiently(units))
        except LogUnavailable:
            raise
        except Exception as error:
            self._disconnect()
            if len(units) > 1:  # find the one that spoils the others
                return [self._commit_alone(unit) for unit in units]
            return [_translated(error)]

    def _commit_alone(self, unit: Unit[Any]) -> Any:
        try:
            return self._commit([unit])[0]
        except LogUnavailable as error:  # what was committed before it stays committed
            return error

    def _commit_patiently(self, units: Sequence[Unit[Any]]) -> Sequence[Any]:
        in_doubt: Proposal | None = None
        lost: Exception | None = None
        for _ in self._tries():
            try:
                line = self._line = self._line or self._connect()
                if in_doubt is not None and landed(line, self._sql, in_doubt):
                    return in_doubt.answers
                in_doubt = None
                proposal, finish = self._propose(line, units)
                in_doubt = proposal  # its commit may succeed without our hearing of it
                finish(line, self._sql, proposal)
                self._recent.keep(proposal.head, proposal.rows, proposal.known)
                return proposal.answers
            except LOST as error:
                lost = error
                self._disconnect()
        raise LogUnavailable(f"{lost}. {IN_DOUBT if in_doubt else NOT_KEPT}") from lost

    def _propose(self, line: Line, units: Sequence[Unit[Any]]) -> tuple[Proposal, Finish]:
        """What is about to be written, and how it is committed."""
        if self._recent.suffices(sum(len(unit.keys) for unit in units)):
            known = self._recent.of(key for unit in units for key in unit.keys)
            inserted = insert_first(line, self._sql, units, known, self._recent.head)
            if inserted is not None:
                return inserted, commit
        return propose(line, self._sql, units), write

    def _tries(self) -> Iterator[None]:
        """Once, once more at once (an idle connection may have died long ago), then every now and then."""
        patient_until = monotonic() + PATIENCE
        yield
        pause = 0.0
        while monotonic() < patient_until:
            sleep(pause)
            yield
            pause = 0.1

    def _disconnect(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        self._recent.forget()


def _tell(batch: Sequence[Waiting], answers: Sequence[Any]) -> None:
    """Keep the promises, those of one event loop in one call."""
    by_call: dict[Call, list[Answer]] = {}
    for waiting, answer in zip(batch, answers, strict=True):
        by_call.setdefault(waiting.call, []).append((waiting.promise, answer))
    for call, kept in by_call.items():
        try:
            call(keep, kept)
        except RuntimeError:  # an event loop that was closed: nobody listens any more
            logger.warning("%d messages were written, and nobody heard", len(kept))


def _translated(error: Exception) -> Exception:
    """The library's exception of the same name, which its users expect."""
    for kind in type(error).__mro__:
        if kind.__module__.startswith("psycopg") and hasattr(eventsourcing.persistence, kind.__name__):
            translated: Exception = getattr(eventsourcing.persistence, kind.__name__)(str(error))
            return translated.with_traceback(error.__traceback__)
    return error
