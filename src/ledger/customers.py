"""Customers: where they are, and which organisation pays for them."""

from ledgerstone.ledger.fact import Fact, Terms


class Customer(Terms, frozen=True):
    """What revenue is grouped by: `country` is ISO 3166's two letters, upper case; `tenant` the paying
    organisation (`metadata.tenant_id`, else the customer's own id)."""

    tenant: str
    country: str | None = None


NOT_SHOWN = Customer(tenant="")
"""What the last message says of a customer where it gives only the id: it stays as it was before."""


class CustomerSeen(Fact, frozen=True, tag="customer-seen"):
    """A message showed a customer; `last` when it was deleted."""

    id: str
    now: Customer
    before: Customer | None = None
    first: bool = False
    last: bool = False


class CustomerDetails(Fact, frozen=True, tag="customer-details"):
    """Who a customer is: personal data, kept apart from every other fact so that it can be sealed."""

    id: str
    name: str | None = None
    email: str | None = None


def rank(customer: Customer) -> int:
    """Customers have no statuses: all rank alike."""
    return 0
