"""A model checker: a few true messages, told in every order, more than once, and written in every way.

What the views show at the head is a function of the set of messages alone."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, permutations

from hypothesis import HealthCheck, given, settings

from tests.plain.history import Json
from tests.second_opinion import Shown, read, story
from tests.tiny_worlds import tinier_worlds
from tests.worlds import Message, log_of

checked = settings(deadline=None, suppress_health_check=list(HealthCheck))


@given(tinier_worlds(5))
@settings(checked, max_examples=40)
def test_every_order_shows_the_same(told: list[Json]) -> None:
    _same_in_all(told, permutations([read(each) for each in told]))


@given(tinier_worlds(4))
@settings(checked, max_examples=15)
def test_every_order_with_any_one_message_twice_shows_the_same(told: list[Json]) -> None:
    messages = [read(each) for each in told]

    _same_in_all(told, chain.from_iterable(permutations([*messages, each]) for each in messages))


@given(tinier_worlds(3))
@settings(checked, max_examples=15)
def test_every_order_written_in_every_way_shows_the_same(told: list[Json]) -> None:
    messages = [read(each) for each in told]
    shown = Shown(messages).all()

    for order in permutations(messages):
        for written in _ways(len(log_of(order))):
            assert Shown(order, written).all() == shown, "\n".join([f"written after {written}", *story(told)])


def _same_in_all(told: Iterable[Json], orders: Iterable[Sequence[Message]]) -> None:
    shown = None
    for order in orders:
        found = Shown(order).all()
        shown = shown or found
        assert found == shown, "\n".join([*(message[0].name for message in order), *story(told)])


def _ways(rows: int) -> Iterator[tuple[int, ...]]:
    """Every way to cut so many rows into windows; a longer log into two windows at most."""
    most = rows if rows <= 6 else 2
    return chain.from_iterable(combinations(range(1, rows), cuts) for cuts in range(most))
