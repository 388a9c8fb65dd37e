"""One history of the business: its events, streamed in true order, and then the truth about it."""

from collections.abc import Iterator
from typing import Any

from ledgerstone.demo import lives, payouts
from ledgerstone.demo.clock import add_months, day_before, month_start
from ledgerstone.demo.final import final
from ledgerstone.demo.stripe_shapes import API_VERSION, Json
from ledgerstone.demo.stripe_shapes.payments import balance_transaction
from ledgerstone.demo.truth import Truth
from ledgerstone.demo.versions import in_shape
from ledgerstone.demo.world import World


class History:
    """Lives through itself once, as its events are read."""

    def __init__(self, world: World, truth: Truth, shape: str) -> None:
        self._world, self._truth = world, truth
        self._told = 0
        self.events: Iterator[Json] = self._counted(in_shape(world.run(truth.day_is_over), shape))

    def truth(self) -> dict[str, Any]:
        """The true figures, money in minor units, at the end; events not read by then are lived unread."""
        for _ in self.events:
            pass
        return final(self._truth, self._told)

    def _counted(self, events: Iterator[Json]) -> Iterator[Json]:
        for event in events:
            self._told += 1
            yield event

    def balance_transactions(self) -> Iterator[Json]:
        """What Stripe's list of balance transactions would hold so far, oldest first; no event carries it."""
        return map(balance_transaction, self._world.transactions)


def generate(
    seed: int = 1,
    customers: int = 300,
    months: int = 24,
    start: str = "2024-11",
    livemode: bool = True,
    shape: str = API_VERSION,
) -> History:
    """A business of so many customers over so many months. Same arguments, same history, byte for byte; in
    another `shape`, one of VERSIONS, it is the same business as that version of Stripe's API tells of it.

    `History.events` yields dicts that share their constant parts: read them, do not write to them.
    """
    first = month_start(start)
    ends = {end: day_before(end)[:7] for end in (add_months(first, n + 1) for n in range(months))}
    world = World(seed, first, add_months(first, months), livemode)
    lives.open_shop(world, customers)
    payouts.begin(world)
    return History(world, Truth(world, ends), shape)
