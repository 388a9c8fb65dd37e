"""The chart of accounts: each account's normal side, its meaning in one line, its BAS number.

The numbers are those of the Swedish BAS chart; they are a mapping for exports, not part of any rule."""

from typing import Literal

from msgspec import Struct


class Account(Struct, frozen=True):
    """One account of the chart."""

    normal: Literal["debit", "credit"]
    meaning: str
    bas: int


CHART: dict[str, Account] = {
    "receivable": Account("debit", "invoices issued and not paid yet", 1510),
    "doubtful": Account("credit", "allowance for invoices that were written off", 1515),
    "stripe_balance": Account("debit", "what Stripe says that it holds for us", 1580),
    "disputed": Account("debit", "withdrawn by the customer's bank, not decided", 1581),
    "stripe_uncleared": Account("debit", "received by Stripe, not in its balance transactions yet", 1585),
    "payouts_in_transit": Account("debit", "sent by Stripe, not on our bank account yet", 1590),
    "customer_credit": Account("credit", "credit that customers may use on later invoices", 2420),
    "refunds_payable": Account("credit", "refunds promised and not settled", 2440),
    "tax": Account("credit", "sales tax and VAT that we owe", 2611),
    "deferred_revenue": Account("credit", "invoiced and not earned yet", 2970),
    "unapplied_card": Account("credit", "card money not assigned to an invoice", 2998),
    "to_allocate": Account("debit", "reductions that the period close divides", 3739),
    "bad_debt": Account("debit", "invoices that will not be paid", 6351),
}
