"""The books of a whole business are what it knows itself: who owes what, and whose credit is how much."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from ledgerstone.demo.versions import VERSIONS
from tests.worlds import log_of, shuffled

Held = Counter[tuple[str, str]]
TELLINGS = [(3, VERSIONS[0]), *((4, version) for version in VERSIONS)]


def world(seed: int, shape: str) -> tuple[Held, dict[str, Any]]:
    """What each account holds of each subject after the messages in disorder; and the truth."""
    history = generate(seed=seed, customers=60, months=12, shape=shape)
    told = [
        read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True).rows
        for event in history.events
    ]
    held: Held = Counter()
    for _, row in log_of(shuffled(told, seed)):
        for move in row.movements:
            held[move.debit, move.debit_of] += move.amount
            held[move.credit, move.credit_of] -= move.amount
    return held, history.truth()


def of(held: Held, account: str) -> dict[str, int]:
    return {subject: amount for (name, subject), amount in held.items() if name == account and amount}


@pytest.mark.parametrize(("seed", "shape"), TELLINGS)
def test_the_books_are_what_the_business_knows(seed: int, shape: str) -> None:
    held, truth = world(seed, shape)

    owed = {
        invoice["id"]: invoice["amount_remaining"]
        for invoice in truth["invoices"]
        if invoice["status"] in ("open", "uncollectible") and invoice["amount_remaining"]
    }
    receivable = of(held, "receivable")
    if shape < "2025-03-31":  # no message tells that too much became credit: it stays with its invoice
        receivable = {invoice: amount for invoice, amount in receivable.items() if amount > 0}
    else:
        credit = {each["id"]: each["balance"] for each in truth["customers"] if each["balance"]}
        assert of(held, "customer_credit") == credit
    assert receivable == owed
    undecided = ("needs_response", "under_review")
    disputed = {each["id"]: each["amount"] for each in truth["disputes"] if each["status"] in undecided}
    assert of(held, "disputed") == disputed
    promised = {each["id"]: -each["amount"] for each in truth["refunds"] if each["status"] == "pending"}
    assert of(held, "refunds_payable") == promised
    assert of(held, "unapplied_card") == {}
    assert len(truth["credit_notes"]) > 2
