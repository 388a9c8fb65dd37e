"""A correction undoes what was in force and says what is; a forged one is found out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.corrections import corrected, faults, in_force, now, superseding, was
from ledgerstone.ledger.invoices import InvoiceOverpaid
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.rereading import Reading, contradictions, news
from tests.corrected import trial_balance
from tests.examples import AT, NEXT_MONTH, heard, received

FIRST = received("bistro", 100)


def told(amount: int) -> Recorded:
    body: Any = replace(FIRST.body, amount=amount)
    return replace(FIRST, body=body, movements=movements(body))


CORRECTION = superseding(FIRST, replace(told(250), happened_at=NEXT_MONTH), 1)


@given(st.lists(st.integers(-500, 500), min_size=1))
def test_whatever_was_told_in_between_the_last_telling_is_what_the_books_hold(amounts: list[int]) -> None:
    log = [FIRST]
    for amount in amounts:
        held, number = in_force(FIRST.name, {row.name: row for row in log})
        log.append(superseding(held, told(amount), number + 1))

    assert trial_balance(log) == trial_balance([told(amounts[-1])])
    assert corrected(log) == [told(amounts[-1])]
    assert len({row.name for row in log}) == len(log)


def test_it_holds_both_tellings_each_at_its_time() -> None:
    assert was(CORRECTION) == FIRST
    assert now(CORRECTION) == replace(told(250), happened_at=NEXT_MONTH)
    assert (was(CORRECTION).happened_at, now(CORRECTION).happened_at) == (AT, NEXT_MONTH)


def test_the_movements_that_are_undone_are_those_that_were_stored() -> None:
    """By the rules of those days, whatever today's say."""
    old = replace(FIRST, movements=(replace(FIRST.movements[0], credit="tax"),))
    assert trial_balance([old, superseding(old, told(250), 1)]) == trial_balance([told(250)])


@pytest.mark.parametrize(
    ("forged", "problem"),
    [
        (replace(CORRECTION, body=replace(CORRECTION.body, was=told(90).body)), "what it ends"),
        (replace(CORRECTION, body=replace(CORRECTION.body, was_at=NEXT_MONTH)), "what it ends"),
        (replace(CORRECTION, movements=CORRECTION.movements[1:]), "what it undoes"),
        (replace(CORRECTION, cause="stripe/evt_2"), "its cause is stripe/evt_2"),
    ],
)
def test_a_forged_correction_is_found_out(forged: Recorded, problem: str) -> None:
    assert list(faults(CORRECTION, FIRST)) == []
    assert [problem in fault for fault in faults(forged, FIRST)] == [True]


def test_a_correction_of_what_is_not_there_is_found_out() -> None:
    (problem,) = faults(CORRECTION, None)
    assert "does not stand before it" in problem


def overpaid(amount: int, cause: str, currency: str = "eur") -> Recorded:
    body = InvoiceOverpaid(invoice="in_1", currency=currency, amount=amount, customer="cus_1")
    return replace(FIRST, name="invoice/in_1/overpaid", body=body, movements=movements(body), cause=cause)


def heard_by(cause: str) -> Recorded:
    return replace(heard("evt_1"), name=cause)


def test_who_told_what_is_in_force_corrects_it_and_nobody_else() -> None:
    """Also where that had outgrown what another told at first."""
    first, grown = overpaid(100, "stripe/evt_a"), overpaid(300, "stripe/evt_b")
    log = [first, superseding(first, grown, 1)]
    known = {row.name: row for row in log}

    (row,) = news(Reading(heard_by("stripe/evt_b"), [overpaid(250, "stripe/evt_b")]), known)
    assert now(row).body == overpaid(250, "stripe/evt_b").body
    assert list(faults(row, log[-1])) == []

    again = Reading(heard_by("stripe/evt_a"), [overpaid(100, "stripe/evt_a", "sek")])
    assert news(again, known) == []
    assert len(contradictions(again, known)) == 1
    same = Reading(heard_by("stripe/evt_a"), [first])
    assert (news(same, known), contradictions(same, known)) == ([], [])
