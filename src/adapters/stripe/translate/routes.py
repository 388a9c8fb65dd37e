"""Who reads which event? Types that stand nowhere here are kept as evidence and tell no facts: `kept` says
why."""

from collections.abc import Callable, Iterable

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate import (
    balance,
    balance_transactions,
    catalogue,
    connect,
    credit_notes,
    customer_cash,
    customers,
    discounts,
    disputes,
    invoices,
    payments,
    payouts,
    platform,
    reversals,
    schedules,
    subscriptions,
)
from ledgerstone.adapters.stripe.translate.reading import Told

Reader = Callable[[Envelope], Iterable[Told]]


def _each(subject: str, verbs: str, reader: Reader) -> dict[str, Reader]:
    return {f"{subject}.{verb}": reader for verb in verbs.split()}


ROUTES: dict[str, Reader] = {
    **_each("product", "created updated deleted", catalogue.product_told),
    **_each("price", "created updated deleted", catalogue.price_told),
    **_each("coupon", "created updated deleted", discounts.coupon_told),
    **_each("customer", "created updated deleted", customers.told),
    **_each("customer.discount", "created updated deleted", discounts.discount_told),
    **_each(
        "customer.subscription",
        "created updated deleted paused resumed trial_will_end pending_update_applied pending_update_expired",
        subscriptions.told,
    ),
    **_each(
        "subscription_schedule",
        "created updated released canceled completed aborted expiring",
        schedules.told,
    ),
    **_each(
        "invoice",
        "created updated deleted finalized finalization_failed sent will_be_due overdue paid overpaid voided "
        "marked_uncollectible payment_succeeded payment_failed payment_action_required "
        "payment_attempt_required",
        invoices.told,
    ),
    **_each("invoice_payment", "paid", invoices.payment_told),
    **_each("credit_note", "created updated voided", credit_notes.told),
    **_each("customer_cash_balance_transaction", "created", customer_cash.told),
    **_each(
        "payment_intent",
        "created processing requires_action amount_capturable_updated partially_funded payment_failed "
        "succeeded canceled",
        payments.intent_told,
    ),
    **_each("charge", "pending succeeded captured updated failed expired", payments.charge_told),
    **_each("refund", "created updated failed", reversals.refund_told),
    **_each("charge", "refunded", reversals.refunds_told),
    **_each("charge.refund", "updated", reversals.refund_told),
    **_each("charge.dispute", "created updated closed funds_withdrawn funds_reinstated", disputes.told),
    **_each("account", "updated", connect.account_told),
    **_each("account.application", "authorized deauthorized", connect.application_told),
    **_each("capability", "updated", connect.capability_told),
    **_each("payout", "created updated paid failed canceled reconciliation_completed", payouts.told),
    **_each("topup", "created succeeded failed canceled reversed", balance.topup_told),
    **_each("reserve.hold", "created updated", balance.hold_told),
    **_each("reserve.release", "created", balance.release_told),
    **_each("application_fee", "created refunded", platform.fee_told),
    **_each("application_fee.refund", "updated", platform.fee_refund_told),
    **_each("transfer", "created updated reversed", platform.transfer_told),
}

LISTED: dict[str, Reader] = {"balance_transaction": balance_transactions.told}
"""What only lists show, by the kind of object: no event tells of it."""
