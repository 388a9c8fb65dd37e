"""Customers' cash: what they sent by bank transfer, until it pays for something or goes back."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, moment, read
from ledgerstone.adapters.stripe.wire import customer_cash as wire
from ledgerstone.adapters.stripe.wire.fields import maybe_id
from ledgerstone.ledger.customer_balances import CustomerCashChanged, CustomerCashTransferred

TRANSFERRED = ("transferred_to_balance", "adjusted_for_overdraft")
"""Between a customer's cash and our own balance, where Stripe makes a balance transaction of it. Whatever a
payment takes of the cash comes into our balance by its charge."""


def told(event: Envelope) -> Iterator[Told]:
    """`customer_cash_balance_transaction.created`: cash came, was used, went back, or became ours to hold.
    Kinds that we do not know change the customer's cash and nothing else."""
    moved = read(event.object, wire.CashTransaction)
    currency = moved.currency.lower()
    amount, customer = minor(moved.net_amount, currency), maybe_id(moved.customer) or moved.customer_account
    if customer is None:
        raise Unusable("data.object: neither customer nor customer_account says whose cash this is")
    fact: CustomerCashTransferred | CustomerCashChanged
    if moved.type in TRANSFERRED:
        fact = CustomerCashTransferred(
            transaction=moved.id, customer=customer, amount=-amount, currency=currency
        )
    else:
        fact = CustomerCashChanged(
            transaction=moved.id,
            customer=customer,
            kind=moved.type,
            amount=amount,
            currency=currency,
            payment=_payment(moved),
        )
    yield Told(f"customer-cash/{moved.id}", moment(moved.created), fact)


def _payment(moved: wire.CashTransaction) -> str | None:
    paid = moved.applied_to_payment or moved.unapplied_from_payment
    return maybe_id(paid.payment_intent) if paid else None
