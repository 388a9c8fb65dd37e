"""The business's own books: what it knows of customers, subscriptions, invoices and payments."""

from typing import Literal

from msgspec import Struct

from ledgerstone.demo.catalogue import Coupon, Offer, Price, TaxRate

Behavior = Literal["void", "keep_as_draft", "mark_uncollectible"]


class Address(Struct, frozen=True):
    """Where a customer is."""

    country: str
    city: str
    line1: str
    postal_code: str


class Card(Struct, frozen=True, eq=False):
    """A customer's payment method."""

    id: str
    brand: str
    last4: str
    created: int


class Discount(Struct, eq=False):
    """A coupon given to a customer, a subscription or one item, from `start` until `end` (None: no end)."""

    id: str
    coupon: Coupon
    customer: str
    start: int
    end: int | None
    subscription: str | None = None
    item: str | None = None


class Customer(Struct, eq=False):
    """A paying organisation, or one of several that share a tenant."""

    id: str
    created: int
    name: str
    email: str
    address: Address
    currency: str
    tenant_id: str | None
    prefix: str
    card: Card | None = None
    billed: bool = False
    discount: Discount | None = None
    balance: int = 0  # below 0: we owe the customer
    delinquent: bool = False
    deleted: bool = False
    invoices: int = 0
    subscriptions: list["Subscription"] = []

    @property
    def tenant(self) -> str:
        return self.tenant_id or self.id


class Item(Struct, frozen=True, eq=False):
    """One price on a subscription; no quantity if metered."""

    id: str
    price: Price
    quantity: int | None
    created: int
    discounts: tuple[Discount, ...] = ()


class Pause(Struct, frozen=True):
    """Collection is paused: the subscription goes on, its invoices are not collected."""

    behavior: Behavior
    resumes_at: int | None


class Cancellation(Struct, frozen=True):
    """Why a subscription ended, or will."""

    reason: str | None = None
    feedback: str | None = None
    comment: str | None = None


class Subscription(Struct, eq=False):
    """A customer's agreement to be billed for items every period."""

    id: str
    customer: Customer
    offer: Offer
    items: tuple[Item, ...]
    status: str
    created: int
    anchor: int
    period_start: int
    period_end: int
    cycles: int = 0  # whole periods between the anchor and period_start
    discounts: tuple[Discount, ...] = ()
    trial_start: int | None = None
    trial_end: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation: Cancellation = Cancellation()
    pause: Pause | None = None
    paused_at: int | None = None
    latest_invoice: str | None = None
    tax_rate: TaxRate | None = None
    bills: list["Invoice"] = []
    pending: tuple["Line", ...] = ()  # prorations that wait for the next invoice

    @property
    def currency(self) -> str:
        return self.customer.currency


class Line(Struct, frozen=True, eq=False):
    """One line of an invoice, in minor units; `amount` is before discounts and tax."""

    id: str
    description: str
    amount: int
    quantity: int
    price: Price
    item: str
    subscription: str
    start: int
    end: int
    invoice_item: str | None = None  # set on prorations
    discounts: tuple[tuple[Discount, int], ...] = ()
    tax: int = 0

    @property
    def net(self) -> int:
        return self.amount - sum(amount for _, amount in self.discounts)


class Invoice(Struct, eq=False):
    """A bill, in minor units. What it says of the customer is as it was when the bill was made."""

    id: str
    customer: Customer
    subscription: Subscription
    lines: tuple[Line, ...]
    reason: str
    created: int
    period_start: int
    period_end: int
    address: Address
    tax_rate: TaxRate | None
    discounts: tuple[Discount, ...]
    subtotal: int
    tax: int
    total: int
    amount_due: int
    status: str = "draft"
    number: str | None = None
    starting_balance: int = 0
    ending_balance: int | None = None
    amount_paid: int = 0
    overpaid: int = 0
    credited_before: int = 0
    credited_after: int = 0
    attempts: int = 0
    next_attempt: int | None = None
    auto_advance: bool = True
    due_date: int | None = None
    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None
    intent: "Intent | None" = None
    payments: list["Payment"] = []

    @property
    def currency(self) -> str:
        return self.customer.currency

    @property
    def amount_remaining(self) -> int:
        return max(0, self.amount_due - self.amount_paid)


class Intent(Struct, eq=False):
    """Our wish to be paid so much for an invoice; each try is a Payment."""

    id: str
    invoice: Invoice
    amount: int
    created: int
    by_bank: bool = False
    status: str = "requires_confirmation"
    latest: "Payment | None" = None


class Payment(Struct, eq=False):
    """One try to take money (Stripe's charge), and what became of the money."""

    id: str
    intent: Intent
    amount: int
    created: int
    status: Literal["succeeded", "failed"]
    card: Card | None
    transaction: str | None
    failure: str | None = None
    refunded: int = 0
    disputed: int = 0  # money taken back by a dispute and not given again
    contested: bool = False  # Stripe's `disputed`: there is or was a dispute, inquiries included
    claimed: bool = False  # a refund or a dispute is under way or done: one payment has only one such story

    @property
    def invoice(self) -> Invoice:
        return self.intent.invoice

    @property
    def currency(self) -> str:
        return self.invoice.currency


class Refund(Struct, eq=False):
    """Money on its way back to a customer."""

    id: str
    payment: Payment
    amount: int
    created: int
    reason: str
    transaction: str
    status: str = "pending"
    failure_transaction: str | None = None


class Transaction(Struct, frozen=True, eq=False):
    """One movement of our balance at Stripe, in minor units."""

    id: str
    amount: int
    fee: int
    currency: str
    created: int
    source: str
    type: str
    category: str
    description: str | None = None

    @property
    def net(self) -> int:
        return self.amount - self.fee


class Dispute(Struct, eq=False):
    """A customer's bank asks for the money (or, an inquiry, only for reasons)."""

    id: str
    payment: Payment
    created: int
    reason: str
    status: str
    transactions: tuple[Transaction, ...] = ()
    submitted: int = 0


class CreditNote(Struct, frozen=True, eq=False):
    """A bill made smaller: before it was paid, or after, with a refund."""

    id: str
    number: str
    invoice: Invoice
    amount: int
    tax: int
    created: int
    refund: Refund | None


class Payout(Struct, eq=False):
    """Money sent from Stripe to our bank."""

    id: str
    amount: int
    currency: str
    created: int
    arrival: int
    transaction: str
    status: str = "pending"
    reconciliation: str = "in_progress"
    failure_transaction: str | None = None
