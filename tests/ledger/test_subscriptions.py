"""The life of a subscription: what messages say of it, and what time alone ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.subscriptions import PendingUpdate, Span, Subscription, rank, spans
from ledgerstone.ledger.timeline import History, course, observe

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = st.integers(0, 20)
Said = tuple[int, bool, int | None, int | None]
"""At a second: whether collection is paused, until when, and until when an update waits."""

said = st.tuples(SECONDS, st.booleans(), st.none() | SECONDS, st.none() | SECONDS)
lives = st.lists(said, min_size=1, max_size=6, unique_by=lambda each: each[0])


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def shown(message: Said) -> Subscription:
    _, paused, resumes, expires = message
    return Subscription(
        customer="cus_acme",
        status="active",
        currency="usd",
        items=(),
        started_at=NOON,
        paused_collection="void" if paused else None,
        collection_resumes_at=at(resumes) if paused and resumes is not None else None,
        pending=None if expires is None else PendingUpdate(expires_at=at(expires)),
    )


def life(messages: list[Said]) -> tuple[Span, ...]:
    history: History[Subscription] = History()
    for message in messages:
        history = observe(history, at(message[0]), str(message), shown(message), rank=rank)
    return spans(course(history))


def plainly(messages: list[Said], second: int) -> tuple[bool, bool]:
    """Whether collection is paused at a second, and whether an update waits: by what was said last."""
    first, *others = sorted(messages)
    _, paused, resumes, expires = [first, *(each for each in others if each[0] <= second)][-1]
    waits = expires is not None and second < expires
    return paused and (resumes is None or second < resumes), waits


@given(lives)
@settings(deadline=None)
def test_at_every_second_it_is_what_was_said_last_unless_that_has_ended_by_itself(told: list[Said]) -> None:
    for span in life(told):
        for second in range(40):
            if span.start <= at(second) and (span.end is None or at(second) < span.end):
                held = span.terms.paused_collection is not None, span.terms.pending is not None
                assert held == plainly(told, second)


@given(lives)
@settings(deadline=None)
def test_its_spans_follow_each_other_without_gap_whatever_came_first(told: list[Said]) -> None:
    found = life(told)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(span.end is None or span.start < span.end for span in found)
    assert (found[0].start, found[-1].end) == (NOON, None)
    assert life(sorted(told)) == found == life(sorted(told, reverse=True))
