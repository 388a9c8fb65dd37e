"""Credit notes: an issued invoice is reduced, before it was paid or after."""

from ledgerstone.ledger.fact import Fact


class CreditNoteIssued(Fact, frozen=True, tag="credit-note-issued"):
    """An invoice was reduced by a credit note, amounts with tax: `before_payment` came off what was owed; of
    the rest `refunded` is paid back by `refunds`, which move that money themselves, `to_balance` became the
    customer's credit, and `elsewhere` is given back outside the provider. `tax` is the tax in all four."""

    credit_note: str
    invoice: str
    currency: str
    before_payment: int = 0
    refunded: int = 0
    to_balance: int = 0
    elsewhere: int = 0
    tax: int = 0
    customer: str | None = None
    refunds: tuple[str, ...] = ()


class CreditNoteVoided(Fact, frozen=True, tag="credit-note-voided"):
    """A credit note was cancelled: what it took off is owed again, what it gave is taken back."""

    credit_note: str
    invoice: str
    currency: str
    before_payment: int = 0
    refunded: int = 0
    to_balance: int = 0
    elsewhere: int = 0
    tax: int = 0
    customer: str | None = None
