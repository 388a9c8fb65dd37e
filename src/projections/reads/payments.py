"""Which payments were tried, and what became of their money?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.money import Money
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


class Payment(Struct, frozen=True):
    """A payment, amounts in minor units of `currency`. `status` is the provider's, and `failed` while the
    last try was declined; `provider_reference` is the last charge."""

    id: str
    customer: str | None
    tenant: str | None
    invoice: str | None
    currency: str
    amount: int
    refunded: int
    disputed: int
    status: str
    method: str | None
    provider_reference: str | None
    failure_code: str | None
    at: datetime


class Move(Struct, frozen=True):
    """Money of a payment that went back or came again: `refunded`, `refund_returned`, `disputed` or
    `reinstated`; `id` is the refund or dispute, `amount` positive minor units."""

    at: datetime
    kind: str
    id: str
    amount: int
    currency: str


class PaymentDetail(Payment, frozen=True):
    """A payment with its refunds and disputes, and the `settlement` of the invoice that it was for."""

    refunds: tuple[Move, ...]
    disputes: tuple[Move, ...]
    settlement: str | None


COMPUTED = {"tenant": TENANT}
COLUMNS = [COMPUTED.get(name, f"r.{name}") for name in Payment.__struct_fields__]
SETTLEMENT = (
    f"(select i.settlement from {relation(Invoices)} i where i.key = r.invoice and {known('i')}"
    f" and {counted('i')} limit 1)"
)
FILTERS = {
    "status": "r.status = %(status)s",
    "method": "r.method = %(method)s",
    "customer": "r.customer = %(customer)s",
    "tenant": f"{TENANT} = %(tenant)s",
    "currency": "r.currency = %(currency)s",
    "from_": "r.at >= %(from_)s",
    "to": "r.at < %(to)s",
}
"""What may be asked of a payment; `to` is an exclusive instant."""


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """A list of payments, the latest first."""
    return listing(moment, Payments, COLUMNS, FILTERS, given, "at", after, limit)


def shape(row: Sequence[Any]) -> Payment:
    """A row of `rows`."""
    return Payment(*row)


def place(payment: Payment) -> Place:
    """Where a payment stands in the list."""
    return payment.at, payment.id


LIST = List(rows, shape, place)


def one(moment: Moment, id: str) -> Query:
    """A payment by its id, and the settlement of its invoice."""
    text = f"select {', '.join(COLUMNS)}, {SETTLEMENT} from {relation(Payments)} r"
    return ask(moment, f"{text} where r.key = %(id)s and {known()} and {counted()}", id=id)


def moves(moment: Moment, id: str) -> Query:
    """What went back of a payment and came again, in the order of its time."""
    columns = ", ".join(Move.__struct_fields__)
    undoes = "r.kind in ('refund_returned', 'reinstated')"
    where = f"r.key = %(id)s and {known()} and r.at < %(at)s and r.kind <> 'received'"
    text = f"select {columns} from {relation(Money)} r where {where} order by r.at, r.id, {undoes}"
    return ask(moment, text, id=id)


def detail(row: Sequence[Any], moves: Sequence[Sequence[Any]]) -> PaymentDetail:
    """A payment from the rows of `one` and `moves`."""
    found = [Move(*move) for move in moves]
    *columns, settlement = row
    refunds = tuple(move for move in found if move.kind.startswith("refund"))
    disputes = tuple(move for move in found if not move.kind.startswith("refund"))
    return PaymentDetail(*[*columns, refunds, disputes, settlement])
