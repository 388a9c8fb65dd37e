"""Disputes with every outcome: where the money is at the end, in whatever order the messages came."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from ledgerstone.ledger.payments import DisputeFundsReinstated, DisputeFundsWithdrawn, DisputeLost
from tests.stripe_money import moved
from tests.stripe_objects import BORN, books, event, facts, read
from tests.stripe_stories import BACK, LOST, OUT, OUTCOMES, PART, REST, said


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_is_the_same_in_every_order_and_told_twice(outcome: str) -> None:
    told, expected = OUTCOMES[outcome]
    for order in permutations(told):
        held = {account: amount for account, amount in books(*order, *order[:2]).items() if amount}
        assert held == expected


def test_the_last_message_alone_tells_where_the_money_went() -> None:
    won = books(said("closed", "won", OUT, BACK))
    assert not any(won.values())
    lost = books(said("closed", "lost", OUT))
    assert {account: amount for account, amount in lost.items() if amount} == LOST


def test_money_moved_when_its_transaction_says_so() -> None:
    rows = {row.name: row.happened_at for row in read(event(*said("closed", "won", OUT, BACK))).rows}
    assert rows["dispute/dp_1/withdrawn"] == datetime.fromtimestamp(BORN, UTC)
    assert rows["dispute/dp_1/reinstated"] == datetime.fromtimestamp(BORN + 60, UTC)


def test_the_first_transaction_is_the_fact_that_a_message_without_a_list_tells() -> None:
    listed = facts(*said("closed", "won", REST, PART, OUT))
    assert listed.keys() == {
        "dispute/dp_1/opened",
        "dispute/dp_1/withdrawn",
        "dispute/dp_1/reinstated",
        "dispute/dp_1/reinstated/txn_3",
    }
    same: Any = {"dispute": "dp_1", "payment": "pi_1", "currency": "usd"}
    assert listed["dispute/dp_1/reinstated"] == DisputeFundsReinstated(**same, amount=2_500)
    assert listed["dispute/dp_1/reinstated/txn_3"] == DisputeFundsReinstated(**same, amount=10_000)


def test_a_transaction_in_our_currency_moves_all_that_is_disputed_in_the_customers() -> None:
    """What it was worth to us says the balance transaction itself."""
    out, back = moved("txn_1", -11_400, currency="eur"), moved("txn_2", 11_550, BORN + 60, currency="eur")
    same: Any = {"dispute": "dp_1", "payment": "pi_1", "currency": "usd", "amount": 12_500}
    assert facts(*said("closed", "won", out, back))["dispute/dp_1/withdrawn"] == DisputeFundsWithdrawn(**same)
    assert not any(books(said("closed", "won", out, back)).values())
    assert facts(*said("closed", "lost", out))["dispute/dp_1/lost"] == DisputeLost(**same)
