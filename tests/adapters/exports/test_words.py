"""Accounts, amounts and texts as other programs read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.adapters.exports.words import amount, path, plain, root
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.money import decimals

CONTRA = {"doubtful": "Assets", "refunds": "Income", "disputes_lost": "Income", "to_allocate": "Income"}


@pytest.mark.parametrize("account", CHART)
def test_every_account_has_one_of_five_kinds(account: str) -> None:
    kinds = {1: {"Assets"}, 2: {"Liabilities"}, 3: {"Income"}, 8: {"Income", "Expenses"}}
    found, known = root(account), CHART[account]

    equity = account in ("fx_trading", "fx_translation")
    assert found in ({"Equity"} if equity else kinds.get(known.bas // 1000, {"Expenses"}))
    assert found == CONTRA.get(account, found)
    if known.bas // 1000 == 8:
        assert (found == "Income") == (known.normal == "credit")


def test_paths_are_as_different_as_accounts_and_readable_everywhere() -> None:
    assert len({path(account) for account in CHART}) == len(CHART)
    assert path("stripe_balance") == "Assets:Stripe-Balance"
    for account in CHART:
        kind, _, name = path(account).partition(":")
        assert name.replace("-", "").isalnum()
        assert all(part[0].isupper() or part[0].isdigit() for part in name.split("-")), kind


@given(st.integers(-(2**62), 2**62), st.sampled_from(["sek", "jpy", "kwd", "xxx"]))
def test_an_amount_is_that_many_minor_units(minor: int, currency: str) -> None:
    said = amount(minor, currency)

    assert Decimal(said).scaleb(decimals(currency)) == minor
    assert len(said.partition(".")[2]) == decimals(currency)


def test_amounts_are_written_without_separators() -> None:
    assert amount(-123_450, "sek") == "-1234.50"
    assert (amount(-5, "sek"), amount(0, "sek"), amount(0, "jpy")) == ("-0.05", "0.00", "0")
    assert (amount(1_234, "jpy"), amount(1_234, "kwd")) == ("1234", "1.234")


@given(st.text())
def test_texts_lose_what_others_read_otherwise_and_nothing_else(text: str) -> None:
    said = plain(text)

    assert not set(said) & set('"\\;,[]|\n\r\t\x00\x85\u2028')
    assert plain("bank/SE1/åäö: 5 %") == "bank/SE1/åäö: 5 %25"
