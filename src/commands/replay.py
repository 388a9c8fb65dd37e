"""What did a view show at some time, as it was known then? Folded from the log, and compared on demand with
the table that is read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, get_type_hints

from msgspec import Struct, defstruct
from msgspec.structs import astuple

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.postgres.view_rows import known
from ledgerstone.adapters.postgres.view_swap import REPLAYING
from ledgerstone.bootstrap import Settings, journal_of, migrated, views_of
from ledgerstone.commands.progress import progress
from ledgerstone.http.parameters import exclusive_end, known_position, last_known
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Book
from ledgerstone.projections.rebuild import Chained, whole_chains
from ledgerstone.projections.replay import of_all, of_key
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import AnyView, Key, table
from ledgerstone.projections.views import VIEWS

BESIDE = "_replay"

Show = Callable[[type[Struct], Iterator[Struct]], None]
"""Given the kind of rows and the rows."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be replayed: a view's rows, of all keys or of one (in the book of `account`, empty: our
    own), as known at a position or time (None: the head), and only those that were true just before the end
    of `as_of`. Which rows of the log one key heard is looked up in the tables that are read; for all keys the
    log alone is asked."""

    view: str
    key: str | None = None
    account: str = ""
    known_at: str | None = None
    as_of: str | None = None
    compare: bool = False


class Place(Struct, frozen=True):
    """Where to replay: a view of a chain, up to a position of the log."""

    views: Chained
    view: AnyView
    position: int
    database: Database
    journal: Journal


class NotThere(Exception):
    """The table that is read is behind what is asked for; the message says how far it is."""


def replay(settings: Settings, asked: Asked, show: Show) -> tuple[int, list[str]]:
    """Fold a view from the log, show its rows, and tell up to which position it was folded and how the table
    that is read differs from it, as known there (nothing, where that is not asked).

    Raises LookupError for an unknown view, NotThere where the table is not that far, and a Problem for a time
    that cannot be read."""
    (views,) = whole_chains(VIEWS, [asked.view])
    view = next(view for view in views if view.name == asked.view)
    with migrated(settings) as database, journal_of(database) as journal:
        at = Place(views, view, position_of(journal, asked.known_at), database, journal)
        until = exclusive_end("as_of", asked.as_of) if asked.as_of else None
        if asked.key is None:
            return at.position, _all(at, asked.compare, until, show)
        key = str(Book(asked.account, settings.stripe_livemode)), asked.key
        return at.position, _one(at, key, asked.compare, until, show)


def position_of(journal: Journal, known_at: str | None) -> int:
    """The position of the log that is asked for, by itself or a time, never beyond the head (None). Raises a
    Problem for what cannot be read."""
    if known_at is None:
        return journal.head()
    position = known_position(known_at)
    if position is None:
        return journal.position_at(last_known("known_at", known_at))
    return min(position, journal.head())


def _all(at: Place, compare: bool, until: datetime | None, show: Show) -> list[str]:
    shapes = [table(view) for view in at.views]
    with alone(at.database.app_dsn, REPLAYING), views_of(at.database, BESIDE) as beside:
        try:
            with progress(f"replaying {at.view.name}", "rows") as told:
                of_all(at.views, at.journal, at.position, beside, told)
            rows = known(at.database.app_dsn, table(at.view), BESIDE, at.position)
            show(kind(at.view), _true(kind(at.view), rows, until))
            if not compare:
                return []
            _reached(at)
            unsummed = beside.unsummed(shapes, at.position)
            return unsummed + beside.differences(shapes, "", at.position)
        finally:
            beside.drop(shapes)


def _one(at: Place, key: Key, compare: bool, until: datetime | None, show: Show) -> list[str]:
    _reached(at)
    with views_of(at.database) as kept:
        versions = of_key(at.views, at.view, key, at.position, kept)
    folded = [_row(version) for version in versions]
    show(kind(at.view), _true(kind(at.view), folded, until))
    if not compare:
        return []
    read = list(known(at.database.app_dsn, table(at.view), "", at.position, key))
    return _unlike(folded, read)


def _unlike(folded: Sequence[Sequence[Any]], read: Sequence[Sequence[Any]]) -> list[str]:
    return [f"only in the replay: {row}" for row in folded if row not in read] + [
        f"only in the table that is read: {row}" for row in read if row not in folded
    ]


def _reached(at: Place) -> None:
    with views_of(at.database) as kept:
        position = min(kept.positions([table(view) for view in at.views]))
    if position < at.position:
        raise NotThere(
            f"the table of {at.view.name} is at position {position:,}, not yet at {at.position:,}:"
            f" ask when it is, or with --known-at {position}"
        )


def kind(view: AnyView) -> type[Struct]:
    """What a replayed row is: its book and key, since which position it is known, and what the table says."""
    hints = get_type_hints(view.row) if view.row else {}
    fields = [("book", str), ("key", str), ("known_from", int), *hints.items()]
    return defstruct(f"Replayed{view.name.title()}", fields, frozen=True)


def _row(version: Version) -> list[Any]:
    return [*version.key, version.known_from, *astuple(version.row)]


def _true(kind: type[Struct], rows: Iterable[Sequence[Any]], until: datetime | None) -> Iterator[Struct]:
    for row in (kind(*values) for values in rows):
        if until is None or _counts(row, until):
            yield row


def _counts(row: Any, until: datetime) -> bool:
    """Whether a row was true just before an instant: it describes a state, or an event that was before."""
    if hasattr(row, "valid_from"):
        return bool(row.valid_from < until and (row.valid_to is None or row.valid_to >= until))
    return not hasattr(row, "at") or bool(row.at < until)
