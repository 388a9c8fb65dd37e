"""What does a window of the log change in the tables of a view? Plain rows, ready to be written."""

from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from ledgerstone.ledger.growth import plus
from ledgerstone.projections.folder import Changes, Entry, Folder, Version
from ledgerstone.projections.view import AnyView, Cell, Key, Table, encode_state

Sums = dict[str, dict[Cell, tuple[int, ...]]]
"""What is added to the cells of each summary."""


class Write(Struct):
    """What is written in the tables of one view, as plain rows. What is `opened`, `heard` and in `deltas` is
    new in any case; the rest changes what may be there."""

    table: Table
    opened: list[tuple[Any, ...]] = []
    heard: list[tuple[str, str, list[int]]] = []
    deltas: dict[str, list[tuple[Any, ...]]] = {}
    states: list[tuple[str, str, bytes]] = []
    edges: list[tuple[str, str, str, str]] = []
    closed: list[tuple[str, str, int, int, int]] = []
    heads: dict[str, list[tuple[Any, ...]]] = {}


def changed(view: AnyView, shape: Table, folder: Folder) -> Write:
    """All that a window changed."""
    changes, entries = folder.changes(view), folder.entries(view)
    write = past(view, shape, changes)
    write.opened += map(_version, folder.opened(view))
    write.states = [_state(key, entries[key]) for key in sorted(changes.dirty | changes.touched)]
    write.edges = sorted({(key[0], *ref, key[1]) for ref, key in changes.edges})
    write.closed = sorted((*key, *shown, position) for key, shown, position in changes.closed)
    write.heads = lines(added({}, changes))
    return write


def past(view: AnyView, shape: Table, changes: Changes) -> Write:
    """What no later row of the log can change: versions that are over, what was heard, and what moved."""
    return Write(
        table=shape,
        opened=list(map(_version, changes.passed)),
        heard=[(*key, positions) for key, positions in sorted(changes.heard.items())],
        deltas=_deltas(view, changes),
    )


def present(view: AnyView, shape: Table, folder: Folder, sums: Sums) -> Write:
    """What is shown, pointed at and summed up in the end, when everything was folded in memory."""
    entries = folder.entries(view)
    held = [(key, entries[key]) for key in sorted(entries) if entries[key].state is not None]
    return Write(
        table=shape,
        opened=[_version(version) for key, entry in held for version in entry.versions(key)],
        states=[_state(key, entry) for key, entry in held],
        edges=sorted({(key[0], *ref, key[1]) for key, entry in held for ref in entry.refs}),
        heads=lines(sums),
    )


def added(sums: Sums, changes: Changes) -> Sums:
    """Sums with what a window adds to them, in place."""
    for name, _, cell, amounts in changes.deltas:
        _add(sums.setdefault(name, {}), cell, amounts)
    for (book, (name, cell, amounts)), times in changes.counted.items():
        _add(sums.setdefault(name, {}), (book, *cell), tuple([amount * times for amount in amounts]))
    return sums


def lines(sums: Sums) -> dict[str, list[tuple[Any, ...]]]:
    """Sums by summary, sorted so that two writers lock cells in the same order."""
    return {
        name: sorted((*cell, *amounts) for cell, amounts in cells.items() if any(amounts))
        for name, cells in sums.items()
    }


def _add(cells: dict[Cell, tuple[int, ...]], cell: Cell, amounts: tuple[int, ...]) -> None:
    held = cells.get(cell)
    cells[cell] = amounts if held is None else plus(held, amounts)


def _version(version: Version) -> tuple[Any, ...]:
    return *version.key, version.place, version.known_from, version.known_to, *astuple(version.row)


def _state(key: Key, entry: Entry) -> tuple[str, str, bytes]:
    return *key, encode_state((entry.state, entry.shown))


def _deltas(view: AnyView, changes: Changes) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {s.name: [] for s in view.summaries if s.history}
    for name, position, cell, amounts in changes.deltas:
        found[name].append((position, *cell, *amounts))
    return found
