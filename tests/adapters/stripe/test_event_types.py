"""The list of event types is the installed library's, and every route is in it."""

from typing import get_args

from stripe import Event

from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.translate.routes import ROUTES


def test_the_list_is_the_librarys() -> None:
    assert frozenset(get_args(Event.__annotations__["type"])) == EVENT_TYPES


def test_every_route_is_of_a_type_that_exists() -> None:
    assert ROUTES.keys() <= EVENT_TYPES


def test_invoices_to_come_tell_no_facts() -> None:
    assert "invoice.upcoming" not in ROUTES


MONEY = (
    *("invoice", "invoice_payment", "credit_note", "customer_cash_balance_transaction", "charge", "refund"),
    *("payout", "topup", "reserve", "application_fee", "transfer"),
)
LEFT_OUT = ("invoice.upcoming", "reserve.plan.")
"""See translate/routes.py for the reasons."""


def test_every_type_about_our_money_is_read_or_left_out_on_purpose() -> None:
    ours = {type for type in EVENT_TYPES if type.startswith(tuple(f"{subject}." for subject in MONEY))}
    assert {type for type in ours - ROUTES.keys() if not type.startswith(LEFT_OUT)} == set()
