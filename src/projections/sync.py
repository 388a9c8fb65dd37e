"""What came in, what could not be read, and which messages came again otherwise?"""

from collections.abc import Iterable
from datetime import datetime

from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    EvidenceRead,
    FactConflict,
    MessageRefused,
    RefetchWanted,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Count, Row, Summary, View


class SyncRow(Row, frozen=True):
    """Something to look at: `kind` is `parked`, `refused`, `evidence-conflict` or `refetch`; `subject` the
    message or object; `reason` a sentence."""

    kind: str
    subject: str
    event_type: str | None
    reason: str
    at: datetime


SOUND = (1, 0, 0, 0, 0, 0)
"""What most evidence counts for."""
READ = "read"
"""The kind of evidence that was parked and was read since: nothing to look at any more."""


class Sync(View[SyncRow, SyncRow]):
    """What came in, what could not be read, and which messages came again otherwise? What facts were told in
    other amounts is counted here; whether that is settled, the view of conflicts knows."""

    name = "sync"
    version = 4
    weight = 4
    hears = (
        StripeEventHeard,
        StripeObjectListed,
        EvidenceRead,
        EvidenceConfirmed,
        EvidenceConflict,
        FactConflict,
        MessageRefused,
        RefetchWanted,
    )
    heads = (StripeEventHeard,)
    state = SyncRow
    row = SyncRow
    summaries = (
        Summary(
            "messages",
            {"event_type": str, "api_version": str, "source": str},
            ("heard", "parked", "unknown", "refused", "conflicts", "confirmed"),
            history=False,
        ),
    )

    def keys(self, row: Recorded) -> Iterable[str]:
        body = row.body
        if isinstance(body, (StripeEventHeard, StripeObjectListed)):
            return () if body.parked is None else (row.name,)
        if isinstance(body, EvidenceRead):
            return (body.first,) if body.parked else ()
        if isinstance(body, RefetchWanted):
            return (f"{body.object}/{body.id}",)
        return () if isinstance(body, EvidenceConfirmed | FactConflict) else (row.name,)

    def fold(self, state: SyncRow | None, row: Recorded, id: str) -> SyncRow:
        at = row.happened_at
        match row.body:
            case StripeEventHeard(event_type=kind, parked=reason):
                return SyncRow("parked", id, kind, reason or "", at)
            case StripeObjectListed(object=kind, parked=reason):
                return SyncRow("parked", id, kind, reason or "", at)
            case EvidenceRead(event_type=kind):
                return SyncRow(READ, id, kind, "", at)
            case MessageRefused(sha256=digest, reason=reason):
                return SyncRow("refused", digest, None, reason, at)
            case EvidenceConflict(first=first):
                return SyncRow("evidence-conflict", first, None, "came again with another body", at)
            case RefetchWanted(reason=reason):
                wanted = SyncRow("refetch", id, None, reason, at)
                return wanted if state is None else max(state, wanted, key=_wanted)
        raise TypeError(f"no reading of {type(row.body).__name__}")

    def rows(self, id: str, part: SyncRow) -> Iterable[SyncRow]:
        return () if part.kind == READ else (part,)

    def count(self, row: Recorded) -> Count | None:
        heard = row.body
        if type(heard) is StripeEventHeard and heard.parked is None and not heard.unknown:  # half of a log
            return "messages", (heard.event_type, heard.api_version or "", heard.source), SOUND
        if isinstance(heard, (StripeEventHeard, StripeObjectListed)):
            amounts = _amounts(heard)
            return "messages", (heard.event_type, heard.api_version or "", heard.source), amounts
        match heard:
            case RefetchWanted() | EvidenceRead(parked=False, familiar=False):
                return None
            case EvidenceRead() as read:
                where = (read.event_type, read.api_version or "", read.source)
                return "messages", where, (0, -int(read.parked), -int(read.familiar), 0, 0, 0)
            case MessageRefused():
                return "messages", ("", "", ""), (0, 0, 0, 1, 0, 0)
            case EvidenceConfirmed():
                return "messages", ("", "", ""), (0, 0, 0, 0, 0, 1)
        return "messages", ("", "", ""), (0, 0, 0, 0, 1, 0)


def _wanted(row: SyncRow) -> tuple[datetime, str]:
    """Of several wishes to fetch an object the latest stands, whichever was heard first."""
    return row.at, row.reason


def _amounts(evidence: StripeEventHeard | StripeObjectListed) -> tuple[int, ...]:
    unknown = isinstance(evidence, StripeEventHeard) and evidence.unknown
    parked = evidence.parked is not None
    return 1, int(parked), int(unknown), 0, 0, 0
