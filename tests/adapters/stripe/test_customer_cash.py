"""Customers' cash, and the balances that only show a sum, as Stripe tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.customer_balances import (
    CustomerBalanceSeen,
    CustomerCashChanged,
    CustomerCashTransferred,
)
from tests.stripe_money import cash_transaction
from tests.stripe_objects import BORN, books, charge, customer, event, facts, parked, read

TYPE = "customer_cash_balance_transaction.created"


def test_cash_that_came_is_held_for_the_customer() -> None:
    row = read(event(TYPE, cash_transaction("funded", 12_500))).rows[1]
    assert (row.name, row.happened_at) == ("customer-cash/ccsbtxn_1", datetime.fromtimestamp(BORN, UTC))
    assert row.body == CustomerCashChanged(
        transaction="ccsbtxn_1", customer="cus_1", kind="funded", amount=12_500, currency="usd"
    )
    held = books((TYPE, cash_transaction("funded", 12_500)))
    assert held == {"customer_cash_held": 12_500, "customer_cash": -12_500}


def test_cash_that_pays_is_ours_by_its_charge_and_once() -> None:
    used = {"payment_intent": "pi_1"}
    told = [
        (TYPE, cash_transaction("funded", 12_500)),
        (TYPE, cash_transaction("applied_to_payment", -12_500, id="ccsbtxn_2", applied_to_payment=used)),
        ("charge.succeeded", charge()),
    ]
    fact = facts(*told[1])["customer-cash/ccsbtxn_2"]
    assert isinstance(fact, CustomerCashChanged)
    assert fact.payment == "pi_1"
    for order in (told, told[::-1]):
        held = {account: amount for account, amount in books(*order).items() if amount}
        assert held == {"stripe_uncleared": 12_500, "unapplied_card": -12_500}


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("funding_reversed", -500),
        ("refunded_from_payment", 500),
        ("unapplied_from_payment", 500),
        ("return_initiated", -500),
        ("return_canceled", 500),
        ("kind_of_tomorrow", 500),
    ],
)
def test_whatever_changes_the_cash_changes_what_we_hold_and_owe_alike(kind: str, amount: int) -> None:
    held = books((TYPE, cash_transaction(kind, amount)))
    assert held == {"customer_cash_held": amount, "customer_cash": -amount}


@pytest.mark.parametrize(
    ("kind", "amount", "ours"), [("transferred_to_balance", -700, 700), ("adjusted_for_overdraft", 700, -700)]
)
def test_cash_that_goes_into_our_balance_is_owed_as_before(kind: str, amount: int, ours: int) -> None:
    fact = facts(TYPE, cash_transaction(kind, amount))["customer-cash/ccsbtxn_1"]
    assert fact == CustomerCashTransferred(
        transaction="ccsbtxn_1", customer="cus_1", amount=ours, currency="usd"
    )
    assert books((TYPE, cash_transaction(kind, amount))) == {
        "stripe_uncleared": ours,
        "customer_cash_held": -ours,
    }


def test_cash_belongs_to_a_customer_or_an_account_that_is_one() -> None:
    other = cash_transaction("funded", 1, customer=None, customer_account="acct_9")
    fact = facts(TYPE, other)["customer-cash/ccsbtxn_1"]
    assert isinstance(fact, CustomerCashChanged)
    assert fact.customer == "acct_9"
    assert "whose cash" in parked(TYPE, cash_transaction("funded", 1, customer=None))


def balance(type: str, object: Any, previous: Any = None) -> Any:
    return facts(type, object, previous).get("stripe/evt_1/customer-balance")


def test_a_balance_is_seen_when_it_changed_and_moves_nothing() -> None:
    now = customer(balance=-700, currency="usd")
    seen = CustomerBalanceSeen(customer="cus_1", credit=700, currency="usd", before=500)
    assert balance("customer.updated", now, {"balance": -500}) == seen
    born = CustomerBalanceSeen(customer="cus_1", credit=700, currency="usd")
    assert balance("customer.created", now) == born
    assert not books(("customer.updated", now))


@pytest.mark.parametrize(
    ("now", "previous"),
    [
        (customer(balance=-700, currency="usd"), {"email": "a@b.example"}),
        (customer(balance=-700, currency="usd"), None),
        (customer(balance=0, currency=None), {"balance": -1}),
        (customer(), {"balance": 0}),
    ],
)
def test_a_balance_that_did_not_change_or_has_no_currency_is_not_told_again(now: Any, previous: Any) -> None:
    assert balance("customer.updated", now, previous) is None


def test_a_new_customer_with_an_empty_balance_tells_nothing_of_it() -> None:
    assert balance("customer.created", customer(balance=0, currency="usd")) is None
