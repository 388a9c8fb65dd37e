"""The books for other programs: written while they are read, so that they may be of any length."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.adapters.exports.formats import FORMATS, Format
from ledgerstone.adapters.exports.items import Entry, Head, Held, Item, reckonings, with_standings
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.snapshot import Snapshot, snapshot
from ledgerstone.bootstrap import Settings, journal_of, migrated, without_collection
from ledgerstone.commands.replay import position_of
from ledgerstone.http.errors import refused
from ledgerstone.http.parameters import exclusive_end, first_instant
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.money import decimals
from ledgerstone.ledger.posting import Movement
from ledgerstone.ledger.recorded import Book, decode
from ledgerstone.projections.postings import NAME, SPANS, advance
from ledgerstone.projections.reads import exported
from ledgerstone.projections.reads.asked import Moment, Query
from ledgerstone.projections.reads.balances import end_day
from ledgerstone.projections.reads.journal import happened_at, midnight

COMPANY = "Ledgerstone"


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be exported: a format, the days from `since` to `until` (months, dates or times; empty: all,
    up to today), in the book of `account` (empty: our own), as known at a position or time (None: the head),
    and only what is in one `currency`."""

    format: str
    since: str | None = None
    until: str | None = None
    account: str = ""
    known_at: str | None = None
    currency: str | None = None
    company: str = COMPANY


class Reading(Struct, frozen=True):
    """Where entries and balances come from: all of one moment."""

    of: Snapshot
    moment: Moment
    is_head: bool
    currency: str | None = None

    def fetch(self, query: Query) -> list[Any]:
        """All rows of a query."""
        return self.of.fetch(query.text, query.parameters)

    def held(self, day: date) -> Held:
        """What accounts held when a day began."""
        found = self.fetch(exported.held(self.moment, day, self.is_head))
        return {
            (account, currency): opening + debit - credit
            for account, currency, opening, debit, credit in found
            if self.currency in (None, currency)
        }

    def entries(self, since: date, by_position: bool) -> Iterator[Entry]:
        """What was booked since a day."""
        query = exported.rows(self.moment, since, by_position)
        found = (_entry(row, self.currency) for row in self.of.stream(query.text, query.parameters))
        return (entry for entry in found if entry.movements)


def export(settings: Settings, asked: Asked, out: Path | None) -> tuple[int, int]:
    """Write an export to a file (None: standard output), and tell how many entries it has and up to which
    position of the log it is. Raises a Problem for what cannot be asked; then no file is written."""
    format = FORMATS[asked.format]
    with migrated(settings) as database, journal_of(database) as journal:
        position = position_of(journal, asked.known_at)
        _index(database.app_dsn, journal)
        with snapshot(database.app_dsn) as seen, without_collection():
            reading, since = _begun(seen, asked, settings.stripe_livemode, position)
            reading = replace(reading, currency=_currency(format, asked, reading))
            with _writer(out) as write:
                return _write(format, reading, since, asked.company, write), position


def _index(dsn: str, journal: Journal) -> None:
    with closing(PostingIndex(dsn, NAME, SPANS)) as index:
        while advance(journal, index):
            pass


def _begun(seen: Snapshot, asked: Asked, livemode: bool, position: int) -> tuple[Reading, date | None]:
    """What is read, and from which day on, if that is said."""
    now = datetime.now(UTC)
    end = exclusive_end("to", asked.until) if asked.until else now
    since = end_day(first_instant("from", asked.since)) if asked.since else None
    if since is not None and since >= end_day(end):
        raise refused("from", f"`from` ({asked.since}) is not before the end ({end:%Y-%m-%d %H:%M:%S}).")
    moment = Moment(str(Book(asked.account, livemode)), midnight(end_day(end)), position)
    ((reached,),) = seen.fetch(exported.REACHED.text, exported.REACHED.parameters)
    return Reading(seen, moment, reached == position), since


def _currency(format: Format, asked: Asked, reading: Reading) -> str | None:
    """The one currency of an export; None: all there are. Raises a Problem where a format wants one, and
    there are several, where there is nothing in the one that is asked for, or the format cannot write it."""
    there = sorted({currency for _, currency in reading.held(end_day(reading.moment.at))})
    wanted = asked.currency and asked.currency.lower()
    if wanted and wanted not in there:
        raise refused("currency", f"Nothing is booked in {wanted}: there is {_listed(there)}.")
    if format.one_currency and not wanted and len(there) > 1:
        raise refused(
            "currency",
            f"A file of {asked.format} holds one currency, and these books have {_listed(there)}:"
            f" write a file of each, as with --currency {there[0]}.",
        )
    for currency in [wanted] if wanted else there:
        if decimals(currency) > format.decimals:
            said = f"Amounts in {currency} have {decimals(currency)} decimals, and {asked.format}"
            raise refused("currency", f"{said} knows {format.decimals}: use another format for them.")
    return wanted or None


def _listed(currencies: Sequence[str]) -> str:
    return ", ".join(currencies) or "no posting at all"


def _write(
    format: Format, reading: Reading, since: date | None, company: str, write: Callable[[bytes], Any]
) -> int:
    end = end_day(reading.moment.at)
    begun = since or reading.fetch(exported.first_day(reading.moment))[0][0] or end - timedelta(days=1)
    head = Head(
        book=reading.moment.book,
        position=reading.moment.position,
        since=begun,
        end=end,
        opening=reading.held(begun) if since else {},
        closing=reading.held(end),
        company=company,
        made=datetime.now(UTC).date(),
    )
    counted = Counted(reading.entries(begun, format.by_position))
    items: Iterator[Item] = counted
    if not format.by_position:
        items = with_standings(counted, reckonings(begun, end), reading.held)
    for text in format.write(head, items):
        write(text.encode(format.encoding, "replace"))
    return counted.number


class Counted:
    """Entries, and how many there were."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries, self.number = entries, 0

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        entry = next(self._entries)
        self.number += 1
        return entry


def _entry(row: Sequence[Any], currency: str | None) -> Entry:
    position, day, first, count, evidence, _, state = row
    told = decode(state)
    moved: tuple[Movement, ...] = told.movements[first : first + count]
    if currency is not None:
        moved = tuple(move for move in moved if move.currency == currency)
    happened = happened_at(told, first + count - 1).astimezone(UTC).date()
    return Entry(position, first, day, told.name, tag(type(told.body)), evidence, happened, moved)


@contextmanager
def _writer(out: Path | None) -> Iterator[Callable[[bytes], Any]]:
    """Where bytes go. A file has its name only when it is whole; a pipe or device is written as it is."""
    if out is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    if out.exists() and not out.is_file():
        with out.open("wb") as file:
            yield file.write
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file.write
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
