"""What did a view show at a position of the log? Folded afresh, from the rows of the log and nothing else."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.chain import tellings
from ledgerstone.projections.folder import remembering
from ledgerstone.projections.reader import Log, Raw
from ledgerstone.projections.rebuild import Chained, Tables, Told, build, unheard
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import AnyView, Key, Ref, Table, table


class Kept(Protocol):
    """Where it is kept which rows a key heard."""

    def rows_of(self, table: Table, keys: Sequence[Key], position: int) -> Sequence[tuple[int, bytes]]:
        """The rows of the log up to a position that any of some keys heard: positions and states."""
        ...


shape = cache(table)
"""Its columns are worked out from types, which takes as long as a query."""


class Until:
    """A log that ends at a position, as it was when that was its head."""

    def __init__(self, log: Log, position: int) -> None:
        self._log, self._position = log, position

    def raw(self, after: int, limit: int, tags: Sequence[str], heads: Sequence[str] = ()) -> Raw:
        """As the log, up to its end."""
        rest = min(limit, self._position - after)
        return self._log.raw(after, rest, tags, heads) if rest > 0 else ()

    def picked(self, positions: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        """As the log, up to its end."""
        known = [position for position in positions if position <= self._position]
        return self._log.picked(known) if known else ()

    def head(self) -> int:
        """The end, or the log's own before that."""
        return min(self._log.head(), self._position)


def of_all(views: Chained, log: Log, position: int, store: Tables, told: Told = unheard) -> None:
    """Fold a chain of views up to a position into tables of its own; memory stays bounded as in a rebuild."""
    build([views], Until(log, position), store, told)


def of_key(views: Chained, view: AnyView, key: Key, position: int, kept: Kept) -> list[Version]:
    """The rows of one key of a view, from the few rows of the log that it and what it points at heard."""
    rows = _concerning(views, view, key, position, kept)
    entry = remembering(views, sorted(rows.items()), sums=False).entries(view).get(key)
    return list(entry.versions(key)) if entry is not None else []


def _concerning(views: Chained, view: AnyView, key: Key, position: int, kept: Kept) -> dict[int, Recorded]:
    """All that a key of a view heard, and the keys of earlier views that it ever pointed at: from the last
    stage to the first, so that of each view all keys are known by then, and the rows are read at once."""
    wanted: dict[str, set[Key]] = {view.name: {key}}
    found: dict[int, Recorded] = {}
    for each in reversed(views):
        if keys := sorted(wanted.get(each.name, ())):
            rows = {at: decode(state) for at, state in kept.rows_of(shape(each), keys, position)}
            found |= rows
            for one in keys if each.reads else ():
                for name, id in _pointed(each, one, sorted(rows.items())):
                    wanted.setdefault(name, set()).add((one[0], id))
    return found


def _pointed(view: AnyView, key: Key, rows: Sequence[tuple[int, Recorded]]) -> set[Ref]:
    """What a key pointed at after any of its rows; of a fact that was corrected, by all that it ever said."""
    state, found = None, set[Ref]()
    for _, row in tellings(rows):
        if str(row.book) == key[0] and type(row.body) in view.hears and key[1] in view.keys(row):
            state = view.fold(state, row, key[1])
            found.update(view.refs(key[1], state))
    return found
