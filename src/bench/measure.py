"""How are two ways of doing the same thing compared on a noisy machine? In turns, many times, by medians."""

import math
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace


class Measured(Protocol):
    """A figure beside what was promised of it; as text, a line or more."""

    @property
    def kept(self) -> bool: ...


Rate = Callable[[], float]
"""Does the work once and answers with how much of it was done in a second."""


class Result(Struct, frozen=True):
    """What was measured: both medians, the median of the ratios run by run, and what was promised. Where
    less is better, `peer` is the limit, and the ratio how often it holds `ours`."""

    what: str
    ours: float
    peer: float
    ratio: float
    promised: float
    unit: str
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return self.ratio >= self.promised

    def __str__(self) -> str:
        verdict = "ok" if self.kept else "BELOW"
        promised = f"(at least {self.promised:g}x)"
        figures = f"{_number(self.ours)} {_number(self.peer)}  {self.ratio:>7.2f}x  {promised}"
        return f"{self.what:<58} {figures}  {verdict:<5}  {self.unit}{'; ' + self.note if self.note else ''}"


def within(what: str, ours: float, limit: float, unit: str, note: str = "") -> Result:
    """A figure that must not exceed a limit: how often it fits into that."""
    return Result(what, ours, limit, limit / ours, 1, unit, note)


class Delays(Struct, frozen=True):
    """Milliseconds that each of many requests took, and each of the peer's. Promised is, where there is a
    limit, that the 99th of a hundred takes no longer, and no longer than so many times the peer's."""

    what: str
    ours: Sequence[float]
    peer: Sequence[float]
    limit: float | None
    times: float

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        worst, theirs = _rank(self.ours, 99), _rank(self.peer, 99)
        return self.limit is None or (worst <= self.limit and worst <= self.times * theirs)

    def unpromised(self) -> "Delays":
        """The same, of which nothing was promised."""
        return replace(self, limit=None)

    def __str__(self) -> str:
        told = [
            f"p{rank} {_rank(self.ours, rank):6.1f} ms, peer {_rank(self.peer, rank):6.1f} ms,"
            f" {_rank(self.ours, rank) / _rank(self.peer, rank):5.2f}x"
            for rank in (50, 99)
        ]
        promised = "" if self.limit is None else f"  (p99 at most {self.limit:g} ms and {self.times:g}x)"
        verdict = "" if self.limit is None else "  ok" if self.kept else "  ABOVE"
        return f"{self.what:<58} {'; '.join(told)}{promised}{verdict}"


class Several(Struct, frozen=True):
    """Figures that belong together."""

    results: tuple[Measured, ...]

    @property
    def kept(self) -> bool:
        """Whether all promises were."""
        return all(result.kept for result in self.results)

    def __str__(self) -> str:
        return "\n".join(map(str, self.results))


def _rank(delays: Sequence[float], percent: int) -> float:
    """So many of a hundred took no longer."""
    return sorted(delays)[math.ceil(len(delays) * percent / 100) - 1]


HEADER = f"{'':<58} {'ours':>12} {'peer':>12}  {'ratio':>8}"


def _number(value: float) -> str:
    return f"{value:>12,.{0 if value >= 1000 else 1}f}"


def paired(
    what: str, ours: Rate, peer: Rate, promised: float, unit: str, *, rounds: int = 3, note: str = ""
) -> Result:
    """Run both in turns, peer first, so that what slows the machine slows both."""
    pairs = [(peer(), ours()) for _ in range(rounds)]
    return Result(
        what,
        median(mine for _, mine in pairs),
        median(theirs for theirs, _ in pairs),
        median(mine / theirs for theirs, mine in pairs),
        promised,
        unit,
        note,
    )


def rate(amount: int, work: Callable[[], object]) -> float:
    """How much is done in a second, when `work` does `amount`."""
    begun = perf_counter()
    work()
    return amount / (perf_counter() - begun)
