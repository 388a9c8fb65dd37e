"""How is the log read for several chains of views? Once: a row is decoded and given to all who hear it, while
the next window is on its way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from operator import itemgetter
from typing import NamedTuple, Protocol

import msgspec

from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.heads import decode_head, is_brief
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.view import AnyView


class Spoiled(NamedTuple):
    """A row of the log that cannot be decoded: its topic, and why."""

    topic: str
    why: str


Heard = tuple[int, Recorded | Spoiled]
"""A row of the log at its position, or that it cannot be decoded."""
CORRECTION = tag(Superseded)
Raw = Sequence[tuple[int, str, bytes | None]]
"""Rows of the log as they lie there: position and tag, and the state where it was wanted."""
Decode = Callable[[bytes], Recorded | None]
"""Reads a state; None when what is there of it is not enough."""


class Log(Protocol):
    """Where rows come from. `raw` may be called by another thread than the rest."""

    def picked(self, positions: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        """The rows at some positions, in order."""
        ...

    def raw(self, after: int, limit: int, tags: Sequence[str], heads: Sequence[str] = ()) -> Raw:
        """Of the `limit` rows after a position those whose tag is wanted, with their state or its head, and
        the last in any case."""
        ...

    def head(self) -> int:
        """The last position."""
        ...


Again = tuple[Recorded, int]
"""What a message is counted by, and how many more of a window are counted by the same."""


Lanes = tuple[list[Heard], ...]
"""What each chain is to hear."""
Way = tuple[Decode, Sequence[int], dict[bytes, int] | None]
"""How a row is decoded, which chains hear it, and how often each brief came again, where that is counted."""


class Window:
    """Some rows of the log: how many, the last one's position, and whether there are corrections among them,
    of which all chains hear. They are decoded when they are asked for, once."""

    def __init__(self, raw: Raw, after: int, chains: int, ways: Mapping[str, Way], log: Log) -> None:
        self.upto = raw[-1][0] if raw else after
        self.rows = self.upto - after
        self.corrects = CORRECTION in map(itemgetter(1), raw)
        self._raw, self._chains, self._ways, self._log = raw, chains, ways, log

    def lanes(self) -> Lanes:
        """What each chain is to hear of all of them."""
        return self._decoded(self._raw)

    def pieces(self, size: int) -> Iterator[Lanes]:
        """The same of so many rows after the other: what was just decoded is heard fastest."""
        return (self._decoded(self._raw[at : at + size]) for at in range(0, len(self._raw), size))

    def again(self) -> Iterator[Again]:
        """What is only to be counted again, when all was decoded."""
        for decoded, _, more in self._ways.values():
            for brief, times in more.items() if more else ():
                if times and (row := decoded(brief)):
                    yield row, times

    def _decoded(self, raw: Raw) -> Lanes:
        lanes: Lanes = tuple([] for _ in range(self._chains))
        ways = {name: (*way, [lanes[at] for at in way[1]]) for name, way in self._ways.items()}
        for position, name, state in raw:
            if state is None:
                continue
            decoded, _, more, hearers = ways[name]
            if more and state in more:
                more[state] += 1
                continue
            try:
                heard: Heard = (position, decoded(state) or self._whole(position, name))
                if more is not None and is_brief(state):
                    more[state] = 0
            except msgspec.MsgspecError as error:
                heard = (position, Spoiled(name, str(error)))
            for lane in hearers:
                lane.append(heard)
        return lanes

    def _whole(self, position: int, name: str) -> Recorded:
        """A row whose head was not enough."""
        (_, _, state), *_ = self._log.raw(position - 1, 1, [name])
        return decode(state or b"")


class Reader:
    """Reads a log for chains of views, up to a position if one is given. With `aside`, that thread reads one
    window ahead. With `counting`, of messages in a window that are counted by the same one is heard."""

    def __init__(
        self,
        log: Log,
        groups: Sequence[Sequence[AnyView]],
        aside: Executor | None = None,
        end: int | None = None,
        counting: bool = False,
    ) -> None:
        views = [view for group in groups for view in group]
        whole = {kind for view in views for kind in view.hears if kind not in view.heads}
        self._log, self._aside, self._end = log, aside, end
        self._heads = sorted({tag(kind) for view in views for kind in view.heads if kind not in whole})
        self._hear = [{CORRECTION, *(tag(kind) for view in group for kind in view.hears)} for group in groups]
        self._tags = sorted(set().union(*self._hear))
        self._counting = counting
        self._ahead: tuple[int, int, Future[Raw]] | None = None

    def window(self, after: int, limit: int) -> Window:
        """The next rows after a position."""
        ways = {name: self._way(name) for name in self._tags}
        return Window(self._read(after, limit), after, len(self._hear), ways, self._log)

    def _way(self, name: str) -> Way:
        """How a row with this tag is decoded, and which chains hear it."""
        hearers = [at for at, hears in enumerate(self._hear) if name in hears]
        if name not in self._heads:
            return decode, hearers, None
        return decode_head, hearers, {} if self._counting else None

    def _read(self, after: int, most: int) -> Raw:
        ahead, self._ahead = self._ahead, None
        limit = self._within(after, most)
        if not limit:
            return []
        known = ahead is not None and ahead[:2] == (after, limit)
        raw = ahead[2].result() if ahead and known else self._log.raw(after, limit, self._tags, self._heads)
        then = raw[-1][0] if raw else after
        if self._aside is not None and then == after + limit and (coming := self._within(then, most)):
            read = self._aside.submit(self._log.raw, then, coming, self._tags, self._heads)
            self._ahead = then, coming, read
        return raw

    def _within(self, after: int, most: int) -> int:
        """How many rows of a window are wanted."""
        return most if self._end is None else min(most, self._end - after)
