"""What came from the provider, when, in which state is it, and what was read from it?"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ledgerstone.ledger import evidence
from ledgerstone.ledger.customers import CustomerDetails
from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    EvidenceRead,
    FactConflict,
    RefetchWanted,
    StripeEventHeard,
)
from ledgerstone.ledger.facts import BY_TAG, Superseded, tag
from ledgerstone.ledger.heads import decode_head
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.events import NAME, READ_AT_LAST, noted
from ledgerstone.projections.reads.asked import List, Moment, Place, Query, ask

EVENTS, LATER, LOG = f"views.{NAME}", f"views.{NAME}_later", "stored_events"
BEGINNING = 16_384
"""Bytes of a state that hold everything of an evidence before its payload, but for the oddest."""
CONFLICTS = {tag(EvidenceConflict), tag(FactConflict)}
READ_AGAIN = {READ_AT_LAST, tag(EvidenceRead)}
TOLD = {tag(RefetchWanted)} | {n for n, fact in BY_TAG.items() if fact.__module__ != evidence.__name__}
"""The kinds of rows that are read from a message, and do not only remark on it."""


class Event(Struct, frozen=True):
    """A message. `created` is the provider's time, `recorded_at` ours. `state` is

    - `parked`: it could not be read, for a `reason`, and waits: until a row says that it was read, though
      others may have told what it tells
    - `conflicting`: it came again with another body, or tells of a fact in other amounts than an earlier
      message; what was told first is in force
    - `unknown`: kept, but its type was not in the provider's list, and nothing was read from it since
    - `confirmed`: it was imported, and came signed later
    - `read`: none of these

    `facts` are the kinds of rows that were read from it; none where an earlier message had told all, or where
    its type says nothing about the books."""

    position: int
    id: str
    type: str
    object: str | None
    account: str | None
    created: datetime
    recorded_at: datetime
    source: str
    api_version: str | None
    state: str
    reason: str | None
    facts: tuple[str, ...]


class Movement(Struct, frozen=True):
    """`amount` minor units of `currency` go into the debit account and out of the credit account; `…_of` says
    whose these are."""

    debit: str
    debit_of: str
    credit: str
    credit_of: str
    amount: int
    currency: str


class Reading(Struct, frozen=True):
    """A row of the log that was read from a message, or remarks on it: `fact` is its kind, `told` what it
    says in its own words, `happened_at` which day's books it belongs to."""

    position: int
    recorded_at: datetime
    name: str
    fact: str
    happened_at: datetime
    told: Raw
    movements: tuple[Movement, ...]


class Evidence(Struct, frozen=True):
    """The exact bytes of a message as they came, as text (`utf-8`) or in `base64`, and what signed them."""

    position: int
    source: str
    signature: str | None
    sha256: str
    encoding: str
    payload: str


class EventDetail(Event, frozen=True):
    """A message, what was read from it, and its digest. `evidence`, only on request: its bytes, then those of
    every message that came under its name with another body."""

    size: int
    sha256: str
    readings: tuple[Reading, ...]
    evidence: tuple[Evidence, ...] | None


FACTS = (
    f"select array_agg(f.state order by f.notification_id) as states from {LOG} f"
    " where f.notification_id > r.position and f.notification_id <= r.position + r.rows"
    " and f.notification_id <= %(position)s"
)
"""What stands directly behind a message."""
AFTERWARDS = (
    f"select array_agg(l.tag order by l.position) as tags from {LATER} l"
    " where l.book = r.book and l.event = r.position and l.position <= %(position)s"
)
READ = (
    f"exists (select from {LATER} l where l.book = r.book and l.event = r.position"
    " and l.position <= %(position)s and l.tag = %(read)s)"
)
HEAD = (
    rf"case when position('\xa77061796c6f6164'::bytea in substring(e.state for {BEGINNING})) > 0"
    f" then substring(e.state for {BEGINNING}) else e.state end"
)
"""An evidence without most of its payload."""
KNOWN = "r.book = %(book)s and r.position <= %(position)s and r.at < %(at)s"
PARKED = f"r.parked and not {READ}"
FILTERS = {
    "object": "r.object = %(object)s",
    "from_": "r.at >= %(from_)s",
    "to": "r.at < %(to)s",
}
"""What may be asked of a message, besides its type and whether it is parked; `to` is an exclusive instant."""
ORDER = "order by r.at desc, r.position desc"

ANY = ".*"
"""What the name of a family of types ends with, `invoice.*`; as text, its types lie between a point and what
comes after a point."""
TYPES = (
    "with recursive types (type) as ("
    f"(select min(t.type) from {EVENTS} t where t.book = %(book)s and t.type >= %(first)s)"
    f" union all select (select min(t.type) from {EVENTS} t where t.book = %(book)s and t.type > types.type)"
    " from types where types.type < %(last)s)"
)
"""The types of a family, each found with one step down the index, however many messages there are."""


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """Messages, those made last first."""
    most = "" if limit is None else f" limit {limit:d}"
    chosen = f"select r.* from {EVENTS} r where {' and '.join(_conditions(given, after))}"
    type = given.get("type", "")
    if type.endswith(ANY):
        each = f"{chosen} and r.type = types.type {ORDER}{most}"
        chosen = f"{TYPES} select r.* from types cross join lateral ({each}) r where types.type < %(last)s"
    elif type:
        chosen = f"{chosen} and r.type = %(type)s"
    columns = f"r.position, e.recorded_at, r.object, {HEAD}, f.states, l.tags"
    text = (
        f"select {columns} from ({chosen} {ORDER}{most}) r"
        f" join {LOG} e on e.notification_id = r.position"
        f" cross join lateral ({FACTS}) f cross join lateral ({AFTERWARDS}) l {ORDER}"
    )
    family = type.removesuffix(ANY)
    given = {**given, **_after(after), "read": READ_AT_LAST, "first": f"{family}.", "last": f"{family}/"}
    return ask(moment, text, **given)


def shape(row: Sequence[Any]) -> Event:
    """A row of `rows`."""
    position, recorded_at, object, state, states, later = row
    heard = decode_head(state) or decode(state)
    tags = [*(noted(decode(each)) for each in states or ()), *(later or ())]
    return Event(*_columns(position, recorded_at, object, _evidence(heard), tags))


def place(event: Event) -> Place:
    """Where a message stands in the list."""
    return event.created, str(event.position)


LIST = List(rows, shape, place)


def one(moment: Moment, position: int) -> Query:
    """A message by its position: when it was recorded, its object, its evidence, and how many rows follow."""
    text = f"select e.recorded_at, r.object, e.state, r.rows from {EVENTS} r join {LOG} e"
    where = f"on e.notification_id = r.position where {KNOWN} and r.position = %(event)s"
    return ask(moment, f"{text} {where}", event=position)


def readings(moment: Moment, position: int, rows: int) -> Query:
    """What was read from a message, in its append and later, and what remarks on it."""
    ours = f"select l.position from {LATER} l where l.book = %(book)s and l.event = %(event)s"
    columns = f"select e.notification_id, e.recorded_at, e.state from {LOG} e where"
    between = "e.notification_id > %(event)s and e.notification_id <= %(event)s + %(rows)s"
    later = f"e.notification_id = any(array({ours}))"
    text = (
        f"select * from ({columns} {between} union all {columns} {later}) found"
        " where notification_id <= %(position)s order by 1"
    )
    return ask(moment, text, event=position, rows=rows)


def detail(
    position: int, row: Sequence[Any], behind: Sequence[Sequence[Any]], with_bytes: bool
) -> EventDetail:
    """A message from the rows of `one` and `readings`; with its bytes only where they are wanted."""
    recorded_at, object, state, _ = row
    heard = _evidence(decode(state))
    found = [(at, time, decode(each)) for at, time, each in behind]
    shown = _columns(position, recorded_at, object, heard, [noted(read) for _, _, read in found])
    size, digest = len(heard.payload), sha256(heard.payload).hexdigest()
    told = tuple(_reading(at, time, read, with_bytes) for at, time, read in found)
    shown_bytes = _bytes(position, heard, found) if with_bytes else None
    return EventDetail(*[*shown, size, digest, told, shown_bytes])


def _conditions(given: Mapping[str, Any], after: Place | None) -> list[str]:
    found = [KNOWN, *(FILTERS[name] for name in given if name in FILTERS)]
    if (parked := given.get("parked")) is not None:
        found.append(PARKED if parked else f"not ({PARKED})")
    return found if after is None else [*found, "(r.at, r.position) < (%(after_time)s, %(after_position)s)"]


def _after(after: Place | None) -> dict[str, Any]:
    if after is None:
        return {}
    time, position = after
    return {"after_time": time, "after_position": int(position) if position.isdecimal() else 0}


def _evidence(row: Recorded) -> StripeEventHeard:
    assert isinstance(row.body, StripeEventHeard)
    return row.body


def _columns(
    position: int, recorded_at: datetime, object: str | None, heard: StripeEventHeard, tags: Sequence[str]
) -> tuple[Any, ...]:
    """The columns of an Event; `tags` are of all rows that have to do with it, as `noted`."""
    facts = tuple(name for name in tags if name in TOLD)
    state = _state(heard, tags, facts)
    return (
        position,
        heard.id,
        heard.event_type,
        object,
        heard.account,
        heard.created,
        recorded_at,
        heard.source,
        heard.api_version,
        state,
        heard.parked if state == "parked" else None,
        facts,
    )


def _state(heard: StripeEventHeard, tags: Sequence[str], facts: Sequence[str]) -> str:
    if heard.parked is not None and READ_AT_LAST not in tags:
        return "parked"
    if CONFLICTS.intersection(tags):
        return "conflicting"
    if heard.unknown and not facts and READ_AGAIN.isdisjoint(tags):
        return "unknown"
    return "confirmed" if tag(EvidenceConfirmed) in tags else "read"


def _reading(position: int, recorded_at: datetime, row: Recorded, with_bytes: bool) -> Reading:
    moved = tuple(Movement(*msgspec.structs.astuple(each)) for each in row.movements)
    told = Raw(msgspec.json.encode(words(row.body, with_bytes)))
    return Reading(position, recorded_at, row.name, tag(type(row.body)), row.happened_at, told, moved)


def words(body: Any, with_bytes: bool) -> Any:
    """What a row says. What only evidence may show (bytes, signatures, who somebody is) is left out, unless
    evidence is wanted."""
    match body:
        case FactConflict(first=first, told=told):
            return {"fact": tag(FactConflict), "first": first, "told": Raw(told)}
        case EvidenceConflict(first=first, source=source, payload=payload):
            digest = sha256(payload).hexdigest()
            return {"fact": tag(EvidenceConflict), "first": first, "source": source, "sha256": digest}
        case EvidenceConfirmed(first=first):
            return {"fact": tag(EvidenceConfirmed), "first": first}
        case CustomerDetails(id=id) if not with_bytes:
            return {"fact": tag(CustomerDetails), "id": id}
        case Superseded(was=was, now=now):
            shown = {"was": words(was, with_bytes), "now": words(now, with_bytes)}
            return {**msgspec.to_builtins(body), **shown}
    return body


def _bytes(
    position: int, heard: StripeEventHeard, found: Sequence[tuple[int, datetime, Recorded]]
) -> tuple[Evidence, ...]:
    others = [_shown(at, row.body) for at, _, row in found if isinstance(row.body, EvidenceConflict)]
    return (_shown(position, heard), *others)


def _shown(position: int, heard: StripeEventHeard | EvidenceConflict) -> Evidence:
    digest = sha256(heard.payload).hexdigest()
    try:
        encoding, payload = "utf-8", heard.payload.decode()
    except UnicodeDecodeError:
        encoding, payload = "base64", b64encode(heard.payload).decode()
    return Evidence(position, heard.source, heard.signature, digest, encoding, payload)
