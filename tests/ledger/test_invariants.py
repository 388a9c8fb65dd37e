"""The invariants hold for what the journal writes, and each of them sees its own fault."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.heads import brief
from ledgerstone.ledger.invariants import INVARIANTS, Stored, findings
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.posting import Movement
from ledgerstone.ledger.recorded import Recorded, encode
from tests.examples import AT, EXAMPLES
from tests.worlds import log_of, messages


def _stored(position: int, row: Recorded) -> Stored:
    return Stored(position, stream(row.name), 1, tag(type(row.body)), AT, encode(row), brief(row) or None)


LOG = [_stored(position, row) for position, row in log_of(messages(1))]
PAYMENT = next(row for row in EXAMPLES if row.name.endswith("/received"))
HEARD = EXAMPLES[0]
CONFLICT = next(row for row in EXAMPLES if isinstance(row.body, FactConflict))
CORRECTION = next(row for row in EXAMPLES if isinstance(row.body, Superseded))


def _problems(rows: Sequence[Stored]) -> list[str]:
    return [f"{each.position}: {each.problem}" for each in findings(rows, lambda row, position: None)]


def _after(row: Recorded) -> list[Stored]:
    return [_stored(1, HEARD), _stored(2, row)]


def _moving(move: Movement) -> list[Stored]:
    return _after(replace(PAYMENT, movements=(move,)))


MOVE = Movement("stripe_uncleared", "ch_1", "unapplied_card", "pi_1", 100, "eur")
FAULTS: dict[str, list[Stored]] = {
    "positions_have_no_gap": [LOG[0], *LOG[2:]],
    "time_goes_on": [LOG[0], replace(LOG[1], recorded_at=AT - timedelta(seconds=1))],
    "a_stream_is_a_name": [replace(LOG[0], stream=UUID(int=0))],
    "a_tag_is_that_of_its_fact": [replace(LOG[0], tag="payout-sent")],
    "a_brief_says_what_its_message_does": [replace(LOG[0], brief=b"webhook|live|||invoice.paid")],
    "amounts_are_positive": _moving(replace(MOVE, amount=0)),
    "accounts_are_in_the_chart": _moving(replace(MOVE, debit="slush_fund")),
    "movements_change_something": _moving(replace(MOVE, debit=MOVE.credit, debit_of=MOVE.credit_of)),
    "evidence_is_named_by_its_event": [_stored(1, replace(HEARD, name="stripe/evt_other"))],
    "a_fact_stands_behind_its_evidence": _after(replace(PAYMENT, cause="stripe/evt_other")),
    "a_correction_undoes_and_replaces": _after(replace(CORRECTION, movements=())),
}


def test_a_log_keeps_all_invariants() -> None:
    assert _problems(LOG) == []


@pytest.mark.parametrize("rule", INVARIANTS, ids=lambda rule: str(rule.__name__))
def test_each_invariant_sees_its_fault(rule: object) -> None:
    faulty = FAULTS[rule.__name__]  # type: ignore[attr-defined]
    assert len(_problems(faulty)) == 1


def test_a_correction_bears_the_name_of_what_it_corrects() -> None:
    (problem,) = _problems(_after(replace(CORRECTION, name="stripe/charge/ch_other/received/corrected/1")))
    assert "which is not what its name says" in problem


def test_a_remark_bears_the_name_of_what_it_remarks_on() -> None:
    (problem,) = _problems(_after(replace(CONFLICT, name="stripe/charge/ch_other/received/conflict/1")))
    assert "which is not what its name says" in problem


def test_a_row_that_cannot_be_decoded_is_one_finding() -> None:
    spoilt = [*LOG[:3], replace(LOG[3], state=b"\xc1"), *LOG[4:]]
    problems = _problems(spoilt)
    assert len(problems) == 1
    assert problems[0].startswith("4: it cannot be decoded")
