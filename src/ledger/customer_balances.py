"""What customers have with us: credit for later invoices, and cash that the provider holds for them.

Their credit changes by invoices, credit notes and overpayments, whose facts move it. What is changed by hand
has no message of its own: `CustomerBalanceSeen` shows that a balance is another, and only the provider's list
of its transactions says why."""

from ledgerstone.ledger.fact import Fact


class CustomerBalanceSeen(Fact, frozen=True, tag="customer-balance-seen"):
    """A message showed a customer's balance after a change: `credit` above 0 is ours to give, below 0 the
    customer's to pay. A balance is a sum, so this moves nothing: it is what our books are compared with."""

    customer: str
    credit: int
    currency: str
    before: int | None = None


class CustomerCashChanged(Fact, frozen=True, tag="customer-cash-changed"):
    """The cash that the provider holds for a customer grew by `amount` (below 0: shrank). `kind` says how:
    funded, applied_to_payment, unapplied_from_payment, refunded_from_payment, funding_reversed …"""

    transaction: str
    customer: str
    kind: str
    amount: int
    currency: str
    payment: str | None = None


class CustomerCashTransferred(Fact, frozen=True, tag="customer-cash-transferred"):
    """Cash of a customer went into our own balance at the provider (`amount` below 0: out of it, to cover an
    overdraft). We owe it to the customer as before."""

    transaction: str
    customer: str
    amount: int
    currency: str
