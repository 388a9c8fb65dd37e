"""The posting table: which accounts does a fact debit and credit?

A rule uses its own fact only, never whether another fact exists: what needs a second fact waits on a
clearing account until that fact clears it. So facts in any order give the same balances. Movements are made
when the fact is recorded and are stored with it: a rule changed tomorrow leaves last year's books alone."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger import (
    balance_transactions,
    credit_notes,
    customer_balances,
    invoices,
    payments,
    payouts,
    periods,
    platform,
    reserves,
    topups,
    transfers,
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
    """One line of the table: `account:field` of the fact on each side, and the fields that hold the amount
    and its currency. A negative amount swaps the sides, a zero moves nothing. `shares.amount` is that of each
    of the fact's `shares`, and `shares.account` the account that each is for; a rule counts only `where` a
    field is as it says, if it says so."""

    debit: str
    credit: str
    amount: str
    currency: str = "currency"
    where: str = ""


# fmt: off
TABLE: dict[type[Fact], tuple[Rule, ...]] = {
    invoices.InvoiceIssued: (  # tax by rate, each on its account, and what is of no rate that was told
        Rule("receivable:invoice",          "deferred_revenue:invoice",  "net"),
        Rule("receivable:invoice",          "taxes.account:invoice",     "taxes.amount"),
        Rule("receivable:invoice",          "tax:invoice",               "untold_tax"),
        Rule("customer_credit:customer",    "receivable:invoice",        "from_balance"),
    ),
    invoices.InvoiceVoided: (
        Rule("to_allocate:invoice",         "receivable:invoice",        "open"),
        Rule("receivable:invoice",          "customer_credit:customer",  "to_balance"),
    ),
    invoices.InvoiceWrittenOff: (  # it is still owed, so that a later payment is one like any other
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
    payments.DisputeOpened: (),  # an inquiry moves no money
    payments.DisputeFundsWithdrawn: (
        Rule("disputed:dispute",            "stripe_uncleared:dispute",  "amount"),
    ),
    payments.DisputeFundsReinstated: (
        Rule("stripe_uncleared:dispute",    "disputed:dispute",          "amount"),
    ),
    payments.DisputeLost: (
        Rule("to_allocate:payment",         "disputed:dispute",          "amount"),
    ),
    payouts.PayoutSent: (  # and it is `sent` until it is on the bank account: a paid one can still fail
        Rule("payouts_in_transit:payout",   "stripe_uncleared:payout",   "amount"),
    ),
    payouts.PayoutFailed: (
        Rule("stripe_uncleared:payout",     "payouts_in_transit:payout", "amount"),
    ),
    balance_transactions.BalanceTransactionSeen: (
        Rule("stripe_balance:balance",      "stripe_uncleared:source",   "cleared"),
        Rule("stripe_balance:balance",      "fx_trading:source",         "exchanged"),
        Rule("fx_trading:source",           "stripe_uncleared:source",   "presented", "presented_currency"),
        Rule("processor_fees:source",       "stripe_balance:balance",    "fee"),
        Rule("dispute_fees:source",         "stripe_balance:balance",    "dispute_fee"),
        Rule("platform_fees_paid:source",   "stripe_balance:balance",    "platform_fee"),
    ),
    topups.TopUpStarted: (),  # nor does a wish
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
    transfers.TransferReceived: (
        Rule("bank:account",                "unapplied_bank:transfer",   "amount"),
    ),
    transfers.TransferAssigned: (
        Rule("unapplied_bank:transfer",       "receivable:invoices.of",        "invoices.amount"),
        Rule("unapplied_bank:transfer",       "paid_elsewhere:elsewhere.of",   "elsewhere.amount"),
        Rule("unapplied_bank:transfer",       "payouts_in_transit:payouts.of", "payouts.amount"),
        Rule("unapplied_bank:transfer",       "top_ups_in_transit:top_ups.of", "top_ups.amount"),
        Rule("unapplied_bank:transfer",       "refunds_payable:refunds.of",    "refunds.amount"),
        Rule("unapplied_bank:transfer",       "customer_credit:customer",      "to_credit"),
        Rule("unapplied_bank:transfer",       "rounding:transfer",             "rounding"),
        Rule("bank_fees:transfer",            "unapplied_bank:transfer",       "fee"),
    ),
    transfers.TransferUnassigned: (
        Rule("receivable:invoices.of",        "unapplied_bank:transfer",       "invoices.amount"),
        Rule("paid_elsewhere:elsewhere.of",   "unapplied_bank:transfer",       "elsewhere.amount"),
        Rule("payouts_in_transit:payouts.of", "unapplied_bank:transfer",       "payouts.amount"),
        Rule("top_ups_in_transit:top_ups.of", "unapplied_bank:transfer",       "top_ups.amount"),
        Rule("refunds_payable:refunds.of",    "unapplied_bank:transfer",       "refunds.amount"),
        Rule("customer_credit:customer",      "unapplied_bank:transfer",       "to_credit"),
        Rule("rounding:transfer",             "unapplied_bank:transfer",       "rounding"),
        Rule("unapplied_bank:transfer",       "bank_fees:transfer",            "fee"),
    ),
    transfers.TransferIgnored: (
        Rule("unapplied_bank:transfer", "owed_back:transfer",    "amount", where="reason=not_ours"),
        Rule("unapplied_bank:transfer", "own_accounts:transfer", "amount", where="reason=own_account"),
        Rule("unapplied_bank:transfer", "bank_fees:transfer",    "amount", where="reason=bank_fee"),
        Rule("unapplied_bank:transfer", "interest:transfer",     "amount", where="reason=interest"),
        Rule("unapplied_bank:transfer", "other_income:transfer", "amount", where="reason=other_income"),
    ),
    transfers.TransferReturned: (  # one that came, and one that went: both wait, and for each other
        Rule("unapplied_bank:transfer",     "unapplied_bank:by",         "amount"),
    ),
    periods.PeriodClosed: (
        Rule("deferred_revenue:earned.plan", "revenue:earned.plan", "earned.amount", "earned.currency"),
        Rule("refunds:returned.plan", "to_allocate:returned.plan", "returned.amount", "returned.currency"),
        Rule("disputes_lost:lost.plan", "to_allocate:lost.plan", "lost.amount", "lost.currency"),
        Rule("deferred_revenue:freed.plan", "to_allocate:freed.plan", "freed.amount", "freed.currency"),
        Rule("taxed.account:taxed.rate", "to_allocate:taxed.plan", "taxed.amount", "taxed.currency"),
        Rule("doubtful:recovered.plan", "bad_debt:recovered.plan", "recovered.amount", "recovered.currency"),
        Rule("relieved.account:relieved.rate", "bad_debt:period", "relieved.amount", "relieved.currency"),
        Rule("unapplied_card:theirs.plan", "passed_on:theirs.plan", "theirs.amount", "theirs.currency"),
        Rule("passed_on_costs:shared.plan", "passed_on:shared.plan", "shared.amount", "shared.currency"),
        Rule("fx_trading:period", "fx_gain:period", "fx_gained.amount", "fx_gained.currency"),
        Rule("fx_loss:period", "fx_trading:period", "fx_lost.amount", "fx_lost.currency"),
        Rule("fx_trading:period", "fx_unrealised_gain:period", "fx_risen.amount", "fx_risen.currency"),
        Rule("fx_unrealised_loss:period", "fx_trading:period", "fx_fallen.amount", "fx_fallen.currency"),
        Rule("fx_translation:period", "fx_trading:period", "fx_kept.amount", "fx_kept.currency"),
    ),
    periods.PeriodReopened: (
        Rule("revenue:earned.plan", "deferred_revenue:earned.plan", "earned.amount", "earned.currency"),
        Rule("to_allocate:returned.plan", "refunds:returned.plan", "returned.amount", "returned.currency"),
        Rule("to_allocate:lost.plan", "disputes_lost:lost.plan", "lost.amount", "lost.currency"),
        Rule("to_allocate:freed.plan", "deferred_revenue:freed.plan", "freed.amount", "freed.currency"),
        Rule("to_allocate:taxed.plan", "taxed.account:taxed.rate", "taxed.amount", "taxed.currency"),
        Rule("bad_debt:recovered.plan", "doubtful:recovered.plan", "recovered.amount", "recovered.currency"),
        Rule("bad_debt:period", "relieved.account:relieved.rate", "relieved.amount", "relieved.currency"),
        Rule("passed_on:theirs.plan", "unapplied_card:theirs.plan", "theirs.amount", "theirs.currency"),
        Rule("passed_on:shared.plan", "passed_on_costs:shared.plan", "shared.amount", "shared.currency"),
        Rule("fx_gain:period", "fx_trading:period", "fx_gained.amount", "fx_gained.currency"),
        Rule("fx_trading:period", "fx_loss:period", "fx_lost.amount", "fx_lost.currency"),
        Rule("fx_unrealised_gain:period", "fx_trading:period", "fx_risen.amount", "fx_risen.currency"),
        Rule("fx_trading:period", "fx_unrealised_loss:period", "fx_fallen.amount", "fx_fallen.currency"),
        Rule("fx_trading:period", "fx_translation:period", "fx_kept.amount", "fx_kept.currency"),
    ),
}
# fmt: on


def movements(fact: Fact) -> tuple[Movement, ...]:
    """What a fact moves, from its own fields and nothing else; facts outside the table move nothing."""
    rules = _COMPILED.get(type(fact))
    return tuple(move for rule in rules for move in rule(fact)) if rules else ()


def account(side: str, share: object = None) -> str:
    """The account on a side of a rule: the one that it names, or that which a share of the fact is for."""
    name = side.partition(":")[0]
    field = name.partition(".")[2]
    return str(getattr(share, field)) if field else name


Moved = Callable[[Fact], tuple[Movement, ...]]


def _compiled(rule: Rule) -> Moved:
    if rule.where:
        field, _, value = rule.where.partition("=")
        always = _compiled(replace(rule, where=""))
        return lambda fact: always(fact) if getattr(fact, field) == value else ()
    return _of_each(rule) if "." in rule.amount else _of_all(rule)


def _of_all(rule: Rule) -> Moved:
    debit, debit_of = rule.debit.split(":")
    credit, credit_of = rule.credit.split(":")
    read = attrgetter(rule.amount, debit_of, credit_of, rule.currency)

    def moved(fact: Fact) -> tuple[Movement, ...]:
        amount, debtor, creditor, currency = read(fact)
        return _moved(debit, debtor or "", credit, creditor or "", amount, currency)

    return moved


def _of_each(rule: Rule) -> Moved:
    """The rule for each of a fact's shares: what begins with their name is read from the share."""
    shares, subjects = rule.amount.partition(".")[0], (rule.debit.split(":")[1], rule.credit.split(":")[1])
    named = *subjects, rule.amount, rule.currency
    debtor, creditor, amount, currency = (_reader(name, shares) for name in named)

    def moved(fact: Fact) -> tuple[Movement, ...]:
        return tuple(
            move
            for share in getattr(fact, shares)
            for move in _moved(
                account(rule.debit, share),
                debtor(fact, share),
                account(rule.credit, share),
                creditor(fact, share),
                amount(fact, share),
                currency(fact, share),
            )
        )

    return moved


def _moved(
    debit: str, debtor: str, credit: str, creditor: str, amount: int, currency: str
) -> tuple[Movement, ...]:
    if amount > 0:
        return (Movement(debit, debtor, credit, creditor, amount, currency),)
    if amount < 0:
        return (Movement(credit, creditor, debit, debtor, -amount, currency),)
    return ()


def _reader(name: str, shares: str) -> Callable[[Fact, object], Any]:
    whose, _, field = name.rpartition(".")
    if whose == shares:
        return lambda fact, share: getattr(share, field)
    return lambda fact, share: getattr(fact, name)


_COMPILED = {fact: tuple(_compiled(rule) for rule in rules) for fact, rules in TABLE.items() if rules}
