"""Bank transfers: money on our own bank accounts, and what it is for.

A transfer waits as unapplied money, also when it is assigned at once: so what the bank says and what we make
of it are two rows, and the second can be taken back. What a person or a job decides is told as events here; a
payout's arrival is a transfer like any other."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

from msgspec import Struct

from ledgerstone.ledger.fact import Fact

Reason = Literal["not_ours", "own_account", "bank_fee", "interest", "other_income"]
"""Why a transfer is for nothing that was invoiced, paid out or refunded."""


class TransferReceived(Fact, frozen=True, kw_only=True, tag="transfer-received"):
    """`amount` came to one of our bank accounts (negative: went from it), in its books on `booked_on`;
    `reference` is what the payer gave to be recognised by, `bank_reference` the bank's own. Who paid stands
    elsewhere."""

    transfer: str
    account: str
    amount: int
    currency: str
    booked_on: date | None = None
    reference: str | None = None
    bank_reference: str | None = None


class Share(Struct, frozen=True, array_like=True, gc=False):
    """The part of a transfer that is for one invoice, payout, top-up or refund; negative where money went
    out."""

    of: str
    amount: int


class Assignment(Fact, frozen=True, kw_only=True):
    """What a transfer is for, all in its currency: shares of invoices (`elsewhere`: of those that were said
    to be paid outside the provider before), payouts, top-ups and refunds, and a rest that becomes the
    customer's credit. `rounding` is too small for that (negative: was short by it), and `fee` is what a bank
    kept on the way, so that shares may exceed by it what came. `number` tells the assignments of a transfer
    apart."""

    transfer: str
    currency: str
    number: int = 1
    invoices: tuple[Share, ...] = ()
    elsewhere: tuple[Share, ...] = ()
    payouts: tuple[Share, ...] = ()
    top_ups: tuple[Share, ...] = ()
    refunds: tuple[Share, ...] = ()
    customer: str | None = None
    to_credit: int = 0
    rounding: int = 0
    fee: int = 0

    @property
    def taken(self) -> int:
        """What it takes of the transfer, in minor units."""
        shares = (*self.invoices, *self.elsewhere, *self.payouts, *self.top_ups, *self.refunds)
        return sum(share.amount for share in shares) + self.to_credit + self.rounding - self.fee


class TransferAssigned(Assignment, frozen=True, kw_only=True, tag="transfer-assigned"):
    """It was decided what a transfer is for."""


class TransferUnassigned(Assignment, frozen=True, kw_only=True, tag="transfer-unassigned"):
    """An assignment, repeated here, was taken back: the transfer waits again."""


class TransferIgnored(Fact, frozen=True, tag="transfer-ignored"):
    """It was decided that a transfer is for nothing that we know of: `amount` of it, all that waited."""

    transfer: str
    amount: int
    currency: str
    reason: Reason


class TransferReturned(Fact, frozen=True, tag="transfer-returned"):
    """`amount` of a transfer was sent back by another one of our bank's, `by`. What left the account is told
    by that: it moves here from one to the other, and so but once."""

    transfer: str
    by: str
    amount: int
    currency: str


def rest(amount: int, fee: int, shares: Iterable[Share], limit: int) -> tuple[int, int]:
    """What is left of a transfer for the customer's credit, and as rounding where that is `limit` minor units
    at most, too much or too little. Raises ValueError where shares take more than came."""
    left = amount + fee - sum(share.amount for share in shares)
    if abs(left) <= limit:
        return 0, left
    if left < 0:
        raise ValueError(f"the shares are {-left} more than came, and {limit} may be rounded")
    return left, 0
