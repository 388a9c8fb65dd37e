"""Does everything that the provider sends reach the books, and what waits for a person?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.reads.asked import Query, relation
from ledgerstone.projections.sync import Sync

COUNTED = ("heard", "parked", "unknown", "refused", "conflicts", "confirmed")
LATEST = 100


class Messages(Struct, frozen=True):
    """How many messages of a type came in a version of the provider's API, by which way; of these, how many
    wait unread (`parked`), and how many have a type that the provider's list does not have (`unknown`)."""

    event_type: str
    api_version: str
    source: str
    heard: int
    parked: int
    unknown: int


class Concern(Struct, frozen=True):
    """Something to look at: `kind` is `parked`, `refused`, `evidence-conflict`, `fact-conflict` or `refetch`,
    `subject` the message (its SHA-256 when refused), the fact, or the object that is to be fetched whole;
    `position` the row of the log that tells of it."""

    kind: str
    subject: str
    event_type: str | None
    reason: str
    at: datetime
    position: int


class Health(Struct, frozen=True):
    """How the intake stands. `status` is `ok`, or `attention` when anything waits for a person; counts are of
    all messages ever; `concerns` are the last 100."""

    status: str
    last_heard_at: datetime | None
    heard: int
    parked: int
    unknown: int
    refused: int
    conflicts: int
    confirmed: int
    types: tuple[Messages, ...]
    concerns: tuple[Concern, ...]


def messages() -> Query:
    """Counts by type, version and source, of all books, as the view stands."""
    sums = ", ".join(f"sum({name})::bigint" for name in COUNTED)
    text = f"select event_type, api_version, source, {sums} from {relation(Sync, 'messages_head')}"
    return Query(f"{text} group by 1, 2, 3 order by 1, 2, 3", {})


def concerns() -> Query:
    """What is to be looked at, the latest first."""
    columns = ", ".join([*Concern.__struct_fields__[:-1], "known_from"])
    text = f"select {columns} from {relation(Sync)} where known_to is null"
    return Query(f"{text} order by known_from desc limit {LATEST}", {})


def last_heard(position: int) -> Query:
    """When the last message was recorded."""
    heard = "topic = 'stripe-event-heard' and notification_id <= %(position)s"
    text = f"select recorded_at from stored_events where {heard} order by notification_id desc limit 1"
    return Query(text, {"position": position})


def health(
    messages: Sequence[Sequence[Any]],
    concerns: Sequence[Sequence[Any]],
    last_heard: Sequence[Sequence[Any]],
) -> Health:
    """The answer, from the rows of the three queries."""
    totals = [sum(row[3 + at] for row in messages) for at in range(len(COUNTED))]
    counts = dict(zip(COUNTED, totals, strict=True))
    waiting = counts["parked"] + counts["refused"] + counts["conflicts"]
    return Health(
        status="attention" if waiting else "ok",
        last_heard_at=last_heard[0][0] if last_heard else None,
        types=tuple(Messages(*row[:6]) for row in messages if row[0]),
        concerns=tuple(Concern(*row) for row in concerns),
        **counts,
    )
