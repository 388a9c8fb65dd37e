"""What does a key of a view show, since when, and what did a window of the log change of it?"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ledgerstone.projections.view import Cell, Count, Key, Ref, Row

NEVER: Any = object()
"""The part of a key that has shown nothing yet: equal to no part."""


Shown = tuple[int, int]
"""Since which position a row is shown, and its place among the rows that its key showed then: together with
the key they name the row, so that it can be closed without comparing columns."""


class Version(Struct, frozen=True, gc=False):
    """A row as it was known from one position until another (None: still)."""

    key: Key
    row: Row
    known_from: int
    known_to: int | None
    place: int


class Entry:
    """A key of a view in memory: its state, what its rows are made of and point at, and how each is shown."""

    __slots__ = ("part", "refs", "rows", "shown", "state")

    def __init__(
        self,
        state: Any = None,
        part: Any = NEVER,
        rows: tuple[Row, ...] = (),
        shown: tuple[Shown, ...] = (),
    ) -> None:
        self.state = state
        self.part = part
        self.rows = rows
        self.shown = shown
        self.refs: tuple[Ref, ...] = ()

    def versions(self, key: Key) -> Iterator[Version]:
        """What is shown."""
        for row, (since, place) in zip(self.rows, self.shown, strict=True):
            yield Version(key, row, since, None, place)


class Changes:
    """What one window of the log changed in one view: to be written in one transaction, or looked at.

    `counted` holds what rows add by themselves, as (book, count), and how often: the same is added again
    and again."""

    __slots__ = ("closed", "counted", "deltas", "dirty", "edges", "heard", "passed", "touched")

    def __init__(self) -> None:
        self.heard: dict[Key, list[int]] = {}
        self.dirty: set[Key] = set()
        self.touched: set[Key] = set()
        self.closed: list[tuple[Key, Shown, int]] = []
        self.passed: list[Version] = []
        self.edges: list[tuple[Ref, Key]] = []
        self.deltas: list[tuple[str, int, Cell, tuple[int, ...]]] = []
        self.counted: dict[tuple[str, Count], int] = {}
