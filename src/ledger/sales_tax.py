"""Sales tax and VAT: by which rate of which country, and so on which account?

A rate is a country and a percentage, `SE 25`. The three of Sweden have an account each, as its VAT return has
a box for each. What is sold to the rest of the EU is declared in one place, and so it stands on one account;
and so does all that is owed elsewhere: the facts say country by country and rate by rate what that is. Tax of
which nobody told the rate stays on an account of its own, until a message tells it."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from msgspec import Struct

ACCOUNTS = {"": "tax", "SE 25": "vat_25", "SE 12": "vat_12", "SE 6": "vat_6"}
"""Rates with an account of their own, and what is of no rate."""
EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)


class Tax(Struct, frozen=True, array_like=True, gc=False):
    """The part of a tax that is of one `rate` (empty: nobody told it), minor units."""

    rate: str
    amount: int

    @property
    def account(self) -> str:
        """The account on which it is owed."""
        return account(self.rate)


def account(rate: str) -> str:
    """The account on which tax of a rate is owed."""
    if rate in ACCOUNTS:
        return ACCOUNTS[rate]
    country = rate[:2]
    return "vat_other" if country == "SE" else "vat_eu" if country in EU else "tax_abroad"


def untold(tax: int, told: Iterable[Tax]) -> int:
    """What the parts that are told lack of a tax, minor units: it is of rates that nobody told."""
    return tax - sum(each.amount for each in told)


def divided(amount: int, tax: int, told: Sequence[Tax]) -> list[Tax]:
    """An amount of an invoice's tax by rate, in proportion to the parts of all of its tax, to the minor unit:
    the last of them takes the rest. First comes what is of no rate that was told."""
    parts = [Tax("", untold(tax, told)), *told]
    if not tax:
        return [Tax("", amount), *(Tax(each.rate, 0) for each in told)]
    ends = [amount * upto // tax for upto in accumulate((part.amount for part in parts), initial=0)]
    return [Tax(part.rate, end - start) for part, (start, end) in zip(parts, pairwise(ends), strict=True)]
