"""How is evidence read again, after the readers have changed? In the order of the log, beside the service,
and in steps that are committed one by one, so that it can be broken off and begun again."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from msgspec import Struct, field

from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.listed import read_listed
from ledgerstone.adapters.stripe.translate.message import Message, read_message
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.commands.progress import Told, progress
from ledgerstone.ledger.evidence import EvidenceRead, FactConflict, StripeEventHeard, StripeObjectListed
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.heads import decode_head
from ledgerstone.ledger.journal import Journal, LogBusy, NameTaken
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.ledger.rereading import (
    Known,
    Reading,
    announced,
    asked,
    contradictions,
    evidence_of,
    news,
    next_of,
    strange,
    waits,
)

EVIDENCE = tag(StripeEventHeard), tag(StripeObjectListed)
WINDOW = 5_000
"""Rows of the log of which the heads are read in one go."""
STEP = 100
"""Messages that are read again in one commit; each can have a megabyte."""
TRIES = 20
REASONS = 20
"""Reasons for waiting that are named; the others are counted."""


class Wanted(Struct, frozen=True):
    """Which evidence is read again: of one type (of what a list showed: the kind of object), or of all; what
    waits or was of a type that nobody knew, or `everything`."""

    event_type: str | None = None
    everything: bool = False

    def __call__(self, heard: StripeEventHeard | StripeObjectListed) -> bool:
        odd = heard.parked is not None or getattr(heard, "unknown", False)
        return (self.everything or odd) and self.event_type in (None, heard.event_type)


class Report(Struct):
    """What became of it: messages that waited and were `read`, others that were read `again`, those `waiting`
    by the reason, and those `lost`: read once, but not by today's readers. Then what was appended."""

    read: int = 0
    again: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    facts: int = 0
    corrected: int = 0
    conflicts: int = 0

    @property
    def seen(self) -> int:
        return self.read + self.again + self.waiting.total() + self.lost.total()

    def __str__(self) -> str:
        counts = (
            f"{self.read:,} that waited were read, {self.waiting.total():,} are still parked;"
            f" {self.facts:,} new facts, {self.corrected:,} corrected, {self.conflicts:,} in conflict"
        )
        lines = [f"{self.again:,} others were read again", counts] if self.again else [counts]
        lines += _named("still parked", self.waiting)
        lines += _named("read once, but not by today's readers; what was read stays", self.lost)
        if self.conflicts:
            lines.append("  conflicts: `ledgerstone verify` names them; a person must look at both messages")
        return "\n".join(lines)


class Found(NamedTuple):
    """Evidence, where it stands, and what is read from it now: facts, or the reason why not."""

    position: int
    evidence: Recorded
    told: Sequence[Recorded]
    reason: str | None
    familiar: bool = True

    @property
    def reading(self) -> Reading:
        return Reading(self.evidence, self.told, self.familiar)


def retranslate(settings: Settings, wanted: Wanted) -> Report:
    """Read parked evidence again, or all. Raises LookupError for a type that nobody has heard of, and
    AlreadyRunning."""
    with (
        migrated(settings) as database,
        journal_of(database) as journal,
        alone(database.app_dsn, "retranslation"),
        progress("reading again", "rows") as told,
    ):
        report = read_again(journal, wanted, told)
    if not report.seen and wanted.event_type is not None and wanted.event_type not in EVENT_TYPES:
        close = difflib.get_close_matches(wanted.event_type, EVENT_TYPES)
        hint = f": did you mean {' or '.join(close)}?" if close else ""
        raise LookupError(f"Stripe's list has no event type {wanted.event_type}, and none was heard{hint}")
    return report


def read_again(journal: Journal, wanted: Wanted, told: Told = lambda done, total: None) -> Report:
    """Append what today's readers find in evidence and the log does not have. Memory does not grow with the
    log, save for the positions of contradictions: a fact may be corrected yet by a message to come, so what
    contradicts another's telling is judged at the end."""
    report, contradicting, head = Report(), list[int](), journal.head()
    for positions in _steps(_candidates(journal, wanted, head, told)):
        contradicting += _step(journal, positions, wanted, report, judging=False)
    for positions in _steps(iter(contradicting)):
        _step(journal, positions, wanted, report, judging=True)
    return report


def _candidates(journal: Journal, wanted: Wanted, head: int, told: Told) -> Iterator[int]:
    """The positions of evidence that may be wanted; that of a head which tells too little is."""
    after = 0
    while after < head:
        for position, topic, state in journal.raw(after, min(WINDOW, head - after), EVIDENCE, EVIDENCE):
            after = position
            heard = decode_head(state) if topic in EVIDENCE and state is not None else None
            if topic in EVIDENCE and (heard is None or wanted(evidence_of(heard))):
                yield position
        told(after, head)


def _step(
    journal: Journal, positions: Sequence[int], wanted: Wanted, report: Report, *, judging: bool
) -> list[int]:
    """Read some evidence again and append what is new, in one commit; the positions of evidence that
    contradicts others, unless it is `judging` those."""
    found = [_read(position, decode(state)) for position, state in journal.picked(positions)]
    found = [one for one in found if wanted(evidence_of(one.evidence))]
    for _ in range(TRIES):
        step = _Step(journal, found, wanted, judging)
        try:
            journal.append_new(step.rows)
        except NameTaken:  # told by a webhook in the meantime, say
            continue
        step.tell(report)
        return step.contradicting
    raise LogBusy("others tell of the same facts all the time: run it again, nothing is lost")


class _Step:
    """What some evidence adds, decided upon one after the other by what the log has."""

    def __init__(self, journal: Journal, found: Sequence[Found], wanted: Wanted, judging: bool) -> None:
        self.rows: list[Recorded] = []
        self.contradicting: list[int] = []
        self._read = self._again = 0
        self._waiting, self._lost = Counter[str](), Counter[str]()
        self._judging = judging
        known = _known(journal, [one.reading for one in found])
        for one in found:
            waiting = waits(one.evidence, known)
            if waiting or wanted.everything or (one.familiar and strange(one.evidence, known)):
                rows = self._decide(one, known, waiting)
                self.rows += rows
                known.update((row.name, row) for row in rows)

    def _decide(self, one: Found, known: Known, waiting: bool) -> list[Recorded]:
        if one.reason is not None:
            (self._waiting if waiting else self._lost)[one.reason] += 1
            return []
        reading = one.reading
        rows, against = news(reading, known), contradictions(reading, known)
        if against and not self._judging:
            self.contradicting.append(one.position)
            return announced(reading, rows, known, read=False)
        self._read += waiting
        self._again += not waiting
        return announced(reading, [*rows, *against], known, read=waiting)

    def tell(self, report: Report) -> None:
        """Add what was committed to a report."""
        report.read += self._read
        report.again += self._again
        report.waiting += self._waiting
        report.lost += self._lost
        for row in self.rows:
            report.corrected += isinstance(row.body, Superseded)
            report.conflicts += isinstance(row.body, FactConflict)
            report.facts += not isinstance(row.body, Superseded | FactConflict | EvidenceRead)


def _read(position: int, evidence: Recorded) -> Found:
    try:
        message = _message(evidence_of(evidence))
    except Unreadable as unreadable:
        return Found(position, evidence, (), str(unreadable))
    if message.ignored is not None:
        return Found(position, evidence, (), f"it is of the other {message.ignored}")
    again, *told = message.rows
    read = evidence_of(again)
    return Found(position, evidence, told, read.parked, not getattr(read, "unknown", False))


def _message(heard: StripeEventHeard | StripeObjectListed) -> Message:
    body, livemode = heard.payload, heard.livemode
    if isinstance(heard, StripeObjectListed):
        return read_listed(body, requested=heard.requested, account=heard.account, livemode=livemode)
    return read_message(body, source=heard.source, signature=heard.signature, livemode=livemode)


def _known(journal: Journal, readings: Iterable[Reading]) -> dict[str, Recorded]:
    """What the log has of all that some readings depend on."""
    known: dict[str, Recorded] = {}
    names = {name for reading in readings for name in asked(reading)}
    while names:
        found = journal.find(names)
        known |= found
        names = {name for row in found.values() if (name := next_of(row)) is not None} - known.keys()
    return known


def _steps(positions: Iterator[int]) -> Iterator[list[int]]:
    while step := list(islice(positions, STEP)):
        yield step


def _named(what: str, reasons: Counter[str]) -> list[str]:
    lines = [f"  {what}: {count:,} × {reason}" for reason, count in reasons.most_common(REASONS)]
    rest = reasons.total() - sum(count for _, count in reasons.most_common(REASONS))
    return [*lines, f"  {what}: {rest:,} for other reasons"] if rest else lines
