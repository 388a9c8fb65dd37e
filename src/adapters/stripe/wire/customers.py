"""Customers, as Stripe writes them."""

from typing import Any

from ledgerstone.adapters.stripe.wire.catalogue import Discount
from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Wire


class Metadata(Wire, frozen=True):
    """Keys of our users' own; whatever stands there is no reason to refuse the customer."""

    tenant_id: Any = None


class Address(Wire, frozen=True):
    country: str | None = None


class Shipping(Wire, frozen=True):
    address: Address | None = None


class Customer(Wire, frozen=True):
    """Of a deleted one, Stripe may show no more than its id."""

    id: Id
    deleted: bool = False
    name: str | None = None
    email: str | None = None
    address: Address | None = None
    shipping: Shipping | None = None
    metadata: Metadata | None = None
    balance: Amount | None = None
    currency: Currency | None = None
    discount: str | Discount | None = None
