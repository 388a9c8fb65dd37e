"""Is everything as it must be? Every row of the log against the invariants, and every view against its
replay from the log, in plain words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec
from msgspec import Struct

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.adapters.postgres.scan import scan
from ledgerstone.adapters.postgres.verification_reports import done_within, keep
from ledgerstone.adapters.postgres.view_swap import VERIFYING
from ledgerstone.bootstrap import Settings, journal_of, migrated, views_of
from ledgerstone.commands.progress import Told, progress
from ledgerstone.commands.verify_books import Books
from ledgerstone.commands.verify_postings import Postings
from ledgerstone.ledger.admission import differ
from ledgerstone.ledger.corrections import correction_of, faults, in_force, outgrown
from ledgerstone.ledger.evidence import (
    EvidenceConflict,
    EvidenceRead,
    FactConflict,
    RefetchWanted,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.facts import AnyFact, Superseded
from ledgerstone.ledger.invariants import INVARIANTS, findings
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.open_books import sorted_out
from ledgerstone.projections.rebuild import compare
from ledgerstone.projections.view import AnyView, chains, table
from ledgerstone.projections.views import VIEWS

HOUR = 3_600.0
NAMED = 20
"""Of each kind of remark, how many are named; the others are counted."""


class Verdict(Struct):
    """What was found: `wrong` must not be, `remarks` are worth a look; each a sentence."""

    wrong: list[str] = []
    remarks: list[str] = []
    fine: list[str] = []


def verify(settings: Settings) -> Verdict:
    """Check the log, the views and the index of postings. Changes none; it works beside the service. Raises
    AlreadyRunning, before it has read anything."""
    verdict = Verdict()
    with (
        migrated(settings) as database,
        journal_of(database) as journal,
        alone(database.app_dsn, VERIFYING),
    ):
        head = journal.head()
        with progress("reading the log", "rows") as told:
            _verify_log(database, journal, verdict, told)
        for group in chains(VIEWS):
            _verify_views(database, journal, group, head, verdict)
    return verdict


def verify_nightly(settings: Settings) -> Verdict | None:
    """Check the log and its books, and keep what was found for `/sys/verification`; None where that was done
    within the hour, or is being done. The views are compared with replays by `verify` alone."""
    with migrated(settings) as database, journal_of(database) as journal:
        try:
            with alone(database.app_dsn, "nightly verification"):
                if done_within(database.app_dsn, HOUR):
                    return None
                started, verdict, head = datetime.now(UTC), Verdict([], [], []), journal.head()
                _verify_log(database, journal, verdict, lambda done, total: None)
                found = verdict.fine, verdict.remarks, verdict.wrong
                keep(database.app_dsn, started, head, *found)
                return verdict
        except AlreadyRunning:
            return None


def _verify_log(database: Database, journal: Journal, verdict: Verdict, told: Told) -> None:
    notes, postings, books = Notes(), Postings(database.app_dsn), Books()

    def seen(row: Recorded, position: int) -> None:
        postings.take(row, position)
        books.take(row, position)
        if not (isinstance(row.body, FactConflict) and _settled(row.body, journal)):
            notes.take(row, position)
        if isinstance(row.body, Superseded):
            notes.wrong(position, faults(row, _ended_by(row, row.body.first, journal)))
        if notes.rows % 1000 == 0:
            told(notes.rows, max(notes.rows, head))

    head = journal.head()
    found = findings(scan(database.app_dsn), seen)
    wrong = [f"row {each.position}: {each.problem}" for each in islice(found, NAMED)]
    more = sum(1 for _ in found)
    if not wrong:
        verdict.fine.append(f"the {notes.rows:,} rows of the log keep all {len(INVARIANTS)} invariants")
    verdict.wrong += [*wrong, *([f"… and {more:,} more in the log"] if more else [])]
    verdict.wrong += notes.of("a correction", "two messages tell of one fact in different amounts")
    verdict.wrong += (booked := list(postings.problems()))
    verdict.fine += [postings.fine] if postings.fine and not booked else []
    _verify_books(books, database, journal, verdict)
    verdict.remarks += notes.of("parked", "came again with another body", "to be fetched whole")


def _verify_books(books: Books, database: Database, journal: Journal, verdict: Verdict) -> None:
    wrong, waiting = sorted_out(books.found(database, journal), NAMED)
    for into, few in ((verdict.wrong, wrong), (verdict.remarks, waiting)):
        into += few.said
        into += [f"… and {few.count - NAMED:,} more in the books"] if few.count > NAMED else []
    if not wrong.count:
        verdict.fine.append(books.fine)


def _ended_by(row: Recorded, first: str, journal: Journal) -> Recorded | None:
    """What a correction ends: the correction before it, or the fact itself."""
    number = row.name.rpartition("/")[2]
    before = correction_of(first, int(number) - 1) if number.isdecimal() and number != "1" else first
    return journal.find([before]).get(before)


def _settled(conflict: FactConflict, journal: Journal) -> bool:
    """Whether the fact was corrected since, to what the conflict says."""
    known, number = journal.find([conflict.first]), 1
    while found := journal.find([correction_of(conflict.first, number)]):
        known, number = known | found, number + 1
    if number == 1 or conflict.first not in known:
        return False
    told = msgspec.json.decode(conflict.told, type=AnyFact)
    now = in_force(conflict.first, known)[0].body
    return not differ(told, now) or outgrown(told, now)


class Notes:
    """What rows say of themselves that a person should know, by kind."""

    def __init__(self) -> None:
        self.rows = 0
        self._counts: Counter[str] = Counter()
        self._named: dict[str, list[str]] = {}

    def take(self, row: Recorded, position: int) -> None:
        self.rows += 1
        match row.body:
            case StripeEventHeard(parked=str(reason)) | StripeObjectListed(parked=str(reason)):
                self._note("parked", f"row {position}: {row.name} is parked: {reason}")
            case EvidenceRead(first=first, parked=True):
                self._take_back("parked", f": {first} is parked: ")
            case EvidenceConflict(first=first):
                kind = "came again with another body"
                self._note(kind, f"row {position}: {first} {kind}; the first is in force")
            case RefetchWanted(object=kind, id=id, reason=reason):
                self._note("to be fetched whole", f"row {position}: {kind} {id} is to be fetched: {reason}")
            case FactConflict(first=first):
                kind = "two messages tell of one fact in different amounts"
                self._note(kind, f"row {position}: {kind}: {first}, and again by {row.cause}")

    def of(self, *kinds: str) -> Iterator[str]:
        """The notes of some kinds, a sentence each; beyond `NAMED` of a kind they are counted."""
        for kind in kinds:
            named = self._named.get(kind, [])
            yield from named
            if (more := self._counts[kind] - len(named)) > 0:
                yield f"… and {more:,} more: {kind}"

    def wrong(self, position: int, problems: Iterable[str]) -> None:
        """What is wrong with a correction."""
        for problem in problems:
            self._note("a correction", f"row {position}: {problem}")

    def _take_back(self, kind: str, part: str) -> None:
        """A note is not true any more."""
        self._counts[kind] -= 1
        named = self._named.get(kind, [])
        named[:] = [sentence for sentence in named if part not in sentence]

    def _note(self, kind: str, sentence: str) -> None:
        self._counts[kind] += 1
        named = self._named.setdefault(kind, [])
        if len(named) < NAMED:
            named.append(sentence)


def _verify_views(
    database: Database, journal: Journal, group: Sequence[AnyView], head: int, verdict: Verdict
) -> None:
    """The tables that are read, as known at the position where all of them are now, against a replay."""
    names, shapes = ", ".join(view.name for view in group), [table(view) for view in group]
    with views_of(database) as read, views_of(database, "_verify") as replayed:
        position, stopped = min(read.positions(shapes)), read.stopped(shapes)
        with progress(f"replaying {names}", "rows") as told:
            differences = compare(group, journal, replayed, position, told)
    verdict.wrong += [f"{names} stopped: {reason}" for reason in stopped]
    verdict.wrong += [f"{names}, kept (missing in) and replayed (only in): {line}" for line in differences]
    if not differences:
        where = f"at position {position:,}" + (f" of {head:,}" if position < head else "")
        verdict.fine.append(f"{names} {where}: equal to a replay of the log")
