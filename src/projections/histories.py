"""How does a message about an object enter the object's history?"""

from typing import Any

from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History, Rank, T, observe


def told(history: History[T] | None, row: Recorded, rank: Rank[T]) -> History[T]:
    """The history with the observation that a row holds: any fact with `now`, `before`, `first`, `last`."""
    seen: Any = row.body
    return observe(
        history or History(),
        row.happened_at,
        row.name,
        seen.now,
        seen.before,
        first=seen.first,
        last=seen.last,
        rank=rank,
    )
