"""Customers, their cards, and the checkout they came through."""

from ledgerstone.demo.records import Address, Card, Customer, Invoice, Subscription
from ledgerstone.demo.stripe_shapes.catalogue import discount
from ledgerstone.demo.stripe_shapes.envelope import Json


def address(it: Address) -> Json:
    return {
        "city": it.city,
        "country": it.country,
        "line1": it.line1,
        "line2": None,
        "postal_code": it.postal_code,
        "state": None,
    }


def customer(it: Customer, livemode: bool) -> Json:
    said = {
        "id": it.id,
        "object": "customer",
        "address": address(it.address),
        "balance": it.balance,
        "created": it.created,
        "currency": it.currency if it.billed else None,
        "customer_account": None,
        "default_source": None,
        "delinquent": it.delinquent,
        "description": None,
        "discount": None if it.discount is None else discount(it.discount, livemode),
        "email": it.email,
        "invoice_prefix": it.prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": it.card.id if it.card else None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": livemode,
        "metadata": {"tenant_id": it.tenant_id} if it.tenant_id else {},
        "name": it.name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    return {**said, "deleted": True} if it.deleted else said


def billing_details(name: str, email: str, at: Address) -> Json:
    return {"address": address(at), "email": email, "name": name, "phone": None, "tax_id": None}


def payment_method(it: Card, owner: Customer, livemode: bool) -> Json:
    return {
        "id": it.id,
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing_details(owner.name, owner.email, owner.address),
        "card": {
            "brand": it.brand,
            "checks": {
                "address_line1_check": "pass",
                "address_postal_code_check": "pass",
                "cvc_check": "pass",
            },
            "country": owner.address.country,
            "display_brand": it.brand,
            "exp_month": 8,
            "exp_year": 2031,
            "fingerprint": it.id[-16:],
            "funding": "credit",
            "generated_from": None,
            "last4": it.last4,
            "networks": {"available": [it.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": it.created,
        "customer": owner.id,
        "customer_account": None,
        "livemode": livemode,
        "metadata": {},
        "type": "card",
    }


def checkout_session(id: str, sub: Subscription, first: Invoice, livemode: bool) -> Json:
    """A finished checkout in subscription mode."""
    owner = sub.customer
    return {
        "id": id,
        "object": "checkout.session",
        "amount_subtotal": first.subtotal,
        "amount_total": first.total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": None,
        "client_reference_id": owner.tenant_id,
        "created": sub.created - 240,
        "currency": sub.currency,
        "custom_fields": [],
        "customer": owner.id,
        "customer_account": None,
        "customer_details": {"email": owner.email, "name": owner.name, "tax_exempt": "none", "tax_ids": []},
        "expires_at": sub.created + 86_160,
        "invoice": first.id,
        "livemode": livemode,
        "locale": None,
        "metadata": {},
        "mode": "subscription",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "paid" if first.total else "no_payment_required",
        "status": "complete",
        "subscription": sub.id,
        "success_url": "https://app.example.com/welcome",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": first.tax},
        "url": None,
    }
