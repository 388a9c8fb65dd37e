"""How is what the first rows of a log add up to read from few parts, however long the log is?

What moved a summary is kept with its position, and added up in blocks: of so many rows of the log, of so many
times as many, and so on. The first `n` rows are then a few blocks of each size, the largest first, and the
deltas of the rows behind them. Blocks begin at fixed positions, so all ways to make them give the same."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

SIZES = (1 << 14, 1 << 21, 1 << 28)
"""How many rows of the log a block adds up, from the smallest; each divides the next."""


class Part(NamedTuple):
    """The rows after one position, up to another (inclusive): in blocks of a size, or (1) one by one."""

    size: int
    after: int
    upto: int


def parts(position: int, sizes: Sequence[int]) -> Iterator[Part]:
    """The first rows of the log, up to a position, in as few blocks as there are."""
    after = 0
    for size in (*reversed(sizes), 1):
        upto = position // size * size
        if after < upto:
            yield Part(size, after, upto)
            after = upto
