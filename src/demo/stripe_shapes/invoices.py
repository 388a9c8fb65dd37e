"""Invoices, their lines, the payments that were applied to them, and credit notes."""

from collections import Counter

from ledgerstone.demo.catalogue import TaxRate
from ledgerstone.demo.records import CreditNote, Discount, Invoice, Line, Payment
from ledgerstone.demo.stripe_shapes.customers import address
from ledgerstone.demo.stripe_shapes.envelope import Json, listed


def taxes(amount: int, taxable: int, rate: TaxRate | None) -> list[Json]:
    if rate is None:
        return []
    return [
        {
            "amount": amount,
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": rate.id},
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
    ]


def line(it: Line, invoice: Invoice, livemode: bool) -> Json:
    return {
        "id": it.id,
        "object": "line_item",
        "amount": it.amount,
        "currency": invoice.currency,
        "description": it.description,
        "discount_amounts": [{"amount": amount, "discount": each.id} for each, amount in it.discounts],
        "discountable": it.invoice_item is None,
        "discounts": [each.id for each, _ in it.discounts if each.item],
        "invoice": invoice.id,
        "livemode": livemode,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": it.invoice_item,
                "proration": it.invoice_item is not None,
                "proration_details": {"credited_items": None},
                "subscription": it.subscription,
                "subscription_item": it.item,
            },
            "type": "subscription_item_details",
        },
        "period": {"end": it.end, "start": it.start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": it.price.id, "product": it.price.product},
            "type": "price_details",
            "unit_amount_decimal": it.price.unit,
        },
        "quantity": it.quantity,
        "quantity_decimal": str(it.quantity),
        "subscription": it.subscription,
        "subtotal": it.amount,
        "taxes": taxes(it.tax, it.net, invoice.tax_rate),
    }


def discount_totals(it: Invoice) -> list[Json]:
    totals: Counter[Discount] = Counter()
    for each in it.lines:
        totals.update(dict(each.discounts))
    return [{"amount": amount, "discount": discount.id} for discount, amount in totals.items()]


def invoice(it: Invoice, livemode: bool) -> Json:
    net = it.total - it.tax
    return {
        "id": it.id,
        "object": "invoice",
        "account_country": "SE",
        "account_name": "Northwind Metrics AB",
        "account_tax_ids": None,
        "amount_due": it.amount_due,
        "amount_overpaid": it.overpaid,
        "amount_paid": it.amount_paid,
        "amount_paid_off_stripe": 0,
        "amount_remaining": it.amount_remaining,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": it.attempts,
        "attempted": it.attempts > 0 or it.status == "paid",
        "auto_advance": it.auto_advance and it.status in ("draft", "open"),
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": it.created + 3600 if it.status == "draft" and it.auto_advance else None,
        "billing_reason": it.reason,
        "collection_method": "send_invoice" if it.due_date is not None else "charge_automatically",
        "created": it.created,
        "currency": it.currency,
        "custom_fields": None,
        "customer": it.customer.id,
        "customer_account": None,
        "customer_address": address(it.address),
        "customer_email": it.customer.email,
        "customer_name": it.customer.name,
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [each.id for each in it.discounts],
        "due_date": it.due_date,
        "effective_at": it.finalized_at,
        "ending_balance": it.ending_balance,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{it.id}" if it.finalized_at else None,
        "invoice_pdf": f"https://pay.stripe.com/invoice/{it.id}/pdf" if it.finalized_at else None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": listed([line(each, it, livemode) for each in it.lines], f"/v1/invoices/{it.id}/lines"),
        "livemode": livemode,
        "metadata": {},
        "next_payment_attempt": it.next_attempt,
        "number": it.number,
        "on_behalf_of": None,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": it.subscription.id},
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": it.period_end,
        "period_start": it.period_start,
        "post_payment_credit_notes_amount": it.credited_after,
        "pre_payment_credit_notes_amount": it.credited_before,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": it.starting_balance,
        "statement_descriptor": None,
        "status": it.status,
        "status_details": status_details(it),
        "status_transitions": {
            "finalized_at": it.finalized_at,
            "marked_uncollectible_at": it.uncollectible_at,
            "paid_at": it.paid_at,
            "voided_at": it.voided_at,
        },
        "subtotal": it.subtotal,
        "subtotal_excluding_tax": it.subtotal,
        "test_clock": None,
        "total": it.total,
        "total_discount_amounts": discount_totals(it),
        "total_excluding_tax": net,
        "total_pretax_credit_amounts": [],
        "total_taxes": taxes(it.tax, net, it.tax_rate),
        "webhooks_delivered_at": it.created if it.finalized_at else None,
    }


def status_details(it: Invoice) -> Json | None:
    if it.uncollectible_at is None:
        return None
    return {"uncollectible": {"reason": "max_payment_attempts"}}


def upcoming(it: Invoice, livemode: bool) -> Json:
    """A preview: no invoice of this id will ever exist."""
    return {**invoice(it, livemode), "id": f"upcoming_{it.id}", "automatically_finalizes_at": None}


def invoice_item(it: Line, owner: str, currency: str, tax_rate: TaxRate | None, livemode: bool) -> Json:
    """A proration that waits for the next invoice."""
    return {
        "id": it.invoice_item,
        "object": "invoiceitem",
        "amount": it.amount,
        "currency": currency,
        "customer": owner,
        "customer_account": None,
        "date": it.start,
        "description": it.description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": livemode,
        "metadata": {},
        "net_amount": it.amount,
        "parent": {
            "subscription_details": {"subscription": it.subscription, "subscription_item": it.item},
            "type": "subscription_details",
        },
        "period": {"end": it.end, "start": it.start},
        "pricing": {
            "price_details": {"price": it.price.id, "product": it.price.product},
            "type": "price_details",
            "unit_amount_decimal": it.price.unit,
        },
        "proration": True,
        "quantity": it.quantity,
        "quantity_decimal": str(it.quantity),
        "tax_rates": [tax_rate.id] if tax_rate else [],
        "test_clock": None,
    }


def invoice_payment(id: str, it: Payment, default: bool, livemode: bool) -> Json:
    """The link between an invoice and the payment intent that paid it."""
    return {
        "id": id,
        "object": "invoice_payment",
        "amount_paid": it.amount,
        "amount_requested": it.amount,
        "created": it.intent.created,
        "currency": it.currency,
        "invoice": it.invoice.id,
        "is_default": default,
        "livemode": livemode,
        "payment": {"payment_intent": it.intent.id, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": it.created},
    }


def credit_note(it: CreditNote, livemode: bool) -> Json:
    """One custom line; after payment it names the refund that gave the money back."""
    net = it.amount - it.tax
    refund = it.refund
    custom = {
        "id": f"cnli_{it.id[3:]}",
        "object": "credit_note_line_item",
        "amount": net,
        "description": "Goodwill",
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": livemode,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": taxes(it.tax, net, it.invoice.tax_rate),
        "type": "custom_line_item",
        "unit_amount": net,
        "unit_amount_decimal": str(net),
    }
    return {
        "id": it.id,
        "object": "credit_note",
        "amount": it.amount,
        "amount_shipping": 0,
        "created": it.created,
        "currency": it.invoice.currency,
        "customer": it.invoice.customer.id,
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": it.created,
        "invoice": it.invoice.id,
        "lines": listed([custom], f"/v1/credit_notes/{it.id}/lines"),
        "livemode": livemode,
        "memo": None,
        "metadata": {},
        "number": it.number,
        "out_of_band_amount": None,
        "pdf": f"https://pay.stripe.com/credit_notes/{it.id}/pdf",
        "post_payment_amount": it.amount if refund else 0,
        "pre_payment_amount": 0 if refund else it.amount,
        "pretax_credit_amounts": [],
        "reason": "product_unsatisfactory" if refund else "order_change",
        "refunds": [{"amount_refunded": it.amount, "refund": refund.id, "type": "refund"}] if refund else [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": net,
        "subtotal_excluding_tax": net,
        "total": it.amount,
        "total_excluding_tax": net,
        "total_taxes": taxes(it.tax, net, it.invoice.tax_rate),
        "type": "post_payment" if refund else "pre_payment",
        "voided_at": None,
    }
