"""Which invoices are there, what is owed on them, and what became of each?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.credit_notes import CreditNotes
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.payments import Payments
from ledgerstone.projections.reads.asked import (
    TENANT,
    List,
    Moment,
    Place,
    Query,
    ask,
    counted,
    known,
    listing,
    relation,
)

OVERDUE = "(r.status = 'open' and coalesce(r.due_at < %(at)s, false))"


class Invoice(Struct, frozen=True):
    """An invoice, amounts in minor units of `currency`, with tax. `amount_paid` includes `paid_elsewhere`,
    which was collected outside the provider. `credited` is what credit notes came to: what they took off
    before payment is gone from `amount_due`. `overdue`: open, and due before the instant asked for. Not
    `sure`: messages are missing that would say how it stood, or only some of its lines were shown."""

    id: str
    number: str | None
    customer: str | None
    tenant: str | None
    subscription: str | None
    currency: str
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    refunded: int
    disputed: int
    credited: int
    paid_elsewhere: int
    status: str
    settlement: str
    overdue: bool
    plans: tuple[str, ...]
    created_at: datetime
    due_at: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None
    sure: bool


class InvoiceVersion(Struct, frozen=True):
    """How an invoice stood for a time, half-open; amounts in minor units."""

    status: str
    settlement: str
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    refunded: int
    disputed: int
    credited: int
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


class InvoicePayment(Struct, frozen=True):
    """A payment that was used for an invoice."""

    id: str
    currency: str
    amount: int
    refunded: int
    disputed: int
    status: str
    method: str | None
    provider_reference: str | None
    at: datetime


class InvoiceCreditNote(Struct, frozen=True):
    """A credit note of an invoice was `issued` or `voided`: `amount` with tax."""

    at: datetime
    kind: str
    id: str
    currency: str
    amount: int


class InvoiceDetail(Invoice, frozen=True):
    """An invoice with its payments and credit notes, and how it stood before, now and later."""

    payments: tuple[InvoicePayment, ...]
    credit_notes: tuple[InvoiceCreditNote, ...]
    history: tuple[InvoiceVersion, ...]


COMPUTED = {"tenant": TENANT, "overdue": OVERDUE}
COLUMNS = [COMPUTED.get(name, f"r.{name}") for name in Invoice.__struct_fields__]
FILTERS = {
    "status": "r.status = %(status)s",
    "customer": "r.customer = %(customer)s",
    "tenant": f"{TENANT} = %(tenant)s",
    "due_from": "r.due_at >= %(due_from)s",
    "due_to": "r.due_at < %(due_to)s",
    "plan": "%(plan)s = any(r.plans)",
    "currency": "r.currency = %(currency)s",
}
"""What may be asked of an invoice; `due_to` is an exclusive instant."""


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """A list of invoices, those made last first."""
    return listing(moment, Invoices, COLUMNS, FILTERS, given, "created_at", after, limit)


def shape(row: Sequence[Any]) -> Invoice:
    """A row of `rows` or `one`."""
    return Invoice(*row)


def place(invoice: Invoice) -> Place:
    """Where an invoice stands in the list."""
    return invoice.created_at, invoice.id


LIST = List(rows, shape, place)


def one(moment: Moment, id: str) -> Query:
    """An invoice by its id."""
    text = f"select {', '.join(COLUMNS)} from {relation(Invoices)} r"
    return ask(moment, f"{text} where r.key = %(id)s and {known()} and {counted()}", id=id)


def history(moment: Moment, id: str) -> Query:
    """All versions of an invoice, in the order of their time."""
    columns = ", ".join(InvoiceVersion.__struct_fields__)
    where = f"r.key = %(id)s and {known()} order by valid_from"
    return ask(moment, f"select {columns} from {relation(Invoices)} r where {where}", id=id)


def payments(moment: Moment, id: str) -> Query:
    """The payments that were used for an invoice, in the order of their time."""
    columns = ", ".join(f"r.{name}" for name in InvoicePayment.__struct_fields__)
    used = f"select unnest(i.payments) from {relation(Invoices)} i where i.key = %(id)s and {known('i')}"
    where = f"r.key in ({used} and {counted('i')}) and {known()} and {counted()} order by r.at, r.key"
    return ask(moment, f"select {columns} from {relation(Payments)} r where {where}", id=id)


def credit_notes(moment: Moment, id: str) -> Query:
    """The credit notes of an invoice, in the order of their time."""
    columns = ", ".join(InvoiceCreditNote.__struct_fields__)
    where = f"r.key = %(id)s and {known()} and r.at < %(at)s order by r.at, r.kind, r.id"
    return ask(moment, f"select {columns} from {relation(CreditNotes)} r where {where}", id=id)


def detail(
    row: Sequence[Any],
    payments: Sequence[Sequence[Any]],
    credit_notes: Sequence[Sequence[Any]],
    history: Sequence[Sequence[Any]],
) -> InvoiceDetail:
    """An invoice from the rows of `one`, `payments`, `credit_notes` and `history`."""
    used = tuple(InvoicePayment(*payment) for payment in payments)
    notes = tuple(InvoiceCreditNote(*note) for note in credit_notes)
    versions = tuple(InvoiceVersion(*version) for version in history)
    return InvoiceDetail(*[*row, used, notes, versions])
