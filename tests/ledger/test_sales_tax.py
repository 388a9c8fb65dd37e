"""Which account a rate's tax is on, and how a part of an invoice's tax is divided by its rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.sales_tax import ACCOUNTS, Tax, account, divided

RATES = ("SE 25", "SE 12", "SE 6", "SE 10", "DE 19", "FI 25.5", "US 8.875")


@pytest.mark.parametrize(
    ("rate", "name", "bas"),
    [
        ("SE 25", "vat_25", 2611),
        ("SE 12", "vat_12", 2621),
        ("SE 6", "vat_6", 2631),
        ("SE 10", "vat_other", 2639),
        ("DE 25", "vat_eu", 2670),
        ("GB 20", "tax_abroad", 2680),
        ("", "tax", 2600),
    ],
)
def test_a_rate_has_its_account(rate: str, name: str, bas: int) -> None:
    assert (account(rate), CHART[account(rate)].bas) == (name, bas)
    assert CHART[name].normal == "credit"


def test_accounts_of_tax_are_in_the_chart_and_every_number_is_one_account() -> None:
    assert CHART.keys() >= {*ACCOUNTS.values(), *map(account, RATES)}
    numbers = [known.bas for known in CHART.values()]
    assert len(set(numbers)) == len(numbers)


PARTS = st.lists(st.builds(Tax, st.sampled_from(RATES), st.integers(-500, 9_999)), max_size=4)


@given(PARTS, st.integers(-500, 500), st.integers(0, 20_000))
def test_parts_come_to_the_whole_and_all_of_a_tax_is_all_of_each_rate(
    told: list[Tax], rest: int, amount: int
) -> None:
    tax = sum(each.amount for each in told) + rest

    some, all_of_it = divided(amount, tax, told), divided(tax, tax, told)

    assert sum(each.amount for each in some) == amount
    assert [each.rate for each in some] == ["", *(each.rate for each in told)]
    if tax:
        assert all_of_it == [Tax("", rest), *told]


def test_the_last_rate_takes_what_rounding_leaves() -> None:
    told = (Tax("SE 12", 10), Tax("SE 25", 10), Tax("SE 6", 10))
    assert [each.amount for each in divided(10, 30, told)] == [0, 3, 3, 4]


def test_of_an_invoice_without_tax_what_is_given_back_is_of_no_rate() -> None:
    assert divided(7, 0, (Tax("SE 25", 5), Tax("DE 19", -5))) == [
        Tax("", 7),
        Tax("SE 25", 0),
        Tax("DE 19", 0),
    ]
