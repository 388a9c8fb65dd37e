"""The European Central Bank's files of rates, as it writes them; and the facts that are read from them."""

from collections.abc import Mapping
from datetime import date

from ledgerstone.ledger.fx import FxRatePublished, name_of, published_at
from ledgerstone.ledger.recorded import Recorded
from tests.examples import BOOK

HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" \
xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
"""


def envelope(days: Mapping[str, Mapping[str, str]]) -> bytes:
    """A file: the rates of some days, newest first as the bank has them."""
    cubes = [
        f"<!-- {day} -->\n<Cube time='{day}'>\n"
        + "".join(f"<Cube currency='{currency}' rate='{rate}'/>\n" for currency, rate in rates.items())
        + "</Cube>"
        for day, rates in days.items()
    ]
    return f"{HEAD}<Cube>\n{chr(10).join(cubes)}\n</Cube>\n</gesmes:Envelope>\n".encode()


def published(day: date, rates: Mapping[str, str], source: str = "eurofxref-daily.xml 00") -> Recorded:
    """A day's table as it is recorded."""
    fact = FxRatePublished(day=day, rates=dict(rates), source=source)
    return Recorded(name_of(day), BOOK, published_at(day), fact)
