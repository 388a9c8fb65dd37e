"""The posting table: which accounts does a fact debit and credit?

A rule uses its own fact only, never whether another fact exists: what needs a second fact waits on a
clearing account until that fact clears it. So facts in any order give the same balances. Movements are made
when the fact is recorded and are stored with it: a rule changed tomorrow leaves last year's books alone."""

from collections.abc import Callable
from operator import attrgetter

from msgspec import Struct

from ledgerstone.ledger import (
    credit_notes,
    customer_balances,
    invoices,
    payments,
    payouts,
    platform,
    reserves,
    topups,
)
from ledgerstone.ledger.fact import Fact


class Movement(Struct, frozen=True, array_like=True, gc=False):
    """`amount` (minor units, above 0) of `currency` goes into the debit account and out of the credit
    account; the subjects say whose: `receivable` of `in_1`. It cannot be unbalanced."""

    debit: str
    debit_of: str
    credit: str
    credit_of: str
    amount: int
    currency: str


class Rule(Struct, frozen=True):
    """One line of the table: `account:field` of the fact on each side, and the field that holds the amount.
    A negative amount swaps the sides, a zero moves nothing."""

    debit: str
    credit: str
    amount: str


# fmt: off
TABLE: dict[type[Fact], tuple[Rule, ...]] = {
    invoices.InvoiceIssued: (
        Rule("receivable:invoice",          "deferred_revenue:invoice",  "net"),
        Rule("receivable:invoice",          "tax:invoice",               "tax"),
        Rule("customer_credit:customer",    "receivable:invoice",        "from_balance"),
    ),
    invoices.InvoiceVoided: (
        Rule("to_allocate:invoice",         "receivable:invoice",        "open"),
        Rule("receivable:invoice",          "customer_credit:customer",  "to_balance"),
    ),
    invoices.InvoiceWrittenOff: (
        Rule("bad_debt:invoice",            "doubtful:invoice",          "open"),
    ),
    invoices.InvoiceOverpaid: (
        Rule("receivable:invoice",          "customer_credit:customer",  "amount"),
    ),
    credit_notes.CreditNoteIssued: (  # `refunded` is left to the refunds themselves
        Rule("to_allocate:invoice",         "receivable:invoice",        "before_payment"),
        Rule("to_allocate:invoice",         "customer_credit:customer",  "to_balance"),
        Rule("to_allocate:invoice",         "paid_elsewhere:invoice",    "elsewhere"),
    ),
    credit_notes.CreditNoteVoided: (
        Rule("receivable:invoice",          "to_allocate:invoice",       "before_payment"),
        Rule("customer_credit:customer",    "to_allocate:invoice",       "to_balance"),
        Rule("paid_elsewhere:invoice",      "to_allocate:invoice",       "elsewhere"),
    ),
    customer_balances.CustomerCashChanged: (
        Rule("customer_cash_held:customer", "customer_cash:customer",    "amount"),
    ),
    customer_balances.CustomerCashTransferred: (
        Rule("stripe_uncleared:transaction", "customer_cash_held:customer", "amount"),
    ),
    payments.PaymentReceived: (
        Rule("stripe_uncleared:charge",     "unapplied_card:payment",    "amount"),
    ),
    payments.PaymentApplied: (
        Rule("unapplied_card:payment",      "receivable:invoice",        "amount"),
    ),
    payments.PaidElsewhere: (
        Rule("paid_elsewhere:invoice",      "receivable:invoice",        "amount"),
    ),
    payments.RefundRequested: (
        Rule("to_allocate:payment",         "refunds_payable:refund",    "amount"),
    ),
    payments.RefundSettled: (
        Rule("refunds_payable:refund",      "stripe_uncleared:refund",   "amount"),
    ),
    payments.RefundFailed: (
        Rule("refunds_payable:refund",      "to_allocate:payment",       "amount"),
        Rule("stripe_uncleared:refund",     "refunds_payable:refund",    "returned"),
    ),
    payments.DisputeOpened: (),
    payments.DisputeFundsWithdrawn: (
        Rule("disputed:dispute",            "stripe_uncleared:dispute",  "amount"),
    ),
    payments.DisputeFundsReinstated: (
        Rule("stripe_uncleared:dispute",    "disputed:dispute",          "amount"),
    ),
    payments.DisputeLost: (
        Rule("to_allocate:payment",         "disputed:dispute",          "amount"),
    ),
    payouts.PayoutSent: (
        Rule("payouts_in_transit:payout",   "stripe_uncleared:payout",   "amount"),
    ),
    payouts.PayoutFailed: (
        Rule("stripe_uncleared:payout",     "payouts_in_transit:payout", "amount"),
    ),
    topups.TopUpStarted: (),
    topups.TopUpReceived: (
        Rule("stripe_uncleared:top_up",     "top_ups_in_transit:top_up", "amount"),
    ),
    topups.TopUpFailed: (),
    topups.TopUpReversed: (
        Rule("top_ups_in_transit:top_up",   "stripe_uncleared:top_up",   "amount"),
    ),
    reserves.ReserveHeld: (
        Rule("reserved:hold",               "stripe_uncleared:hold",     "amount"),
    ),
    reserves.ReserveReleased: (
        Rule("stripe_uncleared:release",    "reserved:hold",             "amount"),
    ),
    platform.PlatformFeeEarned: (
        Rule("stripe_uncleared:fee",        "platform_fees:fee",         "amount"),
    ),
    platform.PlatformFeeRefunded: (
        Rule("platform_fees:fee",           "stripe_uncleared:refund",   "amount"),
    ),
    platform.ConnectedTransferMade: (
        Rule("passed_on:transfer",          "stripe_uncleared:transfer", "amount"),
    ),
    platform.ConnectedTransferReversed: (
        Rule("stripe_uncleared:reversal",   "passed_on:transfer",        "amount"),
    ),
}
# fmt: on


def movements(fact: Fact) -> tuple[Movement, ...]:
    """What a fact moves, from its own fields and nothing else; facts outside the table move nothing."""
    rules = _COMPILED.get(type(fact))
    return tuple(move for rule in rules for move in rule(fact)) if rules else ()


def _compiled(rule: Rule) -> Callable[[Fact], tuple[Movement, ...]]:
    debit, debit_of = rule.debit.split(":")
    credit, credit_of = rule.credit.split(":")
    read = attrgetter(rule.amount, debit_of, credit_of, "currency")

    def moved(fact: Fact) -> tuple[Movement, ...]:
        amount, debtor, creditor, currency = read(fact)
        if amount > 0:
            return (Movement(debit, debtor or "", credit, creditor or "", amount, currency),)
        if amount < 0:
            return (Movement(credit, creditor or "", debit, debtor or "", -amount, currency),)
        return ()

    return moved


_COMPILED = {fact: tuple(_compiled(rule) for rule in rules) for fact, rules in TABLE.items() if rules}
