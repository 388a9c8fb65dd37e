"""Which facts were told in other amounts, and are not corrected to these yet?"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.admission import differ
from ledgerstone.ledger.corrections import outgrown
from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.facts import AnyFact, Correctable, Superseded
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import Row, View


class ConflictRow(Row, frozen=True):
    """The `number`th message that told of the fact `subject` in other amounts than those in force; `reason`
    is a sentence."""

    subject: str
    number: int
    reason: str
    at: datetime


class Told(Struct, frozen=True, gc=False):
    """How a message told of a fact otherwise (as JSON), and what a person is to see of that."""

    row: ConflictRow
    fact: bytes


class Contested(Struct, frozen=True, gc=False):
    """What was told of a fact in other amounts, and what a correction has put in force of it, if there was
    one."""

    told: tuple[Told, ...] = ()
    now: Correctable | None = None


class Conflicts(View[Contested, Contested]):
    """Which facts were told in other amounts, and are not corrected to these yet?

    It hears corrections itself, and so must not hear anything that can be corrected: the engine leaves a
    correction to those who hear it."""

    name = "conflicts"
    version = 1
    hears = (FactConflict, Superseded)
    state = Contested
    row = ConflictRow

    def keys(self, row: Recorded) -> Iterable[str]:
        assert isinstance(row.body, FactConflict | Superseded)
        return (row.body.first,)

    def fold(self, state: Contested | None, row: Recorded, id: str) -> Contested:
        held = state or Contested()
        if isinstance(row.body, Superseded):
            return replace(held, now=row.body.now)
        assert isinstance(row.body, FactConflict)
        reason = f"{row.cause or 'what was imported later'} tells of other amounts"
        shown = ConflictRow(id, len(held.told) + 1, reason, row.happened_at)
        return replace(held, told=(*held.told, Told(shown, row.body.told)))

    def rows(self, id: str, part: Contested) -> Iterable[ConflictRow]:
        return [told.row for told in part.told if part.now is None or _differs(told.fact, part.now)]


def _differs(told: bytes, now: Correctable) -> bool:
    """Unless what is in force has outgrown it. What cannot be read any more is not known to agree."""
    try:
        fact = msgspec.json.decode(told, type=AnyFact)
        return differ(fact, now) and not outgrown(fact, now)
    except msgspec.MsgspecError:
        return True
