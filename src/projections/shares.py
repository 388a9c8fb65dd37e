"""How is the work on views divided, among processes and among passes over the log? By chains, and where a
chain is too much for one, by its keys: every process reads all that the chain hears, and folds its share of
the keys.

Views that others of the chain read are folded whole by each, since any key may point at any row of theirs;
but each key is written by one."""

from collections.abc import Sequence
from math import ceil
from zlib import crc32

from msgspec import Struct

from ledgerstone.projections.view import AnyView


class Share(Struct, frozen=True):
    """The ids whose hash leaves `part` when it is divided by `of`: equal ids are in one share, whatever the
    book, the view or the run."""

    of: int = 1
    part: int = 0

    def has(self, id: str) -> bool:
        """Whether an id is in this share."""
        return self.of == 1 or crc32(id.encode()) % self.of == self.part

    def halves(self) -> tuple["Share", "Share"]:
        """Two shares with as many ids each: the first has `part`, as before."""
        return Share(self.of * 2, self.part), Share(self.of * 2, self.part + self.of)

    @property
    def first(self) -> bool:
        """Whether it is the one of its chain that counts what rows add by themselves."""
        return self.part == 0


WHOLE = Share()


class Piece(Struct, frozen=True):
    """A chain, by the names of its views, and the share of its keys that is to be folded. What happened up to
    position `since` another has written."""

    views: tuple[str, ...]
    share: Share = WHOLE
    since: int = 0


APART = 1.1
"""A chain is parted among processes where it is so much more than each of them should have."""


def divided(groups: Sequence[Sequence[AnyView]], workers: int) -> list[list[Piece]]:
    """The work on chains divided among at most so many processes, the heaviest first, each to whom has
    least. A chain that would keep one longer than all the others is shared by its keys."""
    fair = sum(map(weight, groups)) / workers
    weighed: list[tuple[float, Piece]] = []
    for group in groups:
        names, heavy = tuple(view.name for view in group), weight(group)
        parts = min(workers, ceil(heavy / fair)) if heavy > fair * APART else 1
        weighed += [(heavy / parts, Piece(names, Share(parts, part))) for part in range(parts)]
    shares: list[list[Piece]] = [[] for _ in range(min(workers, len(weighed)))]
    loads = [0.0] * len(shares)
    for load, piece in sorted(weighed, key=lambda each: -each[0]):
        least = loads.index(min(loads))
        shares[least].append(piece)
        loads[least] += load
    return shares


def weight(group: Sequence[AnyView]) -> int:
    """How much work a chain is next to others."""
    return sum(view.weight for view in group)
