"""What does the journal ask of whoever keeps the log? Units in, one order for all; rows out, by position."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from eventsourcing.persistence import OperationalError
from msgspec import Struct

T = TypeVar("T")
Key = tuple[bytes, int]
"""A stream (the 16 bytes of its UUID) and a version in it: what the log keeps unique."""


class LogUnavailable(OperationalError):
    """The log cannot be written, or read, now; the message says why. Trying again later is safe for facts,
    whose names make a second telling harmless, and for decisions, which meet a version conflict if the first
    was kept."""


class LogBusy(LogUnavailable):
    """More is waiting to be written than we are willing to hold. Nothing of this unit was kept."""


class Row(Struct, frozen=True, gc=False):
    """A row on its way into the log. It is right only where the log has none of the keys in `unless`: these
    are looked up before it is written, and if one is there its unit is decided again. What stands `brief`
    beside it, see `heads`."""

    key: Key
    topic: str
    state: bytes
    unless: tuple[Key, ...] = ()
    brief: bytes = b""


class Known(Struct, frozen=True, gc=False):
    """A row that the log has."""

    position: int
    state: bytes


Decide = Callable[[Mapping[Key, Known], int], tuple[Sequence[Row], T]]
"""A pure function of what is known already and of the next position: the rows to append, and the answer.

It may be asked more than once, and what it raises refuses its own unit only. `known` may lack what the log
has; then the log refuses the rows, and it is asked again. So what it takes for new it must append, and its
rows must not depend on the position: only its answer may."""


class Unit(Struct, Generic[T], frozen=True):
    """What is appended whole or not at all. `keys` are worth looking up beforehand; `size` is its weight in
    bytes of state."""

    keys: Sequence[Key]
    decide: Decide[T]
    size: int


class Promise(Protocol):
    """A future, of a thread's or of an event loop's kind."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, error: BaseException, /) -> None: ...


Posted = tuple[Unit[Any], Promise]
Answer = tuple[Promise, Any]
Call = Callable[..., Any]
"""Calls its first argument with the others, in the thread to which a promise belongs."""


def here(function: Callable[..., None], *arguments: Any) -> None:
    """The `Call` for promises that any thread may keep."""
    function(*arguments)


def keep(answers: Sequence[Answer]) -> None:
    """Give each promise its answer; who has gone away in the meantime gets none."""
    for promise, answer in answers:
        if promise.done():
            continue
        if isinstance(answer, BaseException):
            promise.set_exception(answer)
        else:
            promise.set_result(answer)


class Log(Protocol):
    """Keeps the log. Positions are 1, 2, 3 … without a gap, in the order of commits. What reads raises
    LogUnavailable."""

    def enqueue(self, posted: Sequence[Posted], call: Call) -> None:
        """Append units soon; their promises are kept after the commit, all of a commit in one `call`. What is
        more than may wait hears LogBusy, here and at once. A promise may be answered with LogUnavailable."""

    def submit(self, unit: Unit[T]) -> Future[T]:
        """The same for threads, one unit at a time. Raises LogBusy when too much waits already."""

    def window(
        self, after: int, limit: int, topics: Sequence[str] | None = None, heads: Sequence[str] = ()
    ) -> list[tuple[int, str, bytes | None]]:
        """Position, topic and state of the `limit` rows after a position, or of those of `topics` and the
        last, which has no state if it is another; where `heads` has the topic, its brief or else its first
        `heads.HEAD` bytes."""

    def timed_window(
        self, after: int, limit: int, topics: Sequence[str] | None = None
    ) -> list[tuple[int, datetime, bytes | None]]:
        """Position, time of recording and state, as `window`."""

    def picked(self, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        """Position and state of the rows at some positions, in order."""

    def find(self, keys: Sequence[Key]) -> dict[Key, Known]:
        """What the log has of some keys."""

    def head(self) -> int:
        """The last position; 0 while there is none."""

    def position_at(self, time: datetime) -> int:
        """The position of the last row recorded at or before a time; 0 when there is none."""

    def recorded_at(self, position: int) -> datetime | None:
        """When a row was recorded; None when there is no such row."""


def decide_all(
    units: Sequence[Unit[Any]], known: Mapping[Key, Known], position: int
) -> tuple[list[Row], list[Any]]:
    """Decide units in order, each seeing the rows of those before it: all rows, and each unit's answer.

    The answer of a unit that is refused is the error that it raised."""
    known, rows, answers = dict(known), list[Row](), list[Any]()
    for unit in units:
        start = position + len(rows)
        try:
            new, answer = unit.decide(known, start)
        except Exception as error:
            new, answer = (), error
        if len(units) > 1:
            known.update((row.key, Known(at, row.state)) for at, row in enumerate(new, start))
        rows.extend(new)
        answers.append(answer)
    return rows, answers
