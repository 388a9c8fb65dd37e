"""Histories of one object against the plain telling of the same rules, and in every order: many short walks
within a second or three, some of their messages lost."""

from datetime import UTC, datetime
from itertools import permutations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.fact import Terms
from ledgerstone.ledger.subscriptions import RANK
from ledgerstone.ledger.timeline import History, course, observe
from tests.plain.history import Json, histories
from tests.stripe_objects import NOW

Told = tuple[object, list[tuple[object, ...]]]
STATUSES = ["trialing", "active", "past_due", "incomplete_expired", "canceled"]
NAMES = st.permutations("abcdefgh")


class State(Terms, frozen=True):
    """What a subscription is, as far as these walks go."""

    status: str
    size: int


class Message(Terms, frozen=True):
    """From one state to another, or, of no change, from a state to itself."""

    name: str
    second: int
    before: State
    after: State
    verb: str = "updated"


@st.composite
def walks(draw: st.DrawFn, most: int = 7) -> list[Message]:
    """What happened, in order, less up to two messages; ends come last in their second."""
    names, held, second = draw(NAMES), State(status="active", size=0), 0
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message(name=names[7], second=0, before=held, after=held, verb="created"))
    for name in names[: draw(st.integers(0, most - 1))]:
        second += draw(st.sampled_from([0, 0, 0, 1]))
        live = st.sampled_from(STATUSES[:3])
        after = draw(st.builds(State, status=live, size=st.integers(0, 1)))
        found.append(Message(name=name, second=second, before=held, after=after))
        held = after
    if draw(st.booleans()):
        gone = draw(st.builds(State, status=st.sampled_from(STATUSES[3:]), size=st.integers(0, 1)))
        second += draw(st.sampled_from([0, 1]))
        found.append(Message(name="i", second=second, before=held, after=gone))
        found.append(Message(name="j", second=second, before=gone, after=gone, verb="deleted"))
    lost = draw(st.sets(st.integers(0, most), max_size=2))
    return [each for place, each in enumerate(found) if place not in lost]


@given(walks(), st.randoms(use_true_random=False))
@settings(max_examples=800, deadline=None)
def test_they_are_as_the_plain_telling_says(walk: list[Message], order: Random) -> None:
    order.shuffle(walk)

    assert ours(walk) == plain(walk), "\n".join(sorted(map(repr, walk)))


@given(walks(most=5))
@settings(max_examples=60, deadline=None)
def test_they_are_the_same_in_every_order(walk: list[Message]) -> None:
    assert {repr(ours(order)) for order in permutations(walk)} == {repr(ours(walk))}


def ours(walk: list[Message] | tuple[Message, ...]) -> Told:
    history: History[State] = History()
    for each in walk:
        history = observe(
            history,
            datetime.fromtimestamp(NOW + each.second, UTC),
            each.name,
            each.after,
            each.before if each.before != each.after else None,
            first=each.verb == "created",
            last=each.verb == "deleted",
            rank=lambda state: RANK[state.status],
        )
    told = course(history)
    before, contents, steps = told.before, told.contents, told.steps
    return before, [(s.at.timestamp() - NOW, contents[s.value], s.ended, s.sure) for s in steps]


def plain(walk: list[Message]) -> Told:
    """The same form: equal neighbours are one."""
    if not walk:
        return None, []
    (told,) = histories(map(_event, walk)).values()
    steps: list[tuple[object, ...]] = []
    for step in told.steps:
        now = (step.at - NOW, _state(step.state), step.deleted, step.sure)
        if not steps or steps[-1][1:] != now[1:]:
            steps.append(now)
    return told.before and _state(told.before), steps


def _event(each: Message) -> Json:
    previous = {} if each.verb != "updated" else _object(each.before)
    data = {"object": _object(each.after), "previous_attributes": previous}
    type = f"customer.subscription.{each.verb}"
    return {"id": each.name, "type": type, "created": NOW + each.second, "data": data}


def _object(state: State) -> Json:
    return {"object": "subscription", "id": "sub_1", "status": state.status, "trial_end": state.size}


def _state(it: Json) -> State:
    return State(status=it["status"], size=it["trial_end"])


def test_who_is_found_after_an_end_is_there_again_whichever_was_heard_first() -> None:
    gone = State(status="canceled", size=0)
    walk = [
        Message(name="a", second=0, before=gone, after=gone, verb="deleted"),
        Message(name="b", second=1, before=gone, after=gone),
        Message(name="c", second=2, before=gone, after=gone),
    ]

    for order in permutations(walk):
        assert ours(order) == plain(walk)
        assert [(at, ended) for at, _, ended, _ in ours(order)[1]] == [(0, True), (1, False)]
