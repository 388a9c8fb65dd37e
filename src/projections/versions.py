"""What became of a key's rows, version by version? Each change of a view's table as what a row said before
and what it says after, in the order in which it became known."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct

NEAR = 20
"""How far apart, among the rows of one step, two rows may stand to be taken for the same."""

Kind = Literal["opened", "changed", "followed", "closed"]
Spans = tuple[int, int] | None
"""Which columns say since when and until when a row was true, where there are such."""


class Edge(Struct, frozen=True, gc=False):
    """A row that a key began or ceased to show at `at`, a position. `known_to` is where one that it began to
    show was known no more; `place` is the row's among those that the key showed then."""

    at: int
    opened: bool
    known_to: int | None
    place: int
    values: Sequence[Any]


class Change(Struct, frozen=True, gc=False):
    """What a row says from the position `at` on (`after`), and what was said `before`: nothing (`opened`),
    something else about the same time (`changed`), or what was true until this began to be (`followed`). What
    has no `after` ended, and no other came in its place (`closed`). `number` counts the changes of a
    position."""

    at: int
    number: int
    kind: Kind
    known_to: int | None
    before: Sequence[Any] | None
    after: Sequence[Any] | None


def changes(edges: Iterable[Edge], spans: Spans) -> Iterator[Change]:
    """The changes that edges, in the order of their positions, come to."""
    for at, step in groupby(edges, attrgetter("at")):
        paired = _paired(sorted(step, key=attrgetter("place")), spans)
        for number, (kind, before, after) in enumerate(paired):
            known_to = after.known_to if after else None
            yield Change(at, number, kind, known_to, _said(before), _said(after))


def _paired(step: Sequence[Edge], spans: Spans) -> Iterator[tuple[Kind, Edge | None, Edge | None]]:
    """Each row that came beside the one in whose place it came, then those that only ended. A view does not
    say which is the next version of which: it is the one that is most alike, and in half of what it says
    besides its times at least."""
    gone, come = [edge for edge in step if not edge.opened], [edge for edge in step if edge.opened]
    replaced: dict[int, Edge] = {}
    left = dict(enumerate(gone))
    for _, _, new, old in sorted(_alike(gone, come, spans)):
        if new not in replaced and old in left:
            replaced[new] = left.pop(old)
    for new, after in enumerate(come):
        if new in replaced:
            yield "changed", replaced[new], after
        elif (before := _precursor(after, come[max(0, new - NEAR) : new + NEAR], spans)) is not None:
            yield "followed", before, after
        else:
            yield "opened", None, after
    yield from (("closed", edge, None) for edge in left.values())


def _alike(gone: Sequence[Edge], come: Sequence[Edge], spans: Spans) -> Iterator[tuple[int, int, int, int]]:
    """Pairs that may be the same row: in how many columns they differ, how far apart they stand, and which
    they are among those that came and those that went."""
    for new, after in enumerate(come):
        for old in range(max(0, new - NEAR), min(len(gone), new + NEAR + 1)):
            before = gone[old]
            if _is_like(before, after, spans):
                yield _differ(before, after), abs(before.place - after.place), new, old


def _precursor(after: Edge, among: Sequence[Edge], spans: Spans) -> Edge | None:
    """The row that was true until this one began to be, if it changed in the same step, as it does when it
    was thought to last."""
    if spans is None:
        return None
    start, end = spans
    ended = [
        each
        for each in among
        if each is not after and each.values[end] == after.values[start] and _is_like(each, after, spans)
    ]
    return min(ended, key=lambda each: _differ(each, after), default=None)


def _is_like(one: Edge, other: Edge, spans: Spans) -> bool:
    """Whether two rows say the same in half of their columns, when it was true aside."""
    times = spans or ()
    differ = _differ(one, other) - sum(one.values[at] != other.values[at] for at in times)
    return bool(2 * differ <= len(one.values) - len(times))


def _differ(one: Edge, other: Edge) -> int:
    """In how many columns two rows differ."""
    return sum(mine != theirs for mine, theirs in zip(one.values, other.values, strict=True))


def _said(edge: Edge | None) -> Sequence[Any] | None:
    return None if edge is None else edge.values
