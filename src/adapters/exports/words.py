"""How are accounts, amounts and texts written where other programs read them?"""

import re
from functools import cache
from typing import Literal
from urllib.parse import quote

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.money import decimals

Root = Literal["Assets", "Liabilities", "Equity", "Income", "Expenses"]

CLASSES: dict[int, Root] = {
    1: "Assets",
    2: "Liabilities",
    3: "Income",
    4: "Expenses",
    5: "Expenses",
    6: "Expenses",
    7: "Expenses",
}
"""What the first digit of a BAS number says. 8 is of both kinds: there the normal side says it."""
TRADING = ("fx_trading", "fx_translation")
"""Money between two currencies is nobody's: beancount and hledger look for it in equity."""
READ_OTHERWISE = re.compile('["\\\\;,\\[\\]|%\x00-\x1f\x7f-\x9f\u2028\u2029]')
"""Characters that end a text, a tag or a line for one of the programs, or begin a date."""


def root(account: str) -> Root:
    """The one of beancount's five kinds of accounts to which an account of the chart belongs."""
    if account in TRADING:
        return "Equity"
    known = CHART[account]
    return CLASSES.get(known.bas // 1000) or ("Income" if known.normal == "credit" else "Expenses")


@cache
def path(account: str) -> str:
    """`Assets:Stripe-Balance` for `stripe_balance`; as different as the accounts are."""
    return f"{root(account)}:{account.title().replace('_', '-')}"


def amount(minor: int, currency: str) -> str:
    """`-1234.50` for -123450 minor units of a currency with two decimals."""
    places = decimals(currency)
    if not places:
        return str(minor)
    digits = f"{abs(minor):0{places + 1}}"
    return f"{'-' if minor < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def plain(text: str) -> str:
    """A text without the characters that mean something else somewhere: `a%2Cb` for `a,b`, as in a URL."""
    return READ_OTHERWISE.sub(lambda found: quote(found[0], safe=""), text)
