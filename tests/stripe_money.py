"""Stripe's objects about money beside invoices and charges, as JSON in the newest shape: credit notes,
customers' cash, top-ups, reserves, fees, transfers. Every builder takes the fields that a test is about."""

from typing import Any

from tests.stripe_objects import BORN, NOW, Json, listed


def credit_note(**fields: Any) -> Json:
    """Of 60.00, of which 12.00 tax: 10.00 were not paid yet, 20.00 are refunded, 25.00 become credit, and
    5.00 are given back outside of Stripe."""
    return {
        "id": "cn_1",
        "object": "credit_note",
        "amount": 6_000,
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "customer_account": None,
        "customer_balance_transaction": "cbtxn_1",
        "invoice": "in_1",
        "out_of_band_amount": 500,
        "post_payment_amount": 5_000,
        "pre_payment_amount": 1_000,
        "refunds": [{"amount_refunded": 2_000, "refund": "re_1", "type": "refund"}],
        "status": "issued",
        "total": 6_000,
        "total_taxes": [{"amount": 1_000}, {"amount": 200}],
        "type": "mixed",
        "voided_at": None,
        **fields,
    }


def older_credit_note(**fields: Any) -> Json:
    """As until 2025-03-31: of one kind, after payment; without the amounts of its parts."""
    newest = credit_note(out_of_band_amount=None, customer_balance_transaction=None, type="post_payment")
    gone = ("post_payment_amount", "pre_payment_amount", "refunds", "total_taxes")
    rest = {name: value for name, value in newest.items() if name not in gone}
    return {**rest, "refund": None, "tax_amounts": [{"amount": 1_200}], **fields}


def cash_transaction(kind: str, net_amount: int, **fields: Any) -> Json:
    return {
        "id": "ccsbtxn_1",
        "object": "customer_cash_balance_transaction",
        "created": BORN,
        "currency": "usd",
        "customer": "cus_1",
        "ending_balance": 12_500,
        "net_amount": net_amount,
        "type": kind,
        **fields,
    }


def top_up(**fields: Any) -> Json:
    return {
        "id": "tu_1",
        "object": "topup",
        "amount": 20_000,
        "balance_transaction": None,
        "created": BORN,
        "currency": "usd",
        "expected_availability_date": NOW,
        "failure_code": None,
        "status": "pending",
        **fields,
    }


def hold(**fields: Any) -> Json:
    return {
        "id": "reshold_1",
        "object": "reserve.hold",
        "amount": 1_000,
        "amount_releasable": 1_000,
        "created": BORN,
        "created_by": "stripe",
        "currency": "usd",
        "reason": "charge",
        "release_details": [],
        "release_schedule": {"release_after": NOW, "scheduled_release": NOW + 3600},
        "reserve_plan": "resplan_1",
        "source_charge": "ch_1",
        "source_type": "card",
        **fields,
    }


def release(**fields: Any) -> Json:
    return {
        "id": "resrel_1",
        "object": "reserve.release",
        "amount": 1_000,
        "created": BORN + 60,
        "created_by": "stripe",
        "currency": "usd",
        "reason": "hold_expired",
        "released_at": BORN + 120,
        "reserve_hold": "reshold_1",
        "reserve_plan": None,
        "source_transaction": None,
        **fields,
    }


def fee_refund(**fields: Any) -> Json:
    return {
        "id": "fr_1",
        "object": "fee_refund",
        "amount": 100,
        "created": BORN + 60,
        "currency": "usd",
        "fee": "fee_1",
        **fields,
    }


def fee(*refunds: Json, **fields: Any) -> Json:
    return {
        "id": "fee_1",
        "object": "application_fee",
        "account": "acct_1",
        "amount": 250,
        "amount_refunded": sum(refund["amount"] for refund in refunds),
        "charge": "ch_1",
        "created": BORN,
        "currency": "usd",
        "refunded": False,
        "refunds": listed(*refunds),
        **fields,
    }


def reversal(**fields: Any) -> Json:
    return {
        "id": "trr_1",
        "object": "transfer_reversal",
        "amount": 1_500,
        "created": BORN + 60,
        "currency": "usd",
        "transfer": "tr_1",
        **fields,
    }


def transfer(*reversals: Json, **fields: Any) -> Json:
    return {
        "id": "tr_1",
        "object": "transfer",
        "amount": 4_000,
        "amount_reversed": sum(reversal["amount"] for reversal in reversals),
        "created": BORN,
        "currency": "usd",
        "destination": "acct_1",
        "reversals": listed(*reversals),
        "reversed": False,
        "source_transaction": "ch_1",
        **fields,
    }


def moved(id: str, amount: int, at: int = BORN, currency: str = "usd") -> Json:
    """A balance transaction as a dispute lists it."""
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "created": at,
        "currency": currency,
        "fee": 1_500,
        "net": amount - 1_500,
        "type": "adjustment",
    }
