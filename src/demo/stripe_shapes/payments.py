"""Payment intents, charges, refunds, disputes, payouts and our balance at Stripe."""

from ledgerstone.demo.clock import DAY
from ledgerstone.demo.records import Dispute, Intent, Payment, Payout, Refund, Transaction
from ledgerstone.demo.stripe_shapes.customers import billing_details
from ledgerstone.demo.stripe_shapes.envelope import Json


def payment_intent(it: Intent, livemode: bool) -> Json:
    """Without its invoice: since 2025 only `invoice_payment` knows it."""
    owner, paid = it.invoice.customer, it.status == "succeeded"
    last = it.latest
    return {
        "id": it.id,
        "object": "payment_intent",
        "amount": it.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": it.amount if paid else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "created": it.created,
        "currency": it.invoice.currency,
        "customer": owner.id,
        "customer_account": None,
        "description": "Subscription update"
        if it.invoice.reason.endswith("update")
        else "Subscription creation",
        "excluded_payment_method_types": None,
        "last_payment_error": failure(last) if last and last.failure else None,
        "latest_charge": last.id if last else None,
        "livemode": livemode,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": {"customer_reference": None, "order_reference": it.invoice.id},
        "payment_method": owner.card.id if owner.card and paid and not it.by_bank else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["customer_balance" if it.by_bank else "card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None if it.by_bank else "off_session",
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": it.status,
        "transfer_data": None,
        "transfer_group": None,
    }


def failure(it: Payment) -> Json:
    return {
        "charge": it.id,
        "code": "card_declined",
        "decline_code": it.failure,
        "doc_url": "https://stripe.com/docs/error-codes/card-declined",
        "message": "Your card was declined.",
        "type": "card_error",
    }


def charge(it: Payment, livemode: bool) -> Json:
    """Without its invoice, and without its refunds and fees: events never carry them."""
    invoice, good = it.invoice, it.status == "succeeded"
    return {
        "id": it.id,
        "object": "charge",
        "amount": it.amount,
        "amount_captured": it.amount if good else 0,
        "amount_refunded": it.refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": it.transaction,
        "billing_details": billing_details(invoice.customer.name, invoice.customer.email, invoice.address),
        "calculated_statement_descriptor": "NORTHWIND METRICS",
        "captured": good,
        "created": it.created,
        "currency": it.currency,
        "customer": invoice.customer.id,
        "description": "Subscription creation"
        if invoice.reason.endswith("create")
        else "Subscription update",
        "destination": None,
        "dispute": None,
        "disputed": it.contested,
        "failure_balance_transaction": None,
        "failure_code": None if good else "card_declined",
        "failure_message": None if good else "Your card was declined.",
        "fraud_details": {},
        "livemode": livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None if good else "try_again_later",
            "network_advice_code": None,
            "network_decline_code": None if good else "51",
            "network_status": "approved_by_network" if good else "declined_by_network",
            "reason": it.failure,
            "risk_level": "normal",
            "seller_message": "Payment complete." if good else "The bank declined the payment.",
            "type": "authorized" if good else "issuer_declined",
        },
        "paid": good,
        "payment_intent": it.intent.id,
        "payment_method": it.card.id if it.card else None,
        "payment_method_details": method_details(it),
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/{it.id}" if good else None,
        "refunded": it.refunded == it.amount,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": it.status,
        "transfer_data": None,
        "transfer_group": None,
    }


def method_details(it: Payment) -> Json:
    if it.card is None:
        return {"customer_balance": {}, "type": "customer_balance"}
    card = {
        "amount_authorized": it.amount,
        "brand": it.card.brand,
        "country": it.invoice.address.country,
        "exp_month": 8,
        "exp_year": 2031,
        "fingerprint": it.card.id[-16:],
        "funding": "credit",
        "last4": it.card.last4,
        "network": it.card.brand,
        "three_d_secure": None,
        "wallet": None,
    }
    return {"card": card, "type": "card"}


def refund(it: Refund, livemode: bool) -> Json:
    """A refund has no `livemode` of its own; the event says it."""
    said = {
        "id": it.id,
        "object": "refund",
        "amount": it.amount,
        "balance_transaction": it.transaction,
        "charge": it.payment.id,
        "created": it.created,
        "currency": it.payment.currency,
        "customer": it.payment.invoice.customer.id,
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {},
        "payment_intent": it.payment.intent.id,
        "payment_method": it.payment.card.id if it.payment.card else None,
        "pending_reason": None,
        "reason": it.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": it.status,
        "transfer_reversal": None,
    }
    if it.status == "failed":
        said |= {
            "failure_balance_transaction": it.failure_transaction,
            "failure_reason": "lost_or_stolen_card",
        }
    return said


def dispute(it: Dispute, livemode: bool) -> Json:
    inquiry = it.status.startswith("warning")
    return {
        "id": it.id,
        "object": "dispute",
        "amount": it.payment.amount,
        "balance_transactions": [balance_transaction(each) for each in it.transactions],
        "charge": it.payment.id,
        "created": it.created,
        "currency": it.payment.currency,
        "enhanced_eligibility_types": [],
        "evidence": {"customer_name": None, "uncategorized_text": None, "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": it.created + 9 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": it.submitted > 0,
            "past_due": False,
            "submission_count": it.submitted,
            "submission_method": "manual" if it.submitted else "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": livemode,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": it.payment.intent.id,
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": it.reason,
        "status": it.status,
    }


def balance_transaction(it: Transaction) -> Json:
    details = {"amount": it.fee, "application": None, "currency": it.currency, "description": "Stripe fee"}
    return {
        "id": it.id,
        "object": "balance_transaction",
        "amount": it.amount,
        "available_on": (it.created // DAY + 2) * DAY,
        "balance_type": "payments",
        "created": it.created,
        "currency": it.currency,
        "description": it.description,
        "exchange_rate": None,
        "fee": it.fee,
        "fee_details": [{**details, "type": "stripe_fee"}] if it.fee else [],
        "net": it.net,
        "reporting_category": it.category,
        "source": it.source,
        "status": "available",
        "type": it.type,
    }


def payout(it: Payout, livemode: bool) -> Json:
    failed = it.status == "failed"
    return {
        "id": it.id,
        "object": "payout",
        "amount": it.amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": it.arrival,
        "automatic": True,
        "balance_transaction": it.transaction,
        "created": it.created,
        "currency": it.currency,
        "description": "STRIPE PAYOUT",
        "destination": f"ba_{it.currency}{it.id[4:20]}",
        "failure_balance_transaction": it.failure_transaction,
        "failure_code": "account_closed" if failed else None,
        "failure_message": "The bank account has been closed." if failed else None,
        "livemode": livemode,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": it.reconciliation,
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": it.status,
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def balance(available: dict[str, int], livemode: bool) -> Json:
    """What `balance.available` tells: sums per currency."""
    now = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in available.items()
    ]
    none = [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in available]
    return {"object": "balance", "available": now, "livemode": livemode, "pending": none}
