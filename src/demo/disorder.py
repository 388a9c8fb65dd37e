"""Deliveries as Stripe's webhooks make them: out of order within bounds, and sometimes twice."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import TypeVar

T = TypeVar("T")


def disorder(
    events: Iterable[T], seed: int, window: int = 50, duplicates: float = 0.0, shuffled: float = 1.0
) -> Iterator[T]:
    """The same events, `shuffled` of them late by up to `window` places, `duplicates` of them twice.

    Both are fractions from 0 to 1. No event comes before another that is more than `window` older.
    """
    rng = Random(seed)
    waiting: list[tuple[float, int, T]] = []
    for at, each in enumerate(events):
        for _ in range(1 + (rng.random() < duplicates)):
            late = rng.random() * window if rng.random() < shuffled else 0.0
            heappush(waiting, (at + late, len(waiting) + at * 2, each))
        while waiting and waiting[0][0] <= at:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]
