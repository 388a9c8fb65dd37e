"""What was an object's state, second by second, whatever the order in which its messages came?

A provider's times are whole seconds, and several changes fall within one. Each message is an edge from
the state before to the state after; a second's outcome is where a walk over its edges ends: the state that
was entered once more often than it was left. The history depends on the set of messages only, never on
the order of delivery."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

from ledgerstone.ledger.fact import Terms

T = TypeVar("T", bound=Terms)
Rank = Callable[[T], int]
NOTHING = -1
TERMINAL = 100
"""Ranks from here on are ends: within their second nothing but another end comes after them."""


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
    if came_from == after and not last and _stood(steps, at, after):
        return History(contents, seen, steps, history.before)
    while place and seen[place - 1].at == at:
        place -= 1
    then = _continued(contents, seen, place, _before(steps, at), rank)
    opened = history.before if seen[0].at < at else _opening(seen)
    return History(contents, seen, steps if then == steps else then, opened)


class Course(Struct, Generic[T], frozen=True, gc=False):
    """What a history comes to: what the object was before the first message (None: not born, or not told),
    its distinct states, and when it took which. Messages that only repeat leave all three unchanged."""

    before: T | None
    contents: tuple[T, ...]
    steps: tuple[Step, ...]


def course(history: History[T]) -> Course[T]:
    """The course that a history's messages make."""
    before = None if history.before == NOTHING else history.contents[history.before]
    return Course(before, history.contents, history.steps)


def says_more(history: History[T] | None, now: T) -> bool:
    """Whether it adds anything to what is known of an object that a list shows it so: where it is known to be
    so, beyond doubt, it does not, and need not be recorded."""
    if history is None or not history.steps:
        return True
    last = history.steps[-1]
    return last.ended or not last.sure or history.contents[last.value] != now


def repeats(held: History[T], now: History[T]) -> bool:
    """Whether a history comes to the same course as one that it grew from."""
    return now.steps is held.steps and now.contents is held.contents and now.before == held.before


def _opening(sightings: Sequence[Sighting]) -> int:
    """The state that the first second left more often than it entered, if there is one such and it was no
    birth."""
    at = sightings[0].at
    if len(sightings) == 1 or sightings[1].at != at:
        only = sightings[0]
        return only.before if only.before != only.after else NOTHING
    excess = _excess([sighting for sighting in sightings if sighting.at == at])
    left = [index for index, more in excess.items() if more < 0]
    return left[0] if len(left) == 1 else NOTHING


def _continued(
    contents: Sequence[T], seen: Sequence[Sighting], since: int, steps: tuple[Step, ...], rank: Rank[T]
) -> tuple[Step, ...]:
    """The steps with those from a sighting on, the first of its second; equal neighbours are one."""
    while since < len(seen):
        at, end = seen[since].at, since + 1
        while end < len(seen) and seen[end].at == at:
            end += 1
        held = steps[-1].value if steps and not steps[-1].ended else NOTHING
        step = _outcome(at, seen[since:end], held, contents, rank)
        if not steps or _differs(steps[-1], step):
            steps = (*steps, step)
        since = end
    return steps


def _extended(steps: tuple[Step, ...], sighting: Sighting) -> tuple[Step, ...]:
    """The steps after one message in a second of its own, later than all others: the usual case."""
    step = Step(sighting.at, sighting.after, sighting.last)
    return (*steps, step) if not steps or _differs(steps[-1], step) else steps


def _stood(steps: tuple[Step, ...], at: datetime, value: int) -> bool:
    """Whether the object is known beyond doubt to have been in a state after a second. A message of that
    second that found it so, and tells of no change, then says nothing new: no state is entered or left more
    often by it."""
    for step in reversed(steps):
        if step.at <= at:
            return step.value == value and step.sure and not step.ended
    return False


def _before(steps: tuple[Step, ...], at: datetime) -> tuple[Step, ...]:
    """The steps of earlier seconds: usually all, or all but the last."""
    count = len(steps)
    while count and steps[count - 1].at >= at:
        count -= 1
    return steps[:count]


def _outcome(
    at: datetime, second: Sequence[Sighting], held: int, contents: Sequence[T], rank: Rank[T]
) -> Step:
    """The state after a second: where a walk over its edges ends, each taken once. Where there is no such
    walk, a message is missing, and rank and name choose."""
    if len(second) == 1:
        return Step(at, second[0].after, second[0].last)
    deleted = [s for s in second if s.last]
    edges = deleted or [s for s in second if rank(contents[s.after]) >= TERMINAL] or second
    if len(edges) == 1:
        return Step(at, edges[0].after, bool(deleted))
    excess = _excess(edges)
    entered = [index for index, more in excess.items() if more > 0]
    if _hang_together(edges):
        if len(entered) == 1 and excess[entered[0]] == 1:
            return Step(at, entered[0], bool(deleted))
        if not entered and held in excess:
            return Step(at, held, bool(deleted))
    sure = all(edge.after == edges[0].after for edge in edges)
    return Step(at, _likeliest(edges, entered, contents, rank), bool(deleted), sure)


def _excess(edges: Sequence[Sighting]) -> dict[int, int]:
    """How much more often each state was entered than left; `NOTHING` is left by a birth."""
    excess: dict[int, int] = {}
    for edge in edges:
        excess[edge.after] = excess.get(edge.after, 0) + 1
        excess[edge.before] = excess.get(edge.before, 0) - 1
    return excess


def _hang_together(edges: Sequence[Sighting]) -> bool:
    """Whether the edges touch each other, those of messages that told of no change included: such a message
    saw a state, and if no change led to it or from it, one is missing."""
    ends = {edges[0].before, edges[0].after} - {NOTHING}
    for edge in edges[1:]:  # in turn, as most do
        if edge.after not in ends and edge.before not in ends:
            break
        ends.add(edge.after)
        if edge.before != NOTHING:
            ends.add(edge.before)
    else:
        return True
    groups: list[set[int]] = []
    for edge in edges:
        ends = {edge.after} if edge.before == NOTHING else {edge.before, edge.after}
        touched = [group for group in groups if group & ends]
        groups = [group for group in groups if not group & ends] + [ends.union(*touched)]
    return len(groups) == 1


def _likeliest(
    edges: Sequence[Sighting], entered: Sequence[int], contents: Sequence[T], rank: Rank[T]
) -> int:
    """Of the states that were not left again, the one of the highest rank, then of the last name; one that a
    birth showed only if there is no other, because nothing comes before a birth."""
    left = {edge.before for edge in edges if edge.before != edge.after}
    open_ends = [edge for edge in edges if edge.after in entered or edge.after not in left] or edges
    best = max(open_ends, key=lambda e: (e.before != NOTHING, rank(contents[e.after]), e.message))
    return best.after


def _differs(one: Step, other: Step) -> bool:
    return one.value != other.value or one.ended != other.ended or one.sure != other.sure


def _index(contents: tuple[T, ...], content: T) -> tuple[tuple[T, ...], int]:
    try:
        return contents, contents.index(content)
    except ValueError:
        return (*contents, content), len(contents)
