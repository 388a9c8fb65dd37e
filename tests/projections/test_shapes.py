"""One history in every shape of Stripe's API: whichever an endpoint was told it in, the views are the same.

Nothing is left out of the comparison but the positions at which something became known."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.demo.versions import VERSIONS
from ledgerstone.ledger.evidence import StripeEventHeard
from tests.worlds import Message, log_of, messages, shown, shuffled

NEWEST, *OLDER = VERSIONS
SIZE = (12, 12)  # customers, months


@pytest.mark.parametrize("shape", OLDER)
@pytest.mark.parametrize("seed", [3, 7, 19])
def test_every_shape_of_a_history_ends_in_the_same_views(seed: int, shape: str) -> None:
    assert shown(log_of(messages(seed, *SIZE, shape))) == shown(log_of(messages(seed, *SIZE)))


@given(st.sampled_from([3, 7, 19]), st.sampled_from(OLDER), st.sampled_from(VERSIONS), st.floats(0, 1))
@settings(max_examples=12, deadline=None)
def test_an_endpoint_may_change_its_version_midway(seed: int, first: str, then: str, share: float) -> None:
    """From a second on, every event comes in the other shape."""
    old, new = messages(seed, *SIZE, first), messages(seed, *SIZE, then)
    since = new[int(share * (len(new) - 1))][0].happened_at
    told = [m for m in old if m[0].happened_at < since] + [m for m in new if m[0].happened_at >= since]

    assert shown(log_of(told)) == shown(log_of(messages(seed, *SIZE)))


@given(st.sampled_from([3, 7, 19]), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_each_event_may_come_in_another_shape_and_order(seed: int, order: int) -> None:
    """Several endpoints, or an API that is asked for what was missed. An event that older versions do not
    have comes in a newer one, so that an applied payment is told in both ways: it counts once."""
    shapes = [by_name(messages(seed, *SIZE, shape)) for shape in VERSIONS]
    random = Random(order)
    told = [random.choice([s for s in shapes if name in s])[name] for name in shapes[0]]

    assert shown(log_of(shuffled(told, order))) == shown(log_of(messages(seed, *SIZE)))


def by_name(told: Iterable[Message]) -> dict[str, Message]:
    return {message[0].name: message for message in told}


@pytest.mark.parametrize("shape", VERSIONS)
def test_two_shapes_that_name_one_fact_say_the_same_of_it(shape: str) -> None:
    """Else the second telling would be a conflict, and figures would depend on which came first."""
    newest = {row.name: row for message in messages(7, *SIZE) for row in message}
    rows = [row for message in messages(7, *SIZE, shape) for row in message]
    both = [row for row in rows if row.name in newest and not isinstance(row.body, StripeEventHeard)]
    assert len(both) > 500
    for row in both:
        held = newest[row.name]
        assert (row.body, row.happened_at, row.movements) == (held.body, held.happened_at, held.movements)


@pytest.mark.parametrize("shape", VERSIONS)
def test_nothing_is_parked_in_any_shape(shape: str) -> None:
    for heard, *_ in messages(7, *SIZE, shape):
        assert isinstance(heard.body, StripeEventHeard)
        assert (heard.body.parked, heard.body.unknown) == (None, False), heard.body.event_type
