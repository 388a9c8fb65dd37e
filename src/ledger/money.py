"""Money is integers of minor units: how many decimals does a currency have?"""

from functools import lru_cache

import iso4217


@lru_cache(512)
def decimals(currency: str) -> int:
    """How many decimals ISO 4217 gives a currency: 2 for `usd`, 0 for `jpy`, 3 for `kwd`.

    A code that the standard does not list (a provider's own, a crypto token) counts as two."""
    try:
        return iso4217.Currency(currency.upper()).exponent or 0
    except ValueError:
        return 2
