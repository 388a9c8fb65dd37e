"""Which rows of a message are new, and what does a second telling say of the first?

A name is recorded once, so a second telling adds nothing; but where it contradicts the first, a row says so.
The first stays in force."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

import msgspec
from msgspec import Struct

from ledgerstone.ledger.evidence import (
    EvidenceConfirmed,
    EvidenceConflict,
    FactConflict,
    StripeEventHeard,
    StripeObjectListed,
)
from ledgerstone.ledger.facts import BY_TAG
from ledgerstone.ledger.log import Key, Known, Row, Unit, decide_all
from ledgerstone.ledger.names import stream_bytes
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded, decode, encode

TAGS = {fact: tag for tag, fact in BY_TAG.items()}
VOLATILE = "pending_webhooks"
"""A message's count of its own undelivered copies: the one field that differs between true copies."""


class Receipt(Struct, frozen=True, gc=False):
    """The answer to an append. `position` is the evidence's, or of the first fact where there is no evidence;
    a duplicate's is that of the first telling. `appended` rows were written, from `position` on unless this
    is a duplicate. `parked`: the evidence could not be read, and waits."""

    position: int
    duplicate: bool
    parked: bool
    appended: int


def stored(recorded: Recorded) -> Row:
    """A fact as a row: the first and only one of the stream that its name makes."""
    return Row((stream_bytes(recorded.name), 1), TAGS[type(recorded.body)], encode(recorded))


def told(rows: Sequence[Recorded]) -> Unit[Receipt]:
    """What one message tells: its evidence first, if there is any, then the facts read from it."""
    if not rows:
        raise ValueError("there is nothing to append: a message has at least its evidence")
    tellings = [(recorded, stored(recorded)) for recorded in rows]
    keys = [row.key for _, row in tellings]
    return Unit(keys, partial(admit, tellings), sum(len(row.state) for _, row in tellings))


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


def admit(
    tellings: Sequence[tuple[Recorded, Row]], known: Mapping[Key, Known], position: int
) -> tuple[list[Row], Receipt]:
    """The rows to append for one message, and the receipt.

    Evidence that is known makes the whole message a duplicate. Else a fact that is known is left out, and
    only that fact; if it was told in other amounts before, a conflict takes its place."""
    evidence, first = tellings[0][0].body, tellings[0][1]
    if isinstance(evidence, StripeEventHeard) and first.key in known:
        return _heard_again(tellings[0][0], known[first.key], known)
    new: dict[Key, Row] = {}
    starts = 0
    for recorded, row in tellings:
        held = known.get(row.key) or new.get(row.key)
        if held is None:
            starts = starts or position + len(new)
        else:
            conflict = _contradiction(recorded, decode(held.state))
            if conflict is None or conflict.key in known or conflict.key in new:
                continue
            row = conflict
        new[row.key] = row
    rows = list(new.values())
    parked = isinstance(evidence, StripeEventHeard | StripeObjectListed) and evidence.parked is not None
    return rows, Receipt(starts or known[first.key].position, starts == 0, parked, len(rows))


def _heard_again(again: Recorded, first: Known, known: Mapping[Key, Known]) -> tuple[list[Row], Receipt]:
    before = decode(first.state)
    assert isinstance(before.body, StripeEventHeard)
    assert isinstance(again.body, StripeEventHeard)
    remark = _remark(again, again.body, before.body)
    rows = [row for row in map(stored, remark) if row.key not in known]
    return rows, Receipt(first.position, True, before.body.parked is not None, len(rows))


def _remark(again: Recorded, new: StripeEventHeard, old: StripeEventHeard) -> tuple[Recorded, ...]:
    if new.payload != old.payload and new.api_version != old.api_version:
        return ()  # two versions say the same thing in different words
    if not _same_content(new.payload, old.payload):
        name = f"{again.name}/conflict/{sha256(new.payload).hexdigest()[:12]}"
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
    if one == other:
        return True
    try:
        return _content(one) == _content(other)
    except (ValueError, RecursionError):  # not readable: then only the bytes can say
        return False


def _content(payload: bytes) -> str:
    """The message without its volatile field, as text: to Python `1`, `1.0` and `true` are equal."""
    message = json.loads(payload)
    if isinstance(message, dict):
        message.pop(VOLATILE, None)
    return json.dumps(message, sort_keys=True)


def _contradiction(again: Recorded, before: Recorded) -> Row | None:
    """A conflict, where the two tellings move other amounts or accounts by today's posting table: by the
    tables of their days, all would differ after a change of a rule."""
    if again.body == before.body or movements(again.body) == movements(before.body):
        return None
    said = msgspec.json.encode(again.body)
    name = f"{again.name}/conflict/{again.cause or sha256(said).hexdigest()[:12]}"
    conflict = FactConflict(first=again.name, told=said)
    return stored(Recorded(name, again.book, again.happened_at, conflict, cause=again.cause))
