"""Customers: what revenue is grouped by, and, apart from it, who they are."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate import discounts
from ledgerstone.adapters.stripe.translate.reading import Told, observed, overlaid, read, states
from ledgerstone.adapters.stripe.wire import customers as wire
from ledgerstone.adapters.stripe.wire.catalogue import Discount
from ledgerstone.ledger.customer_balances import CustomerBalanceSeen
from ledgerstone.ledger.customers import NOT_SHOWN, Customer, CustomerDetails, CustomerSeen


def told(event: Envelope) -> Iterator[Told]:
    """`customer.created`, `.updated`, `.deleted`: the customer is seen, its name and address for mail where
    it has any, its balance where that changed, and its discount, or that it has it no more, which its own
    message may have failed to tell. Why the balance changed the message does not say: a change that was made
    by hand looks as one by an invoice, whose own message moves the money."""
    customer, now, before = states(event, wire.Customer, _terms)
    seen = CustomerSeen(id=customer.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "customer", seen)
    if customer.name or customer.email:
        details = CustomerDetails(id=customer.id, name=customer.name, email=customer.email)
        yield observed(event, "customer-details", details)
    if balance := _balance(event, customer):
        yield observed(event, "customer-balance", balance)
    yield from _discount_told(event, customer.discount)


def _balance(event: Envelope, customer: wire.Customer) -> CustomerBalanceSeen | None:
    """At Stripe a balance below 0 is the customer's credit. One that was never used has no currency."""
    if customer.balance is None or customer.currency is None:
        return None
    before = event.previous.get("balance") if isinstance(event.previous, dict) else None
    if type(before) is not int and not (event.first and customer.balance):
        return None
    currency = customer.currency.lower()
    return CustomerBalanceSeen(
        customer=customer.id,
        credit=-minor(customer.balance, currency),
        currency=currency,
        before=-minor(before, currency) if type(before) is int else None,
    )


def _discount_told(event: Envelope, now: str | Discount | None) -> Iterator[Told]:
    if isinstance(now, Discount):
        yield from discounts.expanded_told(event, (now,))
    before = _discount_before(event)
    if before is not None and discounts.ids([before]) != discounts.ids([now] if now else None):
        yield from discounts.expanded_told(event, (before,), last=True)


def _discount_before(event: Envelope) -> Discount | None:
    """The discount that a change took away or replaced."""
    previous = event.previous.get("discount") if isinstance(event.previous, dict) else None
    if not isinstance(previous, dict) or not isinstance(event.object, dict):
        return None
    return read(overlaid(event.object.get("discount"), previous), Discount)


def _terms(customer: wire.Customer) -> Customer:
    if customer.deleted and customer.metadata is None:
        return NOT_SHOWN
    tenant = customer.metadata.tenant_id if customer.metadata else None
    return Customer(
        tenant=tenant if isinstance(tenant, str) and tenant else customer.id, country=_country(customer)
    )


def _country(customer: wire.Customer) -> str | None:
    shipped_to = customer.shipping.address if customer.shipping else None
    for address in (customer.address, shipped_to):
        if address is not None and address.country:
            return address.country.upper()
    return None
