"""Balance transactions, as Stripe lists them."""

from decimal import Decimal

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Time, Wire


class Source(Wire, frozen=True):
    """What moved the balance, where the list was asked to show it (`expand[]=data.source`)."""

    id: Id
    amount: Amount | None = None
    amount_captured: Amount | None = None
    currency: Currency | None = None


class FeePart(Wire, frozen=True):
    """`type` is `stripe_fee`, `application_fee`, `tax` …"""

    amount: Amount
    type: str | None = None


class BalanceTransaction(Wire, frozen=True):
    """`net` is `amount` less `fee`; below 0 where money left the balance. `fee_details` say what the fee is
    made of."""

    id: Id
    amount: Amount
    currency: Currency
    created: Time
    net: Amount
    fee: Amount = 0
    fee_details: tuple[FeePart, ...] | None = None
    type: str | None = None
    reporting_category: str | None = None
    balance_type: str | None = None
    available_on: Time | None = None
    exchange_rate: Decimal | None = None
    source: Id | Source | None = None
