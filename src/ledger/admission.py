"""Which rows of a message are new, and what does a second telling say of the first?

A name is recorded once, so a second telling adds nothing; but where it contradicts the first, a row says so.
The first stays in force."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256

import msgspec
from msgspec import Struct, structs

from ledgerstone.ledger.corrections import correction_of, grown, now, outgrown, superseding
from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    FactConflict,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import BY_TAG
from ledgerstone.ledger.fx import told_otherwise
from ledgerstone.ledger.heads import brief
from ledgerstone.ledger.log import Key, Known, Row, Unit, decide_all
from ledgerstone.ledger.names import stream_bytes
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded, decode, encode

TAGS = {fact: tag for tag, fact in BY_TAG.items()}
EVIDENCE = TAGS[StripeEventHeard]
LISTED = TAGS[StripeObjectListed]
CONFLICTS = TAGS[EvidenceConflict], TAGS[FactConflict]
VOLATILE = "pending_webhooks"
"""A message's count of its own undelivered copies: the one field that differs between true copies."""


class Receipt(Struct, frozen=True, gc=False):
    """The answer to an append. `position` is the evidence's, or of the first fact where there is no evidence;
    a duplicate's is that of the first telling. `appended` rows were written, from `position` on unless this
    is a duplicate; `conflicts` of them say that this contradicts what was told before. `parked`: the evidence
    could not be read when it was told first. A duplicate is answered so even if it was read again since: who
    appends does not look for that."""

    position: int
    duplicate: bool
    parked: bool
    appended: int
    conflicts: int = 0


class Telling(Struct, frozen=True, gc=False):
    """What one message tells, as rows: its evidence first, if there is any, then the facts read from it. It
    holds a payload once, and can be sent from a process to another. `parked` is the evidence's."""

    rows: tuple[Row, ...]
    parked: bool = False


def stored(recorded: Recorded) -> Row:
    """A fact as a row: the first and only one of the stream that its name makes."""
    key, tag = (stream_bytes(recorded.name), 1), TAGS[type(recorded.body)]
    return Row(key, tag, encode(recorded), brief=brief(recorded))


def telling(rows: Sequence[Recorded]) -> Telling:
    """A message as rows. It has at least its evidence, or a fact."""
    if not rows:
        raise ValueError("there is nothing to append: a message has at least its evidence")
    evidence = rows[0].body
    parked = isinstance(evidence, StripeEventHeard | StripeObjectListed) and evidence.parked is not None
    return Telling(tuple(map(stored, rows)), parked)


def unit(telling: Telling) -> Unit[Receipt]:
    """A message for the log."""
    rows = telling.rows
    return Unit([row.key for row in rows], partial(admit, telling), sum([len(row.state) for row in rows]))


def told(rows: Sequence[Recorded]) -> Unit[Receipt]:
    """The same from facts."""
    return unit(telling(rows))


def told_together(units: Sequence[Unit[Receipt]]) -> Unit[list[Receipt]]:
    """Several messages in one unit: for imports, where nobody waits for a single one."""
    keys = [key for unit in units for key in unit.keys]
    return Unit(keys, partial(_admit_all, units), sum(unit.size for unit in units))


def _admit_all(
    units: Sequence[Unit[Receipt]], known: Mapping[Key, Known], position: int
) -> tuple[list[Row], list[Receipt]]:
    rows, answers = decide_all(units, known, position)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return rows, answers


class NameTaken(Exception):
    """Another writer was faster: a row of this name is in the log by now."""


def new_only(rows: Sequence[Recorded]) -> Unit[None]:
    """Rows that were decided upon by what the log had: written as they are, or refused with NameTaken."""
    ready = list(map(stored, rows))
    return Unit([row.key for row in ready], partial(_all_new, ready), sum(len(row.state) for row in ready))


class LogMoved(Exception):
    """Another writer was faster: a row would not stand where it was decided that it does."""


def standing_at(row: Recorded, position: int) -> Unit[None]:
    """A row that was decided upon by all that the log had: it stands at this position, the next one, or is
    refused with LogMoved."""
    ready = stored(row)
    return Unit([ready.key], partial(_at, ready, position), len(ready.state))


def _at(row: Row, wanted: int, known: Mapping[Key, Known], position: int) -> tuple[Sequence[Row], None]:
    if position != wanted:
        raise LogMoved(f"the log goes on at {position:,}, and not at {wanted:,}")
    return _all_new([row], known, position)


def _all_new(rows: Sequence[Row], known: Mapping[Key, Known], position: int) -> tuple[Sequence[Row], None]:
    for row in rows:
        if row.key in known:
            raise NameTaken(decode(known[row.key].state).name)
    return rows, None


def admit(telling: Telling, known: Mapping[Key, Known], position: int) -> tuple[list[Row], Receipt]:
    """The rows to append for one message, and the receipt.

    Evidence that is known makes the whole message a duplicate. Else a fact that is known is left out, and
    only that fact; if it was told in other amounts before, a conflict takes its place, or a correction where
    it has outgrown what was told."""
    first = telling.rows[0]
    if first.topic == EVIDENCE and first.key in known:
        return _heard_again(telling, known[first.key], known)
    if first.topic == LISTED and first.key in known:
        return [], _listed_again(known[first.key])
    new: dict[Key, Row] = {}
    starts = conflicts = 0
    for row in telling.rows:
        held = known.get(row.key) or new.get(row.key)
        if held is None:
            starts = starts or position + len(new)
        else:
            remark = _told_again(decode(row.state), decode(held.state), known, new)
            if remark is None:
                continue
            row, conflicts = remark, conflicts + (remark.topic in CONFLICTS)
        new[row.key] = row
    rows = list(new.values())
    where = starts or known[first.key].position
    return rows, Receipt(where, starts == 0, telling.parked, len(rows), conflicts)


def _heard_again(telling: Telling, first: Known, known: Mapping[Key, Known]) -> tuple[list[Row], Receipt]:
    before, again = decode(first.state), decode(telling.rows[0].state)
    assert isinstance(before.body, StripeEventHeard)
    assert isinstance(again.body, StripeEventHeard)
    if again.body.payload != before.body.payload and again.body.api_version != before.body.api_version:
        rows = _in_other_words(telling.rows[1:], known)
    else:
        rows = [row for row in map(stored, _remark(again, again.body, before.body)) if row.key not in known]
    conflicts = sum(row.topic in CONFLICTS for row in rows)
    return rows, Receipt(first.position, True, before.body.parked is not None, len(rows), conflicts)


def _listed_again(first: Known) -> Receipt:
    """One request shows an object once. Of a page under the name of another nothing is kept, and so nothing
    may be read: its facts would stand behind bytes that do not say so."""
    listed = decode(first.state).body
    assert isinstance(listed, StripeObjectListed)
    return Receipt(first.position, True, listed.parked is not None, 0)


def _in_other_words(told: Sequence[Row], known: Mapping[Key, Known]) -> list[Row]:
    """Two versions say the same thing in different words: only the amounts that were read can be compared."""
    new: dict[Key, Row] = {}
    for row in told:
        if held := known.get(row.key):
            remark = _told_again(decode(row.state), decode(held.state), known, new)
            if remark is not None and remark.topic in CONFLICTS:
                new[remark.key] = remark
    return list(new.values())


def _remark(again: Recorded, new: StripeEventHeard, old: StripeEventHeard) -> tuple[Recorded, ...]:
    if not _same_content(new.payload, old.payload):
        name = f"{again.name}/conflict/{_fingerprint(new.payload)}"
        conflict = EvidenceConflict(
            first=again.name, payload=new.payload, source=new.source, signature=new.signature
        )
        return (Recorded(name, again.book, again.happened_at, conflict, cause=again.name),)
    if new.source == "webhook" and new.signature and old.source != "webhook" and not old.signature:
        confirmed = EvidenceConfirmed(first=again.name, signature=new.signature)
        name = f"{again.name}/confirmed"
        return (Recorded(name, again.book, again.happened_at, confirmed, cause=again.name),)
    return ()


def _same_content(one: bytes, other: bytes) -> bool:
    return one == other or _content(one) == _content(other)


def _fingerprint(payload: bytes) -> str:
    """Equal for copies of a message."""
    return sha256(_content(payload)).hexdigest()[:12]


def _content(payload: bytes) -> bytes:
    """The message without its volatile field, as text: to Python `1`, `1.0` and `true` are equal. What is not
    readable is its bytes."""
    try:
        message = json.loads(payload)
        if isinstance(message, dict):
            message.pop(VOLATILE, None)
        return json.dumps(message, sort_keys=True).encode()
    except (ValueError, RecursionError):
        return payload


def differ(one: Fact, other: Fact) -> bool:
    """Whether two tellings of a fact move other amounts or accounts, by today's posting table: by the tables
    of their days, all would differ after a change of a rule. Or tell of other rates of exchange, or one has
    outgrown the other."""
    if one == other:
        return False
    more = outgrown(one, other) or outgrown(other, one)
    return more or movements(one) != movements(other) or told_otherwise(one, other)


def conflicts(again: Recorded) -> Iterator[Recorded]:
    """The rows that may say that a fact was told in other amounts: the second is for a message that already
    told of others than these."""
    said = msgspec.json.encode(again.body)
    digest = sha256(said).hexdigest()[:12]
    conflict = FactConflict(first=again.name, told=said)
    name = f"{again.name}/conflict/{again.cause or digest}"
    for one in (name, f"{name}/{digest}"):
        yield Recorded(one, again.book, again.happened_at, conflict, cause=again.cause)


def _told_again(
    again: Recorded, held: Recorded, known: Mapping[Key, Known], new: Mapping[Key, Row]
) -> Row | None:
    """What a telling adds that agrees with none that is or was in force: a correction, if it has outgrown
    what is; nothing, if it was outgrown; else a conflict, unless that was noted.

    Corrections are seldom, so that nobody looks them up until there is a contradiction."""
    number = 0
    while differ(again.body, held.body) and not outgrown(again.body, held.body):
        number += 1
        key = stream_bytes(correction_of(again.name, number)), 1
        correction = known.get(key) or new.get(key)
        if correction is not None:
            held = now(decode(correction.state))
        elif (more := grown(held, again)) is not None:
            return stored(superseding(held, more, number))
        else:
            return _unnoted(again, key, known, new)
    return None


def _unnoted(again: Recorded, unless: Key, known: Mapping[Key, Known], new: Mapping[Key, Row]) -> Row | None:
    for conflict in conflicts(again):
        row = structs.replace(stored(conflict), unless=(unless,))
        held = known.get(row.key) or new.get(row.key)
        if held is None:
            return row
        if decode(held.state).body == conflict.body:
            break
    return None
