"""Does everything that the provider sends reach the books, and what waits for a person?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.conflicts import Conflicts
from ledgerstone.projections.events import NAME as EVENTS
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.reads.asked import Moment, Query, ask, relation
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.sync import Sync
from ledgerstone.projections.view import AnyView

COUNTED = ("heard", "parked", "unknown", "refused", "conflicts", "confirmed")
LATEST = 100
DOUBTED: dict[str, type[AnyView]] = {"invoice": Invoices, "subscription": Subscriptions}
"""Objects by their kind in the provider's word, and the views that say whether their state is `sure`."""
MISSING = "messages are missing that would say how it stands"


class Messages(Struct, frozen=True):
    """How many messages of a type came in a version of the provider's API, by which way (`source` is
    `webhook`, `import`, `api`, or `list`: then the type is the kind of object shown); of these, how many
    wait unread (`parked`), and how many have a type that the provider's list does not have (`unknown`).
    `last_created_at` is the provider's time of the newest of that type."""

    event_type: str
    api_version: str
    source: str
    heard: int
    parked: int
    unknown: int
    last_created_at: datetime | None


class Concern(Struct, frozen=True):
    """Something to look at: `kind` is `parked`, `refused`, `evidence-conflict`, `fact-conflict` or `refetch`,
    `subject` the message (its SHA-256 when refused), the fact, or the object that is to be fetched, since a
    message showed only a part of it or messages of it are missing; `position` the row of the log that tells
    of it."""

    kind: str
    subject: str
    event_type: str | None
    reason: str
    at: datetime
    position: int


class TurnedAway(Struct, frozen=True):
    """What this process was sent and did not take since it was started, of all accounts: messages of the
    other mode (`livemode`), with a signature that does not fit (`unsigned`), signed and no events
    (`unreadable`), too large, and those that came while the log could not be written (`unavailable`)."""

    livemode: int
    unsigned: int
    unreadable: int
    too_large: int
    unavailable: int


class Health(Struct, frozen=True):
    """How the intake of an account stands. `status` is `attention` when anything waits for a person: what is
    `parked` or `refused`, and `conflicts`; else `ok`. `heard`, `unknown`, `refused` and `confirmed` are of
    all time. What is open now are `parked`, until it is read, `conflicts`, those of facts until these are
    corrected to them, and `refetch`, the objects that are to be fetched. `concerns` are the last 100 that are
    open, the oldest of all is from `oldest_concern_at`; `lag` is how many rows of the log are not counted
    yet.

    Of the platform's own account there are also `accounts`, up to 100 connected ones that have concerns of
    their own, and what was `turned_away`, which is nobody's."""

    status: str
    last_heard_at: datetime | None
    heard: int
    parked: int
    unknown: int
    refused: int
    conflicts: int
    confirmed: int
    refetch: int
    lag: int
    oldest_concern_at: datetime | None
    types: tuple[Messages, ...]
    concerns: tuple[Concern, ...]
    accounts: tuple[str, ...] = ()
    turned_away: TurnedAway | None = None


def messages(moment: Moment) -> Query:
    """Counts by type, version and source, as the view stands."""
    columns = ", ".join(["event_type", "api_version", "source", *COUNTED])
    newest = f"select max(e.at) from views.{EVENTS} e where e.book = h.book and e.type = h.event_type"
    text = f"select {columns}, ({newest}) from {relation(Sync, 'messages_head')} h where h.book = %(book)s"
    return ask(moment, f"{text} order by 1, 2, 3")


def _doubted(kind: str, view: type[AnyView]) -> str:
    """Objects that do not stand surely and that no message asked to fetch: as they stand in the end, since
    what is fetched says nothing of what was before."""
    wanted = (
        f"select from {relation(Sync)} s where s.book = r.book and s.known_to is null"
        f" and s.kind = 'refetch' and s.subject = '{kind}/' || r.key"
    )
    return (
        f"select r.book, 'refetch', '{kind}/' || r.key, null, '{MISSING}', r.valid_from, r.known_from"
        f" from {relation(view)} r where r.known_to is null and r.valid_to is null and not r.sure"
        f" and not exists ({wanted})"
    )


def _open() -> str:
    """What is to be looked at in all books, as the first part of a query."""
    columns = ", ".join(["book", *Concern.__struct_fields__[:-1], "known_from"])
    noted = f"select {columns} from {relation(Sync)} where known_to is null"
    disputed = (
        f"select book, 'fact-conflict', subject, null, reason, at, known_from from {relation(Conflicts)}"
    )
    parts = [
        noted,
        f"{disputed} where known_to is null",
        *(_doubted(kind, view) for kind, view in DOUBTED.items()),
    ]
    return f"with open as ({' union all '.join(parts)})"


def concerns(moment: Moment) -> Query:
    """What is to be looked at, the latest first."""
    columns = ", ".join([*Concern.__struct_fields__[:-1], "known_from"])
    text = f"{_open()} select {columns} from open where book = %(book)s"
    return ask(moment, f"{text} order by known_from desc, subject limit {LATEST}")


def standing(moment: Moment) -> Query:
    """One row: when the last message was recorded, how many contradictions are not settled and how many
    objects are to be fetched, the time of the oldest concern, and how many rows of the log are still to
    come."""
    last = f"select position from views.{EVENTS} where book = %(book)s order by position desc limit 1"
    open = "from open where book = %(book)s"
    return ask(
        moment,
        f"{_open()} select (select recorded_at from stored_events where notification_id = ({last})),"
        f" (select count(*) {open} and kind in ('evidence-conflict', 'fact-conflict')),"
        f" (select count(*) {open} and kind = 'refetch'), (select min(at) {open}),"
        " (select coalesce(max(notification_id), 0) - %(position)s from stored_events)",
    )


def troubled(moment: Moment) -> Query:
    """The other books that have anything to be looked at."""
    text = f"{_open()} select distinct book from open where book <> %(book)s"
    return ask(moment, f"{text} order by book limit {LATEST}")


def heard_of(book: str) -> Query:
    """One row where anything was ever heard of a book."""
    text = f"select from {relation(Sync, 'messages_head')} where book = %(book)s limit 1"
    return Query(text, {"book": book})


def health(
    messages: Sequence[Sequence[Any]],
    concerns: Sequence[Sequence[Any]],
    standing: Sequence[Any],
) -> Health:
    """The answer of one book, from the rows of these three queries."""
    totals = [sum(row[3 + at] for row in messages) for at in range(len(COUNTED))]
    counts = dict(zip(COUNTED, totals, strict=True))
    last, conflicts, refetch, oldest, lag = standing
    counts["conflicts"] = conflicts
    waiting = counts["parked"] + counts["refused"] + counts["conflicts"]
    return Health(
        status="attention" if waiting else "ok",
        last_heard_at=last,
        refetch=refetch,
        oldest_concern_at=oldest,
        lag=lag,
        types=tuple(Messages(*[*row[:6], row[-1]]) for row in messages if row[0]),
        concerns=tuple(Concern(*row) for row in concerns),
        **counts,
    )
