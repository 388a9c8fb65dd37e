"""What does a window of the log change in the tables of a view? Plain rows, ready to be written."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from ledgerstone.ledger.growth import plus
from ledgerstone.projections.folder import Folder
from ledgerstone.projections.shares import WHOLE, Share
from ledgerstone.projections.shown import Changes, Entry, Version
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


def past(view: AnyView, shape: Table, changes: Changes, share: Share = WHOLE) -> Write:
    """What no later row of the log can change, of a share's keys: versions that are over, what was heard, and
    what moved."""
    passed, heard = changes.passed, changes.heard.items()
    if share.of > 1:
        passed = [version for version in passed if share.has(version.key[1])]
        heard = {key: positions for key, positions in heard if share.has(key[1])}.items()
    return Write(
        table=shape,
        opened=list(map(_version, passed)),
        heard=[(*key, positions) for key, positions in heard],
        deltas=_deltas(view, changes),
    )


def present(view: AnyView, shape: Table, folder: Folder) -> Write:
    """What is shown in the end, and was ever pointed at, when everything of the folder's share was folded in
    memory."""
    entries, share = folder.entries(view), folder.share
    held = [each for each in entries.items() if each[1].state is not None and share.has(each[0][1])]
    pointing = folder.pointing(view) if view.reads else ()
    return Write(
        table=shape,
        opened=[_version(version) for key, entry in held for version in entry.versions(key)],
        states=[_state(key, entry) for key, entry in held],
        edges=[(key[0], *ref, key[1]) for ref, key in pointing if share.has(key[1])],
    )


def summed(shape: Table, parts: Sequence[Sums]) -> Write:
    """What is summed up in the end; each part is a share's."""
    total: Sums = {}
    for part in parts:
        for name, cells in part.items():
            held = total.setdefault(name, {})
            for cell, amounts in cells.items():
                _add(held, cell, amounts)
    return Write(table=shape, heads=lines(total))


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
    shown = version.place, version.known_from, version.known_to
    return version.key + shown + astuple(version.row)  # faster than unpacking, and done for each row


def _state(key: Key, entry: Entry) -> tuple[str, str, bytes]:
    return *key, encode_state((entry.state, entry.shown))


def _deltas(view: AnyView, changes: Changes) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {s.name: [] for s in view.summaries if s.history}
    for name, position, cell, amounts in changes.deltas:
        found[name].append((position, *cell, *amounts))
    return found
