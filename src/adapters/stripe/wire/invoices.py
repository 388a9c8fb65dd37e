"""Invoices and the payments made on them, as Stripe writes them."""

from decimal import Decimal

from ledgerstone.adapters.stripe.wire.fields import (
    Amount,
    Currency,
    Expanded,
    Id,
    Page,
    Ref,
    Time,
    Wire,
)


class TaxRate(Expanded, frozen=True):
    """`percentage` is the rate that was set, `effective_percentage` what it came to."""

    percentage: Decimal | None = None
    effective_percentage: Decimal | None = None
    country: str | None = None


AnyRate = Id | TaxRate


class TaxRateDetails(Wire, frozen=True):
    tax_rate: AnyRate | None = None


class Tax(Wire, frozen=True):
    amount: Amount
    taxable_amount: Amount | None = None
    tax_behavior: str | None = None
    tax_rate_details: TaxRateDetails | None = None
    tax_rate: AnyRate | None = None  # until 2025-03-31
    inclusive: bool | None = None  # until 2025-03-31


class PriceDetails(Wire, frozen=True):
    product: Ref | None = None


class Pricing(Wire, frozen=True):
    price_details: PriceDetails | None = None


class Period(Wire, frozen=True):
    start: Time | None = None
    end: Time | None = None


class TakenOff(Wire, frozen=True):
    amount: Amount


class ItemDetails(Wire, frozen=True):
    subscription: Ref | None = None


class LineParent(Wire, frozen=True):
    subscription_item_details: ItemDetails | None = None
    invoice_item_details: ItemDetails | None = None


class Line(Wire, frozen=True):
    """`amount` is before discounts and credits, and with those of its taxes that are inclusive."""

    amount: Amount | None = None
    period: Period | None = None
    pretax_credit_amounts: tuple[TakenOff, ...] | None = None  # discounts and credit grants, since 2024-10
    discount_amounts: tuple[TakenOff, ...] | None = None
    taxes: tuple[Tax, ...] | None = None
    tax_amounts: tuple[Tax, ...] | None = None  # until 2025-03-31
    tax_rates: tuple[AnyRate, ...] | None = None  # until 2025-03-31
    parent: LineParent | None = None
    subscription: Ref | None = None
    pricing: Pricing | None = None
    price: PriceDetails | None = None  # until 2025-03-31
    plan: PriceDetails | None = None  # until 2025-03-31, and alone until 2020-08-27


class Lines(Page, frozen=True, kw_only=True):
    data: tuple[Line, ...]


class SubscriptionDetails(Wire, frozen=True):
    subscription: Ref | None = None


class Parent(Wire, frozen=True):
    subscription_details: SubscriptionDetails | None = None


class PaymentTransitions(Wire, frozen=True):
    paid_at: Time | None = None


class AppliedPayment(Wire, frozen=True):
    payment_intent: Ref | None = None
    charge: Ref | None = None
    payment_record: Ref | None = None


class InvoicePayment(Wire, frozen=True):
    id: Id
    invoice: Ref
    currency: Currency
    created: Time
    payment: AppliedPayment
    amount_paid: Amount | None = None  # until it is paid
    status: str | None = None
    status_transitions: PaymentTransitions | None = None


class InvoicePayments(Page, frozen=True, kw_only=True):
    data: tuple[InvoicePayment, ...]


class Address(Wire, frozen=True):
    country: str | None = None


class Shipping(Wire, frozen=True):
    address: Address | None = None


class StatusTransitions(Wire, frozen=True):
    finalized_at: Time | None = None
    paid_at: Time | None = None
    voided_at: Time | None = None
    marked_uncollectible_at: Time | None = None


class Invoice(Wire, frozen=True):
    """A customer's balance is below 0 where the customer has credit. Until 2025-03-31, what was paid out of
    band (and only said to be) stood neither in `amount_paid` nor off `amount_remaining`."""

    id: Id
    currency: Currency
    created: Time
    total: Amount
    amount_due: Amount
    amount_paid: Amount
    amount_remaining: Amount
    status_transitions: StatusTransitions
    status: str | None = None
    paid: bool | None = None  # until 2025-03-31
    starting_balance: Amount = 0
    ending_balance: Amount | None = None
    pre_payment_credit_notes_amount: Amount = 0
    amount_paid_off_stripe: Amount | None = None  # since 2026-05-27
    amount_overpaid: Amount = 0
    paid_out_of_band: bool | None = None  # until 2025-03-31
    total_taxes: tuple[Tax, ...] | None = None
    total_tax_amounts: tuple[Tax, ...] | None = None  # until 2025-03-31
    tax: Amount | None = None  # until 2025-03-31: their sum
    default_tax_rates: tuple[AnyRate, ...] | None = None
    customer: Ref | None = None
    customer_address: Address | None = None
    customer_shipping: Shipping | None = None
    number: str | None = None
    due_date: Time | None = None
    parent: Parent | None = None
    subscription: Ref | None = None  # until 2025-03-31
    lines: Lines | None = None
    payments: InvoicePayments | None = None  # since 2025-03-31, and only where it was asked for
