"""Which rows of the log moved money, and in which day's books?"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
from msgspec import Struct

from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.postings import NAME
from ledgerstone.projections.reads.asked import List, Moment, Place, Query, ask
from ledgerstone.projections.reads.balances import LEGS, end_day
from ledgerstone.projections.reads.events import Movement

ENTRIES, LOG = f"views.{NAME}_entry", "stored_events"
KNOWN = "r.book = %(book)s and r.position <= %(position)s and r.day < %(end_day)s"


class JournalEntry(Struct, frozen=True):
    """A row of the log that moved money: `fact` is its kind, `booked` the day in whose books it stands,
    `happened_at` when it happened, which may be in books that were closed by then. `evidence` is the position
    of the message that told it. A correction has two entries where it undoes what stood on another day."""

    position: int
    name: str
    fact: str
    booked: str
    happened_at: datetime
    recorded_at: datetime
    evidence: int | None
    lines: tuple[Movement, ...]


class EntryLine(Struct, frozen=True):
    """A movement of an entry, in one line."""

    position: int
    name: str
    fact: str
    booked: str
    happened_at: datetime
    recorded_at: datetime
    evidence: int | None
    debit: str
    debit_of: str
    credit: str
    credit_of: str
    amount: int
    currency: str


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """Entries, those booked last first."""
    conditions = [KNOWN, *_conditions(given)]
    if after is not None:
        conditions.append("(r.day, r.position) < (%(after_day)s, %(after_position)s)")
    most = "" if limit is None else f" limit {limit:d}"
    found = f"from {LEGS if _by_leg(given) else ENTRIES} r where {' and '.join(conditions)}"
    text = (
        "select f.position, f.day, e.first, e.count, e.evidence, l.recorded_at, l.state"
        f" from (select distinct r.day, r.position {found} order by r.day desc, r.position desc{most}) f"
        f" join {ENTRIES} e on e.book = %(book)s and e.day = f.day and e.position = f.position"
        f" join {LOG} l on l.notification_id = f.position order by f.day desc, f.position desc"
    )
    day = after[0].astimezone(UTC).date() if after else None
    return ask(moment, text, **asked(moment, given), after_day=day, after_position=_position(after))


def shape(row: Sequence[Any]) -> JournalEntry:
    """A row of `rows`."""
    position, day, first, count, evidence, recorded_at, state = row
    told = decode(state)
    moved = told.movements[first : first + count]
    return JournalEntry(
        position=position,
        name=told.name,
        fact=tag(type(told.body)),
        booked=day.isoformat(),
        happened_at=happened_at(told, first + count - 1),
        recorded_at=recorded_at,
        evidence=evidence,
        lines=tuple(Movement(*msgspec.structs.astuple(each)) for each in moved),
    )


def place(entry: JournalEntry) -> Place:
    """Where an entry stands in the list."""
    return midnight(date.fromisoformat(entry.booked)), str(entry.position)


def flat(entry: JournalEntry) -> Iterator[EntryLine]:
    """The lines of an entry, for a file."""
    *shared, lines = (getattr(entry, name) for name in JournalEntry.__struct_fields__)
    return (EntryLine(*shared, *msgspec.structs.astuple(line)) for line in lines)


LIST = List(rows, shape, place)
FILTERS = {
    "chart": "r.account = %(chart)s",
    "subject": 'r."of" = %(subject)s',
    "currency": "r.currency = %(currency)s",
}
"""What may be asked of a leg."""
IN_CURRENCY = (
    f"exists (select from {LEGS} g where g.position = r.position and g.day = r.day"
    " and g.currency = %(currency)s)"
)


def filters(given: Mapping[str, Any]) -> list[str]:
    """What is asked of the legs `r`. A subject has few: so the account is compared so that no index is, in
    tables of which nothing is known yet."""
    found = {name: text for name, text in FILTERS.items() if name in given}
    if "subject" in found and "chart" in found:
        found["chart"] = "r.account || '' = %(chart)s"
    return list(found.values())


def _by_leg(given: Mapping[str, Any]) -> bool:
    return "chart" in given or "subject" in given


def _conditions(given: Mapping[str, Any]) -> list[str]:
    found = filters(given) if _by_leg(given) else [IN_CURRENCY] if "currency" in given else []
    return [*found, "r.day >= %(since)s"] if "from_" in given else found


def asked(moment: Moment, given: Mapping[str, Any]) -> dict[str, Any]:
    """The filters, and the days between which entries are: the end is the earlier of `to` and the moment."""
    end = min(moment.at, given.get("to", moment.at))
    since = end_day(given["from_"]) if "from_" in given else None
    return {**given, "end_day": end_day(end), "since": since}


def happened_at(told: Recorded, movement: int) -> datetime:
    """When that happened what a movement is of."""
    body = told.body
    return body.was_at if isinstance(body, Superseded) and movement < body.undone else told.happened_at


def midnight(day: date) -> datetime:
    """The first instant of a day."""
    return datetime.combine(day, time(tzinfo=UTC))


def _position(after: Place | None) -> int:
    """The position of a place; one of another kind is before all."""
    return (
        int(after[1]) if after and after[1].isascii() and after[1].isdecimal() and len(after[1]) < 19 else 0
    )
