"""What was an object's state, second by second, whatever the order in which its messages came?

A provider's times are whole seconds, and several changes fall within one. Each message is an edge from
the state before to the state after; a second's outcome is the state that was entered once more often
than it was left. The history depends on the set of messages only, never on the order of delivery."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from ledgerstone.ledger.fact import Terms

T = TypeVar("T", bound=Terms)
Rank = Callable[[T], int]
NOTHING = -1
TERMINAL = 100
"""Ranks from here on are ends: within their second nothing comes after them."""


class Sighting(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One message about the object: at a second, the state went from `before` to `after` (indexes into
    the history's contents, `NOTHING` before it was created, equal when the message tells of no change)."""

    at: datetime
    message: str
    before: int
    after: int
    last: bool = False


class Step(Struct, frozen=True, array_like=True, gc=False):
    """From `at` on the object is as in `contents[value]`, until the next step.

    `ended`: it was deleted. `sure`: False when messages of that second are missing and the end of the
    second was chosen by rank; such an object is worth fetching again."""

    at: datetime
    value: int
    ended: bool = False
    sure: bool = True


class History(Struct, Generic[T], frozen=True, array_like=True, gc=False):
    """All that was heard of one object: its distinct states, the messages in order, the steps that follow
    from them, and which state it was in before the first (`NOTHING`: not born, or not told)."""

    contents: tuple[T, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    steps: tuple[Step, ...] = ()
    before: int = NOTHING


def observe(
    history: History[T],
    at: datetime,
    message: str,
    now: T,
    before: T | None = None,
    *,
    first: bool = False,
    last: bool = False,
    rank: Rank[T],
) -> History[T]:
    """The history with one more message in it. Steps that stay equal stay the same object, so that whoever
    depends on them need not be asked again."""
    contents, after = _index(history.contents, now)
    came_from = NOTHING if first else after
    if before is not None and not first:
        contents, came_from = _index(contents, before)
    sighting = Sighting(at, message, came_from, after, last)
    seen, steps = history.sightings, history.steps
    if not seen or seen[-1].at < at:
        opened = history.before if seen else _opening((sighting,))
        return History(contents, (*seen, sighting), _extended(steps, sighting), opened)
    place = bisect_left(seen, sighting)
    if place < len(seen) and seen[place] == sighting:
        return history
    seen = (*seen[:place], sighting, *seen[place:])
    while place and seen[place - 1].at == at:
        place -= 1
    then = _continued(contents, seen, place, _before(steps, at), rank)
    opened = history.before if seen[0].at < at else _opening(seen)
    return History(contents, seen, steps if then == steps else then, opened)


class Course(NamedTuple, Generic[T]):
    """What a history comes to: what the object was before the first message (None: not born, or not told),
    its distinct states, and when it took which. Messages that only repeat leave all three unchanged."""

    before: T | None
    contents: tuple[T, ...]
    steps: tuple[Step, ...]


def course(history: History[T]) -> Course[T]:
    """The course that a history's messages make."""
    before = None if history.before == NOTHING else history.contents[history.before]
    return Course(before, history.contents, history.steps)


def repeats(held: History[T], now: History[T]) -> bool:
    """Whether a history comes to the same course as one that it grew from."""
    return now.steps is held.steps and now.contents is held.contents and now.before == held.before


def _opening(sightings: Sequence[Sighting]) -> int:
    """The state that the first second left and did not enter, if there is one such and it was no birth."""
    at = sightings[0].at
    if len(sightings) == 1 or sightings[1].at != at:
        only = sightings[0]
        return only.before if only.before != only.after else NOTHING
    second = list(takewhile(lambda sighting: sighting.at == at, sightings))
    left = {s.before for s in second if s.before != s.after} - {
        s.after for s in second if s.before != s.after
    }
    return left.pop() if len(left) == 1 else NOTHING


def _continued(
    contents: Sequence[T], seen: Sequence[Sighting], since: int, steps: tuple[Step, ...], rank: Rank[T]
) -> tuple[Step, ...]:
    """The steps with those from a sighting on, the first of its second; equal neighbours are one."""
    while since < len(seen):
        at, end = seen[since].at, since + 1
        while end < len(seen) and seen[end].at == at:
            end += 1
        step = _outcome(at, seen[since:end], steps[-1].value if steps else NOTHING, contents, rank)
        if not steps or _differs(steps[-1], step):
            steps = (*steps, step)
        since = end
    return steps


def _extended(steps: tuple[Step, ...], sighting: Sighting) -> tuple[Step, ...]:
    """The steps after one message in a second of its own, later than all others: the usual case."""
    step = Step(sighting.at, sighting.after, sighting.last)
    return (*steps, step) if not steps or _differs(steps[-1], step) else steps


def _before(steps: tuple[Step, ...], at: datetime) -> tuple[Step, ...]:
    """The steps of earlier seconds: usually all, or all but the last."""
    count = len(steps)
    while count and steps[count - 1].at >= at:
        count -= 1
    return steps[:count]


def _outcome(
    at: datetime, second: Sequence[Sighting], held: int, contents: Sequence[T], rank: Rank[T]
) -> Step:
    if len(second) == 1:
        return Step(at, second[0].after, second[0].last)
    ends = [s for s in second if s.last] or [s for s in second if rank(contents[s.after]) >= TERMINAL]
    if ends:
        return _ranked(at, ends, contents, rank)
    excess: dict[int, int] = {}
    for sighting in second:
        if sighting.before != sighting.after:
            excess[sighting.after] = excess.get(sighting.after, 0) + 1
            excess[sighting.before] = excess.get(sighting.before, 0) - 1
    entered = [index for index, more in excess.items() if more > 0]
    if len(entered) == 1 and excess[entered[0]] == 1:
        return Step(at, entered[0])
    if not entered and held in excess:
        return Step(at, held)
    return _ranked(at, second, contents, rank)


def _ranked(at: datetime, second: Sequence[Sighting], contents: Sequence[T], rank: Rank[T]) -> Step:
    best = second[0]
    for sighting in second[1:]:  # they are sorted: of equal rank the later name wins
        if rank(contents[sighting.after]) >= rank(contents[best.after]):
            best = sighting
    sure = all(sighting.after == best.after for sighting in second)
    return Step(at, best.after, best.last, sure)


def _differs(one: Step, other: Step) -> bool:
    return one.value != other.value or one.ended != other.ended or one.sure != other.sure


def _index(contents: tuple[T, ...], content: T) -> tuple[tuple[T, ...], int]:
    try:
        return contents, contents.index(content)
    except ValueError:
        return (*contents, content), len(contents)
