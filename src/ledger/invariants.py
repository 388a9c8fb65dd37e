"""What is always true of the books? Each rule looks at a row of the log and at the row before it, and says
what is wrong with it, if anything.

`ledgerstone verify` and the tests hold them against every row. Every movement goes out of one account into
another, so that rows whose movements pass balance in every currency, and so does every prefix of the log."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from msgspec import DecodeError, Struct

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    EvidenceRead,
    FactConflict,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.facts import BY_TAG, Superseded, tag
from ledgerstone.ledger.heads import brief
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.recorded import Recorded, decode


class Stored(Struct, frozen=True, gc=False):
    """A row as the log keeps it: its `position`, its stream and version, its fact's tag, when it was recorded
    (UTC), its content, not decoded, and what stands `brief` beside it."""

    position: int
    stream: UUID
    version: int
    tag: str
    recorded_at: datetime
    state: bytes
    brief: bytes | None = None


class Line(Struct, frozen=True, gc=False):
    """A row that was decoded, and what stands before it: None at the beginning, and no `row_before` where
    that could not be decoded."""

    at: Stored
    row: Recorded
    before: Stored | None = None
    row_before: Recorded | None = None


Rule = Callable[[Line], Iterable[str]]
"""What is wrong with a line."""


def positions_have_no_gap(line: Line) -> Iterator[str]:
    expected = line.before.position + 1 if line.before else 1
    if line.at.position != expected:
        yield f"it stands at position {line.at.position}, where {expected} was to come"


def time_goes_on(line: Line) -> Iterator[str]:
    if line.before and line.at.recorded_at < line.before.recorded_at:
        yield f"it was recorded at {line.at.recorded_at}, before the row before it"


def a_stream_is_a_name(line: Line) -> Iterator[str]:
    """A fact is the first and only row of the stream that its name makes."""
    if line.at.stream != stream(line.row.name) or line.at.version != 1:
        yield f"its stream is {line.at.stream} version {line.at.version}, which is not that of its name"


def a_tag_is_that_of_its_fact(line: Line) -> Iterator[str]:
    if BY_TAG.get(line.at.tag) is not type(line.row.body):
        yield f"it is tagged {line.at.tag!r} and holds a {tag(type(line.row.body))!r}"


def a_brief_says_what_its_message_does(line: Line) -> Iterator[str]:
    """Messages are counted by it. Rows from before there was any have none."""
    if line.at.brief is not None and line.at.brief != (told := brief(line.row)):
        yield f"beside it stands {line.at.brief!r}, and it is to be counted by {told or None!r}"


def amounts_are_positive(line: Line) -> Iterator[str]:
    for move in line.row.movements:
        if move.amount <= 0:
            yield f"it moves {move.amount} {move.currency} from {move.credit} to {move.debit}"


def accounts_are_in_the_chart(line: Line) -> Iterator[str]:
    for move in line.row.movements:
        for account in (move.debit, move.credit):
            if account not in CHART:
                yield f"it moves money on {account!r}, which is no account of the chart"


def movements_change_something(line: Line) -> Iterator[str]:
    for move in line.row.movements:
        if (move.debit, move.debit_of) == (move.credit, move.credit_of):
            yield f"it moves {move.amount} {move.currency} from {move.credit} to the same account"


def evidence_is_named_by_its_event(line: Line) -> Iterator[str]:
    heard = line.row.body
    if isinstance(heard, StripeEventHeard) and line.row.name != f"stripe/{heard.id}":
        yield f"its name is {line.row.name!r}, and its event is {heard.id!r}"
    if isinstance(heard, StripeObjectListed) and line.row.name != heard.name:
        yield f"its name is {line.row.name!r}, and what it saw was {heard.name!r}"


def a_fact_stands_behind_its_evidence(line: Line) -> Iterator[str]:
    """One message is one append: its evidence, then the facts read from it. Remarks on a message or a fact
    come later, also long after the message that they come from, if it was heard again in other words; they
    bear the name of what they remark on. What was read later stands behind the remark that it was."""
    row = line.row
    if isinstance(row.body, EvidenceConflict | EvidenceConfirmed | EvidenceRead | FactConflict):
        if not row.name.startswith(f"{row.body.first}/"):
            yield f"it remarks on {row.body.first!r}, which is not what its name says"
    elif row.cause is not None and row.cause not in _evidence_before(line):
        yield f"its evidence {row.cause!r} does not stand before it"


def a_correction_undoes_and_replaces(line: Line) -> Iterator[str]:
    """Its name says what it corrects, and it moves no less than it undoes. Whether that is what was in force
    its own row cannot tell: `corrections.faults` asks the row before it."""
    row = line.row
    if not isinstance(row.body, Superseded):
        return
    stem, _, number = row.name.rpartition("/")
    if stem != f"{row.body.first}/corrected" or not number.isdecimal():
        yield f"it corrects {row.body.first!r}, which is not what its name says"
    if not 0 <= row.body.undone <= len(row.movements):
        yield f"it says that it undoes {row.body.undone} movements, and has {len(row.movements)}"


def _evidence_before(line: Line) -> Collection[str | None]:
    if line.row_before is None:
        return (line.row.cause,) if line.before else ()
    return line.row_before.name, line.row_before.cause


INVARIANTS: tuple[Rule, ...] = (
    positions_have_no_gap,
    time_goes_on,
    a_stream_is_a_name,
    a_tag_is_that_of_its_fact,
    a_brief_says_what_its_message_does,
    amounts_are_positive,
    accounts_are_in_the_chart,
    movements_change_something,
    evidence_is_named_by_its_event,
    a_fact_stands_behind_its_evidence,
    a_correction_undoes_and_replaces,
)


class Finding(Struct, frozen=True):
    """Something wrong at a position, in plain words."""

    position: int
    problem: str


def findings(rows: Iterable[Stored], seen: Callable[[Recorded, int], None]) -> Iterator[Finding]:
    """What is wrong with the rows of a log, in their order. `seen` is told of every row that decodes, with
    its position. Memory does not grow with the log."""
    before, row_before = None, None
    for at in rows:
        try:
            line = Line(at, decode(at.state), before, row_before)
        except DecodeError as error:
            yield Finding(at.position, f"it cannot be decoded: {error}")
            before, row_before = at, None
            continue
        for rule in INVARIANTS:
            for problem in rule(line):
                yield Finding(at.position, problem)
        seen(line.row, at.position)
        before, row_before = at, line.row
