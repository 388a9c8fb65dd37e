"""What did a view show at a position of the log? Folded afresh, from the rows of the log and nothing else."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.chain import tellings
from ledgerstone.projections.folder import Version, remembering
from ledgerstone.projections.reader import Log, Raw
from ledgerstone.projections.rebuild import Chained, Tables, Told, build, unheard
from ledgerstone.projections.view import AnyView, Key, Table, table


class Kept(Protocol):
    """Where it is kept which rows a key heard."""

    def heard(self, table: Table, key: Key) -> list[int]:
        """Their positions, in order."""
        ...


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
        return self._log.picked([position for position in positions if position <= self._position])

    def head(self) -> int:
        """The end, or the log's own before that."""
        return min(self._log.head(), self._position)


def of_all(views: Chained, log: Log, position: int, store: Tables, told: Told = unheard) -> None:
    """Fold a chain of views up to a position into tables of its own; memory stays bounded as in a rebuild."""
    build([views], Until(log, position), store, told)


def of_key(views: Chained, view: AnyView, key: Key, log: Log, position: int, kept: Kept) -> list[Version]:
    """The rows of one key of a view, from the few rows of the log that it and what it points at heard."""
    until = Until(log, position)
    positions = sorted(_concerning(views, view, [key], until, kept))
    rows = [(at, decode(state)) for at, state in until.picked(positions)]
    entry = remembering(views, rows).entries(view).get(key)
    return list(entry.versions(key)) if entry is not None else []


def _concerning(views: Chained, view: AnyView, keys: Iterable[Key], log: Log, kept: Kept) -> set[int]:
    """The positions of all that some keys of a view heard, and the keys of earlier views that they ever
    pointed at."""
    found: set[int] = set()
    for key in keys:
        own = kept.heard(table(view), key)
        found.update(own)
        pointed = _pointed(view, key, [(at, decode(state)) for at, state in log.picked(own)])
        for earlier in views:
            of_it = [(key[0], id) for name, id in pointed if name == earlier.name]
            found |= _concerning(views, earlier, of_it, log, kept)
    return found


def _pointed(view: AnyView, key: Key, rows: Sequence[tuple[int, Recorded]]) -> set[tuple[str, str]]:
    """What a key pointed at after any of its rows; of a fact that was corrected, by all that it ever said."""
    state, found = None, set[tuple[str, str]]()
    for _, row in tellings(rows) if view.reads else ():
        if type(row.body) in view.hears and key[1] in view.keys(row):
            state = view.fold(state, row, key[1])
            found.update(view.refs(key[1], state))
    return found
