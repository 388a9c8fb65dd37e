"""Which formats are there?"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ledgerstone.adapters.exports import beancount, csv, hledger, sie4
from ledgerstone.adapters.exports.items import Head, Item


class Format(Struct, frozen=True):
    """How an export is written, and in which characters; those that it has not are written as `?`. Some hold
    `one_currency` of at most so many `decimals`, and want entries in the order of positions, not of days."""

    write: Callable[[Head, Iterable[Item]], Iterator[str]]
    encoding: str = "utf-8"
    one_currency: bool = False
    decimals: int = 18
    by_position: bool = False


FORMATS = {
    "beancount": Format(beancount.write),
    "hledger": Format(hledger.write),
    "sie4": Format(sie4.write, "cp437", one_currency=True, decimals=2, by_position=True),
    "csv": Format(csv.write),
}
