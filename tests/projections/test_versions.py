"""Which row is the next version of which, among all that changed at a position?"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.projections.versions import Change, Edge, changes

SPANS = 2, 3
"""Columns of these rows: an id, a status, since and until when."""


def steps(*edges: Edge, spans: Any = SPANS) -> list[tuple[str, Any, Any]]:
    return [(change.kind, change.before, change.after) for change in changes(edges, spans)]


def gone(place: int, *values: Any, at: int = 7) -> Edge:
    return Edge(at, False, None, place, values)


def come(place: int, *values: Any, at: int = 7) -> Edge:
    return Edge(at, True, None, place, values)


def test_a_row_takes_the_place_of_the_one_most_like_it() -> None:
    assert steps(
        gone(0, "si_1", "active", 1, None),
        gone(1, "si_2", "active", 1, None),
        come(0, "si_2", "paused", 1, None),
        come(1, "si_1", "paused", 1, None),
    ) == [
        ("changed", ("si_2", "active", 1, None), ("si_2", "paused", 1, None)),
        ("changed", ("si_1", "active", 1, None), ("si_1", "paused", 1, None)),
    ]


def test_what_comes_next_in_time_follows() -> None:
    assert steps(
        gone(0, "in_1", "draft", 1, None),
        come(0, "in_1", "draft", 1, 5),
        come(1, "in_1", "open", 5, None),
    ) == [
        ("changed", ("in_1", "draft", 1, None), ("in_1", "draft", 1, 5)),
        ("followed", ("in_1", "draft", 1, 5), ("in_1", "open", 5, None)),
    ]


def test_rows_that_have_little_in_common_are_not_versions_of_each_other() -> None:
    assert steps(gone(0, "si_1", "active", 1, 2), come(0, "si_2", "paused", 3, None)) == [
        ("opened", None, ("si_2", "paused", 3, None)),
        ("closed", ("si_1", "active", 1, 2), None),
    ]


def test_rows_of_events_follow_nothing() -> None:
    assert steps(come(0, "re_1", "sent", 1, 5), come(1, "re_2", "sent", 5, None), spans=None) == [
        ("opened", None, ("re_1", "sent", 1, 5)),
        ("opened", None, ("re_2", "sent", 5, None)),
    ]


def test_positions_are_steps_of_their_own() -> None:
    found = list(changes([come(0, "in_1", "open", 1, None), gone(0, "in_1", "open", 1, None, at=8)], SPANS))

    assert [(change.at, change.number, change.kind) for change in found] == [
        (7, 0, "opened"),
        (8, 0, "closed"),
    ]


marks = st.sampled_from([None, 1, 2, 3])
values = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from([1, 2, 3]), marks)
sides = st.lists(values, max_size=30)


@given(sides, sides)
def test_each_row_is_told_of_once(old: list[Any], new: list[Any]) -> None:
    edges = [gone(place, *each) for place, each in enumerate(old)]
    edges += [come(place, *each) for place, each in enumerate(new)]

    found: list[Change] = list(changes(edges, SPANS))

    assert [change.after for change in found if change.after is not None] == new
    assert sorted(str(c.before) for c in found if c.kind in ("changed", "closed")) == sorted(map(str, old))
    assert [change.number for change in found] == list(range(len(found)))
