"""What a view is: which facts it hears, how they change a key's state, and which rows that state shows.

A view is pure: no clock, no randomness, no input or output, no SQL for writing. The engine keeps its tables,
in two times, and is the same for all views."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections import blocks

S = TypeVar("S")
P = TypeVar("P")

Key = tuple[str, str]
"""The book and the id of what a row is about: `(":live", "cus_1")`."""
Ref = tuple[str, str]
"""A row that a state points at: the name of an earlier view, and an id of the same book."""
Cell = tuple[Any, ...]
"""Where an amount is added in a summary of one book: the values of its key columns."""
Look = Callable[[Ref], tuple[Any, ...]]
"""The rows that an earlier view shows for a reference, as of the log row that is being folded."""

COLUMN = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    datetime: "timestamptz",
    date: "date",
    tuple[str, ...]: "text[]",
}


class Row(Struct, frozen=True, gc=False):
    """A line of a view's table. A row that describes a state has `valid_from` and `valid_to` (UTC,
    half-open, None: open); a row that describes an event has `at`. The engine adds what was known when.

    Rows of many columns are best made by position: by name 28 take seven times as long."""


class Summary(Struct, frozen=True):
    """Sums over a view, kept by the engine: `cells` are the key columns after the book, `amounts` what is
    added up. With `history` every change is kept with its position, for figures as known at any of them.
    `named` are the key columns of which every question names one value."""

    name: str
    cells: dict[str, type]
    amounts: tuple[str, ...]
    history: bool = True
    named: tuple[str, ...] = ()


Tally = Mapping[str, Mapping[Cell, tuple[int, ...]]]
"""Amounts by summary and cell."""

Count = tuple[str, Cell, tuple[int, ...]]
"""Amounts for one cell of a summary."""


class View(Generic[S, P]):
    """A question that can be asked of the log. Subclasses say what they hear and are otherwise functions."""

    name: ClassVar[str]
    version: ClassVar[int]
    hears: ClassVar[tuple[type[Fact], ...]]
    heads: ClassVar[tuple[type[Fact], ...]] = ()
    """Of these only the head is heard: an evidence without its payload, and of a sound message no more than
    what it is counted by (`ledger.heads`): that must have no keys, since of many alike one may be heard."""
    reads: ClassVar[tuple[type["View[Any, Any]"], ...]] = ()
    weight: ClassVar[int] = 1
    """How much work it is next to others, to divide views among processes."""
    state: ClassVar[Any]
    row: ClassVar[type[Row] | None] = None
    summaries: ClassVar[tuple[Summary, ...]] = ()
    sought: ClassVar[tuple[str, ...]] = ()
    """Times in its rows by which reads look for few of many, whatever their keys."""

    def keys(self, row: Recorded) -> Iterable[str]:
        """The ids, in the row's book, whose state this row changes."""
        raise NotImplementedError

    def fold(self, state: S | None, row: Recorded, id: str) -> S:
        """The state after the row; the same object when nothing changed."""
        raise NotImplementedError

    def alike(self, held: S, now: S) -> bool:
        """Whether a state shows what the one before it showed. Need not find out, but what only repeats what
        is known is most of a log."""
        return False

    def refs(self, id: str, state: S) -> Iterable[Ref]:
        """The rows of earlier views that the state points at."""
        return ()

    def points(self, row: Recorded) -> Iterable[Ref]:
        """References that this row is likely to add: only so that the engine can fetch many at once."""
        return ()

    def part(self, id: str, state: S, look: Look) -> P:
        """What the rows are made of: equal parts show equal rows, and are not asked again."""
        return state  # type: ignore[return-value]

    def rows(self, id: str, part: P) -> Iterable[Row]:
        """What the table shows for this key. Rows of one key differ from each other."""
        return ()

    def tally(self, before: Sequence[Any], after: Sequence[Any]) -> Tally:
        """What it adds to the view's summaries that a key shows other rows: by any way from some rows to
        others the additions come to the same."""
        return {}

    def count(self, row: Recorded) -> Count | None:
        """What this row adds to a summary by itself: for counters that change at every row."""
        return None


AnyView = View[Any, Any]


class Table(Struct, frozen=True):
    """The shape of a view's tables, as plain values for the store."""

    name: str
    columns: tuple[tuple[str, str], ...]
    summaries: tuple["Sums", ...]
    sought: tuple[str, ...] = ()


class Sums(Struct, frozen=True):
    """The shape of a summary's tables: cells and amounts as (column, SQL type). `named` are the key columns
    of which every question names one value, the book first; `blocks` how many rows of the log each size of
    block adds up (`projections.blocks`), none without history."""

    name: str
    cells: tuple[tuple[str, str], ...]
    amounts: tuple[str, ...]
    history: bool
    named: tuple[str, ...]
    blocks: tuple[int, ...]


def table(view: AnyView) -> Table:
    """The tables of a view: `<name>_v<version>`, its columns those of its row, in their order."""
    columns = [(name, _sql(kind)) for name, kind in get_type_hints(view.row).items()] if view.row else []
    sums = tuple(map(_sums, view.summaries))
    return Table(f"{view.name}_v{view.version}", tuple(columns), sums, view.sought)


def identity(view: AnyView) -> str:
    """What must stay the same for old tables to be read by new code: name, version and row schema."""
    shape = table(view)
    return f"{shape.name}({', '.join(f'{column} {kind}' for column, kind in shape.columns)})"


def stages(views: Sequence[AnyView]) -> tuple[AnyView, ...]:
    """The views in an order in which each comes after those that it reads; a circle is a ValueError."""
    ordered: list[AnyView] = []
    waiting = list(views)
    while waiting:
        ready = [v for v in waiting if all(any(isinstance(o, read) for o in ordered) for read in v.reads)]
        if not ready:
            raise ValueError(f"views read each other, or one that is missing: {[v.name for v in waiting]}")
        ordered += ready
        waiting = [view for view in waiting if view not in ready]
    return tuple(ordered)


def chains(views: Sequence[AnyView]) -> tuple[tuple[AnyView, ...], ...]:
    """The views in groups that read each other, each in stages: a group shares one position, and stops
    alone when it meets a row that it cannot fold."""
    groups: list[list[AnyView]] = []
    for view in stages(views):
        joined = [group for group in groups if any(isinstance(member, view.reads) for member in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([member for group in joined for member in group] + [view])
    return tuple(stages(group) for group in groups)


def readers(views: Sequence[AnyView], of: AnyView) -> tuple[AnyView, ...]:
    """A view and those of the views (in stages) that read it, or read one that does."""
    found = [of]
    found += [view for view in views if view is not of and any(isinstance(one, view.reads) for one in found)]
    return tuple(found)


def common(one: Sequence[Row], other: Sequence[Row]) -> int:
    """How many rows two lists begin with alike: what is long past seldom changes."""
    same, most = 0, len(other)
    for row in one:
        if same == most or row != other[same]:
            break
        same += 1
    return same


def _sums(summary: Summary) -> Sums:
    cells = [("book", "text"), *((column, COLUMN[kind]) for column, kind in summary.cells.items())]
    sizes = blocks.SIZES if summary.history else ()
    named = ("book", *summary.named)
    return Sums(summary.name, tuple(cells), summary.amounts, summary.history, named, sizes)


def _sql(kind: Any) -> str:
    options = [option for option in get_args(kind) if option is not type(None)]
    return COLUMN[kind] if kind in COLUMN else COLUMN[options[0]]


encode_state = msgspec.msgpack.Encoder().encode
"""A key's state, and how its rows are shown: (position, place) of each."""


def decoder(view: AnyView) -> Callable[[bytes], tuple[Any, tuple[tuple[int, int], ...]]]:
    """Reads what `encode_state` wrote; the state is None where all that a key heard was corrected away."""
    kind = tuple[view.state | None, tuple[tuple[int, int], ...]]  # type: ignore[name-defined]
    return msgspec.msgpack.Decoder(kind).decode
