"""Examples of a close and of its taking back: October's, in which Acme's month before was earned, and a part
of it given back; what Borg had not paid came after all; and 100.00 EUR rose from 1,120.00 SEK to 1,135.00
until they were paid, and to 1,140.00 in the bank."""

from ledgerstone.ledger.closing import Line, part, row
from ledgerstone.ledger.periods import Balance, Difference, PeriodClosed, reopened
from ledgerstone.ledger.recorded import Book

ACME = Line("eur", "prod_pro", "in_acme_october", 0)

CLOSED = PeriodClosed(
    period="2026-10",
    earned=(part("prod_pro", "eur", [(ACME, 4000)]),),
    returned=(part("prod_pro", "eur", [(ACME, 300)]),),
    taxed=(part("", "eur", [(Line("eur", "", "in_acme_october", -2), 75)]),),
    recovered=(part("", "eur", [(Line("eur", "", "in_borg_june", -3), 1250)]),),
    relieved=(part("", "eur", [(Line("eur", "", "in_borg_june", -3), -250)]),),
    theirs=(part("", "eur", [(Line("eur", "", "pi_seller", -4), 4000)]),),
    fx_gained=(Difference("sek", 1500),),
    fx_risen=(Difference("sek", 500),),
    fx_kept=(Difference("sek", 2000),),
    actor="ada@northwind.example",
    known_at=1_204,
    balances=(
        Balance("receivable", "eur", 4625),
        Balance("refunds", "eur", 300),
        Balance("revenue", "eur", -4000),
    ),
    digest="0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
    functional="sek",
)
(REOPENED,) = reopened(
    {CLOSED.period: CLOSED}, CLOSED.period, "ada@northwind.example", "the auditor found an invoice"
)

PERIODS = (row(Book(), CLOSED), row(Book(), REOPENED))
