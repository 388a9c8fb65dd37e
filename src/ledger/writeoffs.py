"""Invoices that were written off: what of it came after all, and what tax is not owed for the rest?

Writing off leaves the receivable where it is and puts as much beside it, as an allowance. So whatever takes
off the receivable later, a payment or a credit note, needs no special case; the close takes the allowance
back by as much (`recovered`). For what stays written off no tax is owed (`relieved`): in proportion, as it is
of refunds, of what is left of an invoice's tax, and owed again where it is paid after all.

Pure functions of what happened by the end of a day, in whichever order it was told."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceWrittenOff
from ledgerstone.ledger.periods import day_of
from ledgerstone.ledger.posting import TABLE
from ledgerstone.ledger.recognition import Reduction, Sale, Standing, part
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales_tax import Tax

RECEIVABLE = "receivable"
HEARD: tuple[type[Fact], ...] = (
    InvoiceWrittenOff,
    *(
        fact
        for fact, rules in TABLE.items()
        if any(side.startswith(f"{RECEIVABLE}:") for rule in rules for side in (rule.debit, rule.credit))
    ),
)
"""The facts that this asks for: all that put something on a receivable, or take it off."""
Off = tuple[date, int]
"""On which day how much was written off."""


class WriteOff(Struct, frozen=True):
    """`amount` of an invoice was written off `on` a day, minor units. `owed` is what was owed of it by the
    end of each day on which that changed; `tax` of its `gross` is tax, and `taxes` say by which rates, as far
    as they are told; `reductions` came off it."""

    invoice: str
    currency: str
    on: date
    amount: int
    owed: Mapping[date, int]
    tax: int = 0
    gross: int = 0
    taxes: tuple[Tax, ...] = ()
    reductions: tuple[Reduction, ...] = ()

    def at(self, day: date) -> Standing:
        """What was recovered and relieved by the end of a day."""
        if day < self.on:
            return Standing()
        owed = self.owed[max(changed)] if (changed := [on for on in self.owed if on <= day]) else 0
        left = min(self.amount, max(owed, 0))
        return Standing(recovered=self.amount - left, relieved=self._relieved(left, day))

    def _relieved(self, left: int, day: date) -> int:
        """The tax in what stays written off: its share of all that nothing was given back of."""
        gross = self.gross - sum(each.net + each.tax for each in self.reductions if each.counts(day))
        return part(self.tax - self.taxed(day), left, gross) if gross > 0 else 0

    def taxed(self, day: date) -> int:
        """What was given back of its tax by the end of a day."""
        return sum(each.tax for each in self.reductions if each.counts(day))

    def days(self) -> list[date]:
        """The days on which it changed."""
        off = {day for each in self.reductions for day in (each.on, each.undone) if day is not None}
        return sorted({self.on, *self.owed, *off})


def written_off(rows: Sequence[Recorded], sales: Mapping[str, Sale]) -> list[WriteOff]:
    """What was written off, by rows in force (`corrections.corrected`) and the sales that they tell of."""
    offs: dict[tuple[str, str], Off] = {}
    for row in rows:
        if isinstance(off := row.body, InvoiceWrittenOff):
            cell, told = (off.invoice, off.currency), (day_of(row.happened_at), off.open)
            offs[cell] = max(offs.get(cell, told), told)
    asked = {invoice for invoice, _ in offs}
    owed: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    for row in rows if asked else ():
        for move in row.movements:
            if move.debit == RECEIVABLE and move.debit_of in asked:
                owed[move.debit_of, move.currency][day_of(row.happened_at)] += move.amount
            if move.credit == RECEIVABLE and move.credit_of in asked:
                owed[move.credit_of, move.currency][day_of(row.happened_at)] -= move.amount
    return [write_off(*cell, off, owed[cell], sales.get(cell[0])) for cell, off in sorted(offs.items())]


def write_off(
    invoice: str, currency: str, off: Off, owed: Mapping[date, int], sale: Sale | None = None
) -> WriteOff:
    """What came of an invoice that was written off, of which a `sale` may be told; `owed` is what each day
    put on its receivable. Where corrections made two facts tell of one, that of the later day stands, and
    then the larger."""
    on, amount = off
    days = sorted(owed)
    upto = dict(zip(days, accumulate(owed[day] for day in days), strict=True))
    bare = WriteOff(invoice, currency, on, amount, upto)
    if sale is None or sale.issued.currency != currency:
        return bare
    told, gross = sale.issued, sale.issued.net + sale.issued.tax
    return replace(bare, tax=told.tax, gross=gross, taxes=told.taxes, reductions=sale.reductions)
