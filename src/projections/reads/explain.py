"""Why does a row say what it says? Each version of it, the row of the log that caused it, and the message
behind that, down to its bytes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    EvidenceRead,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.chain import tellings
from ledgerstone.projections.reads.asked import Moment, Place, Query, ask
from ledgerstone.projections.reads.events import words
from ledgerstone.projections.versions import Change, Edge, Kind, Spans
from ledgerstone.projections.view import AnyView, Ref, table

LOG = "stored_events"
WITH_BYTES = StripeEventHeard | StripeObjectListed | EvidenceConflict
"""The rows that hold what came, byte for byte."""


class Explained(Struct, frozen=True):
    """A version of a row. From `position` on the view's table shows it, until `known_to` (null: still): there
    was none before (`opened`), or it takes another's place (`changed`), or is what came after that in time
    (`followed`); or it is shown no more, and nothing in its place (`closed`). It was true from `valid_from`
    until `valid_to`, or at `at`. `changed` tells, of each column that is not as it was, what it said before
    and says after; `row` is all of it, null where it is closed.

    The row of the log at `position` caused it: its time, its kind and name, who decided it (null: it was
    heard). Where that is about something that the row only points at, `through` names this, as the end of
    a path under `/audit/explain`. Where it corrects a fact, `corrected` tells what `was` and what is `now` in
    force. `evidence` is the message behind it: where it stands in the log, how and when it came, whether its
    signature was verified before it was recorded, the size and the SHA-256 of its bytes, and where to read
    them (with `evidence=true`; null for pages of the provider's lists, which have no page of their own)."""

    position: int
    change: Kind
    known_to: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    at: datetime | None
    changed: dict[str, dict[str, Any]]
    row: dict[str, Any] | None
    recorded_at: datetime
    happened_at: datetime
    fact: str
    name: str
    actor: str | None
    through: tuple[str, ...]
    corrected: dict[str, Any] | None
    evidence: str | None
    evidence_position: int | None = None
    evidence_type: str | None = None
    source: str | None = None
    heard_at: datetime | None = None
    api_version: str | None = None
    verified: bool | None = None
    size: int | None = None
    sha256: str | None = None
    link: str | None = None


class Subject(Struct, frozen=True):
    """Whose versions are asked for: a key of a view, of the views that this may point at; only changes of a
    `column`, or of rows that were true just before `until`, where these are given."""

    view: AnyView
    key: str
    pointed: Sequence[AnyView] = ()
    column: str | None = None
    until: datetime | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row of the view says."""
        return tuple(name for name, _ in table(self.view).columns)

    @property
    def spans(self) -> Spans:
        """Which of them say when it was true, of rows that describe a state."""
        names = self.columns
        return (names.index("valid_from"), names.index("valid_to")) if "valid_from" in names else None


class Message(Struct, frozen=True):
    """What came, without its bytes; `first` is the name under which it came first."""

    position: int
    recorded_at: datetime
    first: str
    type: str | None
    source: str
    api_version: str | None
    verified: bool
    size: int
    sha256: str
    indexed: bool


class Cause(Struct, frozen=True):
    """A row of the log that changed a key: it is `own`, heard by the key itself, or was heard by one of
    `refs`, at which the key points. `message` is the message that it is, if it is one."""

    position: int
    recorded_at: datetime
    row: Recorded
    own: bool
    refs: tuple[Ref, ...]
    message: Message | None

    @property
    def evidence(self) -> str | None:
        """The name of the message behind it."""
        match self.row.body:
            case StripeEventHeard() | StripeObjectListed():
                return self.row.name
            case EvidenceConflict(first=first) | EvidenceConfirmed(first=first) | EvidenceRead(first=first):
                return first
        return self.row.cause


def heard(moment: Moment, subject: Subject) -> Query:
    """Whether a key had heard anything at the moment's position."""
    text = (
        f"select 1 from {_relation(subject, '_heard')} h where h.book = %(book)s and h.key = %(key)s"
        " and exists (select from unnest(h.positions) at where at <= %(position)s) limit 1"
    )
    return ask(moment, text, key=subject.key)


def edges(moment: Moment, subject: Subject, start: int, least: int) -> Query:
    """What a key began and ceased to show from the position `start` on: whole positions, with at least so
    many rows, if there are. What was known no more after the moment is known still. Where a version ends is
    in no index (that would cost every window), so each page looks at those of its key three times."""
    columns = "".join(f', r."{name}"' for name in subject.columns)
    known_to = "case when r.known_to <= %(position)s then r.known_to end"
    of_key = f"from {_relation(subject)} r where r.book = %(book)s and r.key = %(key)s"
    first = " union all ".join(
        f"(select r.{at} as edge {of_key} and r.{at} >= %(start)s and r.{at} <= %(position)s"
        f" order by r.{at} limit %(least)s)"
        for at in ("known_from", "known_to")
    )
    last = f"(select max(edge) from (select edge from ({first}) each order by edge limit %(least)s) first)"
    sides = " union all ".join(
        f"select r.{at} as edge, {opened} as opened, {known_to} as known_to, r.place{columns}"
        f" {of_key} and r.{at} >= %(start)s and r.{at} <= {last}"
        for at, opened in (("known_from", "true"), ("known_to", "false"))
    )
    return ask(moment, f"{sides} order by edge", key=subject.key, start=start, least=least)


def edge(row: Sequence[Any]) -> Edge:
    """A row of `edges`."""
    at, opened, known_to, place, *values = row
    return Edge(at, opened, known_to, place, values)


def concerns(change: Change, subject: Subject) -> bool:
    """Whether a change is asked for."""
    replaced = None if change.kind == "followed" else change.before
    sides = [dict(zip(subject.columns, side, strict=True)) for side in (replaced, change.after) if side]
    if subject.until is not None and not any(_counts(side, subject.until) for side in sides):
        return False
    return subject.column is None or subject.column in _changed(change, subject.columns)


def causes(positions: Sequence[int]) -> Query:
    """Rows of the log: position, when it was recorded, state."""
    text = f"select notification_id, recorded_at, state from {LOG} where notification_id = any(%(at)s)"
    return Query(text, {"at": list(positions)})


def cause(row: Sequence[Any], subject: Subject) -> Cause:
    """A row of `causes`; bytes that it holds are let go."""
    position, recorded_at, state = row
    told = decode(state)
    hears = [each for _, each in tellings([(position, told)])]
    own = any(subject.key in _keys(subject.view, each) for each in hears)
    refs = {(view.name, id): None for view in subject.pointed for each in hears for id in _keys(view, each)}
    message = _message(position, recorded_at, told)
    if isinstance(told.body, WITH_BYTES):
        told = replace(told, body=replace(told.body, payload=b""))
    return Cause(position, recorded_at, told, own, tuple(refs), message)


def pointed(moment: Moment, subject: Subject, refs: Iterable[Ref]) -> Query:
    """Which of some references a key ever had: view and id."""
    views, ids = zip(*refs, strict=True)
    text = (
        f"select e.ref_view, e.ref_id from unnest(%(views)s::text[], %(ids)s::text[]) u(view, id)"
        f" join {_relation(subject, '_edge')} e on e.book = %(book)s and e.ref_view = u.view"
        " and e.ref_id = u.id and e.key = %(key)s order by 1, 2"
    )
    return ask(moment, text, key=subject.key, views=list(views), ids=list(ids))


def messages(names: Sequence[str]) -> Query:
    """Messages by their names: position, when it was recorded, state."""
    text = (
        f"select notification_id, recorded_at, state from {LOG}"
        " where originator_id = any(%(streams)s) and originator_version = 1"
    )
    return Query(text, {"streams": [stream(name) for name in names]})


def message(row: Sequence[Any]) -> tuple[str, Message | None]:
    """A row of `messages`, by its name."""
    position, recorded_at, state = row
    told = decode(state)
    return told.name, _message(position, recorded_at, told)


def explained(
    change: Change,
    subject: Subject,
    cause: Cause,
    refs: frozenset[Ref],
    messages: Mapping[str, Message | None],
) -> Explained:
    """A version with all that is behind it; `refs` are those that the key had."""
    after = None if change.after is None else dict(zip(subject.columns, change.after, strict=True))
    shown = after or dict(zip(subject.columns, change.before or (), strict=True))
    row, through = cause.row, [ref for ref in cause.refs if ref in refs and not cause.own]
    first = messages.get(cause.evidence) if cause.evidence else None
    return Explained(
        position=change.at,
        change=change.kind,
        known_to=change.known_to,
        **{name: shown.get(name) for name in ("valid_from", "valid_to", "at")},
        changed=_changed(change, subject.columns),
        row=after,
        recorded_at=cause.recorded_at,
        happened_at=row.happened_at,
        fact=tag(type(row.body)),
        name=row.name,
        actor=row.actor,
        through=tuple("/".join(ref) for ref in through),
        corrected=_corrected(row),
        evidence=cause.evidence,
        **_behind(cause.message or first, first, row.book.account),
    )


def place(cause: Cause, change: Change) -> Place:
    """Where a version stands in the list."""
    return cause.recorded_at, f"{change.at}.{change.number}"


def placed(place: Place | None) -> tuple[int, int]:
    """The position at which the list goes on, and how many changes of it were shown."""
    at, _, number = place[1].partition(".") if place else ("", "", "")
    return (int(at), int(number) + 1) if _is_count(at) and _is_count(number) else (0, 0)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _relation(subject: Subject, part: str = "") -> str:
    return f"views.{table(subject.view).name}{part}"


def _keys(view: AnyView, row: Recorded) -> Iterable[str]:
    return view.keys(row) if type(row.body) in view.hears else ()


def _counts(row: Mapping[str, Any], until: datetime) -> bool:
    """Whether a row was true just before an instant: it describes a state, or an event that was before."""
    if "valid_from" in row:
        return bool(row["valid_from"] < until and (row["valid_to"] is None or row["valid_to"] >= until))
    return "at" not in row or bool(row["at"] < until)


def _changed(change: Change, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    nothing = (None,) * len(columns)
    sides = zip(columns, change.before or nothing, change.after or nothing, strict=True)
    return {name: {"before": before, "after": after} for name, before, after in sides if before != after}


def _corrected(row: Recorded) -> dict[str, Any] | None:
    if not isinstance(row.body, Superseded):
        return None
    shown: dict[str, Any] = msgspec.to_builtins(words(row.body, with_bytes=False))
    return {"first": row.body.first, "was": shown["was"], "now": shown["now"]}


def _message(position: int, recorded_at: datetime, row: Recorded) -> Message | None:
    """What came, of a row that holds it; a message that came again otherwise is of no type."""
    body = row.body
    if not isinstance(body, WITH_BYTES):
        return None
    again = isinstance(body, EvidenceConflict)
    signature = None if isinstance(body, StripeObjectListed) else body.signature
    return Message(
        position=position,
        recorded_at=recorded_at,
        first=body.first if isinstance(body, EvidenceConflict) else row.name,
        type=None if isinstance(body, EvidenceConflict) else body.event_type,
        source=body.source,
        api_version=None if isinstance(body, EvidenceConflict) else body.api_version,
        verified=body.source == "webhook" and signature is not None,
        size=len(body.payload),
        sha256=sha256(body.payload).hexdigest(),
        indexed=isinstance(body, StripeEventHeard) or again,
    )


def _behind(message: Message | None, first: Message | None, account: str) -> dict[str, Any]:
    """The columns about a message: what came, and the page of its name (pages of lists have none)."""
    if message is None:
        return {}
    page = first if message.indexed else None
    whose = f"?account={account}" if account else ""
    return {
        "evidence_position": message.position,
        "evidence_type": message.type,
        "source": message.source,
        "heard_at": message.recorded_at,
        "api_version": message.api_version,
        "verified": message.verified,
        "size": message.size,
        "sha256": message.sha256,
        "link": page and f"/audit/events/{page.position}{whose}",
    }
