"""Two implementations of one text agree: the views, and the plain telling of the same rules in tests/plain.

LEDGERSTONE_HISTORIES says how many histories to compare (a run by default is under a minute): 4,000 take ten
minutes."""

import os
from collections.abc import Iterator
from itertools import islice
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerstone.demo.history import generate
from tests.plain.history import Json
from tests.second_opinion import Shown, differences, read, story
from tests.tiny_worlds import tiny_worlds

HISTORIES = int(os.environ.get("LEDGERSTONE_HISTORIES", "1000"))
"""Half of them generated businesses, half tiny worlds."""


def test_they_agree_on_businesses_whose_messages_are_shuffled_and_lost() -> None:
    for what, told in islice(_businesses(), HISTORIES // 2):
        assert not differences(told, Shown(map(read, told))), what


@given(tiny_worlds(), st.randoms(use_true_random=False))
@settings(max_examples=HISTORIES // 2, deadline=None, suppress_health_check=list(HealthCheck))
def test_they_agree_on_tiny_worlds_where_everything_happens_at_once(told: list[Json], order: Random) -> None:
    order.shuffle(told)
    found = differences(told, Shown(map(read, told)))

    assert not found, "\n".join([*found, *story(told)])


def _businesses() -> Iterator[tuple[str, list[Json]]]:
    """Each business whole, and twice with a part of its messages lost; all shuffled."""
    for seed in range(1, HISTORIES):
        random = Random(seed)
        events = list(generate(seed, customers=random.randint(1, 3), months=random.randint(1, 5)).events)
        for lost in (0.0, 0.1, 0.4):
            told = [each for each in events if random.random() >= lost]
            random.shuffle(told)
            yield f"seed {seed} without {lost:.0%}", told
