"""Connected accounts and their capabilities as JSON, as in `stripe_objects`."""

from typing import Any

from tests.stripe_objects import Json, listed


def account(**fields: Any) -> Json:
    """A connected account; who stands behind it is in the message too, and belongs in no fact."""
    return {
        "id": "acct_9",
        "object": "account",
        "business_profile": {"name": "Acme AB", "support_email": "help@acme.example"},
        "capabilities": {"card_payments": "active", "transfers": "pending"},
        "charges_enabled": True,
        "company": {"name": "Acme AB", "address": {"city": "Stockholm"}},
        "country": "SE",
        "default_currency": "sek",
        "details_submitted": True,
        "email": "owner@acme.example",
        "external_accounts": listed({"id": "ba_1", "object": "bank_account", "last4": "6789"}),
        "payouts_enabled": False,
        "requirements": requirements(),
        **fields,
    }


def requirements(**fields: Any) -> Json:
    return {
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "past_due": [],
        "pending_verification": [],
        **fields,
    }


def capability(**fields: Any) -> Json:
    return {
        "id": "transfers",
        "object": "capability",
        "account": "acct_9",
        "requested": True,
        "requirements": requirements(),
        "status": "pending",
        **fields,
    }
