"""The history of an object is the set of its messages: neither their order nor their number matters."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.fact import Terms
from ledgerstone.ledger.timeline import TERMINAL, Course, History, course, observe, says_more

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Light(Terms, frozen=True):
    """A traffic light, for the example's sake."""

    colour: str


RANK = {"off": 0, "red": 1, "amber": 2, "green": 3, "burnt": TERMINAL, "broken": TERMINAL + 1}
OFF, RED, AMBER, GREEN, BURNT, BROKEN = (
    Light(colour="off"),
    Light(colour="red"),
    Light(colour="amber"),
    Light(colour="green"),
    Light(colour="burnt"),
    Light(colour="broken"),
)

Message = tuple[int, str, Light, Light | None, bool, bool]


def told(*messages: Message) -> History[Light]:
    """The history of messages: second, id, now, before, first, last."""
    history: History[Light] = History()
    for second, id, now, before, first, last in messages:
        at = NOON + timedelta(seconds=second)
        history = observe(
            history, at, id, now, before, first=first, last=last, rank=lambda light: RANK[light.colour]
        )
    return history


def colours(history: History[Light]) -> list[tuple[int, str]]:
    """Since which second, which colour."""
    return [((s.at - NOON).seconds, history.contents[s.value].colour) for s in history.steps]


def meaning(history: History[Light]) -> tuple[object, ...]:
    """What a history says, whatever the order in which its states were met."""
    told_of: Course[Light] = course(history)
    steps = [(s.at, told_of.contents[s.value], s.ended, s.sure) for s in told_of.steps]
    return told_of.before, steps


def test_a_later_message_wins() -> None:
    assert colours(told((0, "a", RED, None, True, False), (5, "b", GREEN, RED, False, False))) == [
        (0, "red"),
        (5, "green"),
    ]


def test_within_a_second_the_chain_of_changes_decides_and_not_the_ids() -> None:
    history = told(
        (0, "z", RED, None, True, False),
        (0, "b", AMBER, RED, False, False),
        (0, "a", GREEN, AMBER, False, False),
    )

    assert colours(history) == [(0, "green")]


def test_changes_that_close_a_circle_leave_what_was_held() -> None:
    history = told(
        (0, "a", GREEN, None, True, False),
        (9, "b", RED, GREEN, False, False),
        (9, "c", GREEN, RED, False, False),
    )

    assert colours(history) == [(0, "green")]


def test_an_end_comes_last_within_its_second() -> None:
    history = told((0, "b", BROKEN, None, False, True), (0, "c", GREEN, RED, False, False))

    assert colours(history) == [(0, "broken")]
    assert history.steps[0].ended


def test_ends_of_one_second_are_ordered_by_their_changes() -> None:
    history = told((0, "z", BROKEN, GREEN, False, False), (0, "a", BURNT, BROKEN, False, False))

    assert colours(history) == [(0, "burnt")]
    assert history.steps[0].sure


def test_a_state_that_no_change_led_to_shows_that_a_message_is_missing() -> None:
    history = told((0, "a", RED, None, True, False), (0, "b", GREEN, None, False, False))

    assert colours(history) == [(0, "green")]
    assert not history.steps[0].sure


def test_nothing_comes_before_a_birth() -> None:
    history = told((0, "b", GREEN, None, True, False), (0, "a", RED, None, False, False))

    assert colours(history) == [(0, "red")]
    assert not history.steps[0].sure


def test_a_state_that_was_left_is_not_the_end_however_high_its_rank() -> None:
    history = told(
        (0, "a", GREEN, RED, False, False),
        (0, "b", AMBER, GREEN, False, False),
        (0, "c", OFF, None, False, False),
    )

    assert colours(history) == [(0, "amber")]
    assert not history.steps[0].sure


def test_two_messages_of_one_change_leave_no_doubt() -> None:
    history = told((0, "a", GREEN, RED, False, False), (0, "b", GREEN, RED, False, False))

    assert colours(history) == [(0, "green")]
    assert history.steps[0].sure


def test_a_second_without_a_unique_end_goes_by_rank_and_says_that_it_is_unsure() -> None:
    history = told((0, "b", GREEN, None, False, False), (0, "c", RED, None, False, False))

    assert colours(history) == [(0, "green")]
    assert not history.steps[0].sure


def test_the_missing_message_makes_it_sure() -> None:
    history = told(
        (0, "b", GREEN, None, False, False),
        (0, "c", RED, None, False, False),
        (0, "a", RED, GREEN, False, False),
    )

    assert colours(history) == [(0, "red")]
    assert history.steps[0].sure


def test_a_change_tells_what_was_before_the_first_message() -> None:
    assert course(told((3, "a", GREEN, RED, False, False))).before == RED


def test_what_was_before_a_second_is_what_was_left_more_often_than_entered() -> None:
    history = told(
        (0, "a", GREEN, RED, False, False),
        (0, "b", RED, GREEN, False, False),
        (0, "c", AMBER, RED, False, False),
    )

    assert course(history).before == RED
    assert colours(history) == [(0, "amber")]


def test_a_circle_after_a_deletion_does_not_bring_back_what_was_held() -> None:
    history = told(
        (0, "a", GREEN, None, False, True),
        (9, "b", RED, GREEN, False, False),
        (9, "c", GREEN, RED, False, False),
    )

    assert not history.steps[-1].ended
    assert not history.steps[-1].sure


def test_a_list_says_more_than_is_known_only_where_it_differs_or_takes_a_doubt_away() -> None:
    known = told((0, "a", RED, None, True, False), (5, "b", GREEN, RED, False, False))
    doubted = told((0, "a", RED, None, True, False), (0, "b", GREEN, None, False, False))

    assert says_more(None, GREEN)
    assert not says_more(known, GREEN)
    assert says_more(known, RED)
    assert says_more(doubted, GREEN)


def test_a_birth_tells_that_nothing_was_before() -> None:
    assert course(told((3, "a", GREEN, None, True, False))).before is None


def test_a_repeated_state_leaves_the_course_as_it_is() -> None:
    before = told((0, "a", GREEN, None, True, False))
    after = observe(before, NOON + timedelta(days=30), "b", GREEN, rank=lambda light: 0)

    assert course(after).steps is course(before).steps
    assert course(after).contents is course(before).contents


lights = st.sampled_from([RED, AMBER, GREEN, BROKEN])
messages = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from("abcdefgh"),
        lights,
        st.none() | lights,
        st.booleans(),
        st.booleans(),
    ),
    max_size=7,
    unique_by=lambda message: message[1],
)


@given(messages, st.randoms(use_true_random=False))
def test_order_and_repetition_never_matter(some: list[Message], random: object) -> None:
    mixed = [*some, *some[::2]]
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert meaning(told(*mixed)) == meaning(told(*some))
