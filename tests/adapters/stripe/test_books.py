"""The books are as plain arithmetic says, in whatever order the messages came and however often."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.posting import Movement
from ledgerstone.ledger.recorded import Recorded
from tests.stripe_objects import event, heard, read
from tests.stripe_stories import STORIES, Message, Story, apart

WORLDS = st.lists(STORIES, min_size=1, max_size=5).map(apart)


def rows(told: Iterable[Message]) -> list[Recorded]:
    """All that is read of messages, in their order; the test fails if one was parked."""
    messages = [read(event(*each)) for each in told]
    assert not any(heard(message).parked for message in messages)
    return [row for message in messages for row in message.rows[1:]]


def balances(facts: Iterable[Recorded]) -> dict[tuple[str, str, str], int]:
    """What each account holds of each subject, every name counted once and the first telling in force."""
    first: dict[str, Recorded] = {}
    for row in facts:
        first.setdefault(row.name, row)
    held: Counter[tuple[str, str, str]] = Counter()
    for move in [move for row in first.values() for move in row.movements]:
        held[move.debit, move.debit_of, move.currency] += move.amount
        held[move.credit, move.credit_of, move.currency] -= move.amount
    return {account: amount for account, amount in held.items() if amount}


@given(WORLDS, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_change_no_balance_and_tell_nothing_else(world: Story, seed: int) -> None:
    told, expected = world
    random = Random(seed)
    mixed = [*told, *random.choices(told, k=len(told))]
    random.shuffle(mixed)

    held = balances(rows(mixed))

    assert held == balances(rows(told))
    by_account: Counter[str] = Counter()
    for (account, _, _), amount in held.items():
        by_account[account] += amount
    assert {account: amount for account, amount in by_account.items() if amount} == expected


@given(WORLDS)
@settings(max_examples=100, deadline=None)
def test_messages_that_tell_of_one_fact_agree_on_what_it_moved(world: Story) -> None:
    told, _ = world
    movements: dict[str, set[tuple[Movement, ...]]] = defaultdict(set)
    for row in rows(told):
        movements[row.name].add(row.movements)
    assert all(len(versions) == 1 for versions in movements.values())


CLEARED = ("unapplied_card", "refunds_payable")
"""Accounts where money waits for a second fact, which all stories tell in the end."""
LEFT = ("disputed", "passed_on", "customer_cash_held")
"""Accounts where some may be left, if it is still there: never less than nothing."""


@given(WORLDS)
@settings(max_examples=100, deadline=None)
def test_what_waited_for_a_second_fact_is_cleared_by_it_subject_by_subject(world: Story) -> None:
    told, _ = world
    for (account, subject, _), amount in balances(rows(told)).items():
        assert account not in CLEARED, f"{account} of {subject} is {amount}"
        assert account not in LEFT or amount > 0, f"{account} of {subject} is {amount}"
