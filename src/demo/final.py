"""What the business knows when the history is over: its figures, and the last state of everything."""

from ledgerstone.demo.clock import iso
from ledgerstone.demo.records import Customer, Invoice, Payment, Subscription
from ledgerstone.demo.truth import Row, Truth


def settlement(invoice: Invoice) -> str:
    """What became of the bill's money. A dispute that is open or lost outweighs all else."""
    refunded = sum(each.refunded for each in invoice.payments)
    if any(each.disputed for each in invoice.payments):
        return "disputed"
    if refunded:
        return "refunded" if refunded >= invoice.amount_paid else "partially_refunded"
    if invoice.overpaid:
        return "overpaid"
    if invoice.status == "paid":
        return "paid"
    return "partially_paid" if invoice.amount_paid else "unpaid"


def invoice_row(it: Invoice) -> Row:
    return {
        "id": it.id,
        "number": it.number,
        "customer": it.customer.id,
        "tenant": it.customer.tenant,
        "subscription": it.subscription.id,
        "currency": it.currency,
        "total": it.total,
        "tax": it.tax,
        "amount_due": it.amount_due,
        "amount_paid": it.amount_paid,
        "amount_remaining": it.amount_remaining,
        "status": it.status,
        "settlement": settlement(it),
        "due_at": iso(it.due_date),
        "finalized_at": iso(it.finalized_at),
        "paid_at": iso(it.paid_at),
    }


def payment_row(it: Payment) -> Row:
    return {
        "id": it.id,
        "payment_intent": it.intent.id,
        "customer": it.invoice.customer.id,
        "invoice": it.invoice.id,
        "currency": it.currency,
        "amount": it.amount,
        "refunded": it.refunded,
        "disputed": it.disputed,
        "status": it.status,
        "method": "card" if it.card else "customer_balance",
        "at": iso(it.created),
    }


def subscription_row(it: Subscription, mrr: list[int], end: int) -> Row:
    items = [
        {"id": i.id, "plan": i.price.product, "price": i.price.id, "quantity": i.quantity, "mrr": amount}
        for i, amount in zip(it.items, mrr or [0] * len(it.items), strict=True)
    ]
    return {
        "id": it.id,
        "customer": it.customer.id,
        "tenant": it.customer.tenant,
        "status": it.status,
        "collection_paused": it.pause is not None,
        "currency": it.currency,
        "mrr": sum(mrr),
        "items": items,
        "started_at": iso(it.created),
        "trial_end": iso(it.trial_end),
        "cancel_at": iso(it.period_end) if it.cancel_at_period_end else None,
        "ended_at": iso(it.ended_at),
        "reason": it.cancellation.reason,
    }


def customer_row(it: Customer) -> Row:
    return {
        "id": it.id,
        "tenant": it.tenant,
        "country": it.address.country,
        "currency": it.currency,
        "balance": it.balance,
        "deleted": it.deleted,
    }


def final(truth: Truth, told: int) -> Row:
    """Everything at the first instant after the history, of which so many events were told."""
    world = truth.world
    return {
        "policy": "standard_v1",
        "seed": world.seed,
        "start": iso(world.start),
        "as_of": iso(world.end),
        "livemode": world.livemode,
        "events": told,
        **truth.tables,
        "movements": truth.movements,
        "daily": truth.daily,
        "customers": [customer_row(each) for each in world.customers],
        "subscriptions": [subscription_row(s, truth.mrr.get(s, []), world.end) for s in world.subscriptions],
        "invoices": [invoice_row(each) for each in world.invoices],
        "payments": [payment_row(each) for each in world.payments],
        "refunds": [
            {
                "id": r.id,
                "payment": r.payment.id,
                "currency": r.payment.currency,
                "amount": r.amount,
                "status": r.status,
            }
            for r in world.refunds
        ],
        "disputes": [
            {
                "id": d.id,
                "payment": d.payment.id,
                "currency": d.payment.currency,
                "amount": d.payment.amount,
                "status": d.status,
            }
            for d in world.disputes
        ],
        "payouts": [
            {"id": p.id, "currency": p.currency, "amount": p.amount, "status": p.status}
            for p in world.payouts
        ],
        "credit_notes": [
            {"id": n.id, "invoice": n.invoice.id, "currency": n.invoice.currency, "amount": n.amount}
            for n in world.credit_notes
        ],
        "stripe_balance": dict(world.balance),
    }
