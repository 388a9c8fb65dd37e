"""The lists of event types are the installed library's, and each type is read or kept on purpose."""

from typing import get_args

import pytest
from stripe import Event
from stripe.events import _event_classes

from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.thin_types import NEVER_THIN, THIN_TYPES
from ledgerstone.adapters.stripe.translate.kept import KEPT
from ledgerstone.adapters.stripe.translate.routes import ROUTES


def test_the_list_is_the_librarys() -> None:
    assert frozenset(get_args(Event.__annotations__["type"])) == EVENT_TYPES


def test_the_list_of_thin_types_is_the_librarys() -> None:
    assert frozenset(_event_classes._V2_EVENT_NOTIFICATION_CLASS_LOOKUP) == THIN_TYPES


def test_every_route_is_of_a_type_that_exists() -> None:
    assert ROUTES.keys() <= EVENT_TYPES


@pytest.mark.parametrize("type", sorted(EVENT_TYPES))
def test_every_type_is_read_or_kept_on_purpose(type: str) -> None:
    assert type in ROUTES or type.startswith(tuple(KEPT)), (
        f"{type}: give it a reader in translate/routes.py, or say in translate/kept.py why it has none"
    )


@pytest.mark.parametrize("beginning", KEPT)
def test_what_is_said_to_be_kept_is(beginning: str) -> None:
    only_kept = [type for type in EVENT_TYPES - ROUTES.keys() if type.startswith(beginning)]
    assert only_kept, f"{beginning}: all of it is read: take it out of translate/kept.py"


@pytest.mark.parametrize("beginning", NEVER_THIN)
def test_what_is_never_thin_is_of_a_type_that_exists(beginning: str) -> None:
    assert any(type.startswith(beginning) for type in EVENT_TYPES)


def test_invoices_to_come_tell_no_facts() -> None:
    assert "invoice.upcoming" not in ROUTES


MONEY = (
    *("invoice", "invoice_payment", "credit_note", "customer_cash_balance_transaction", "charge", "refund"),
    *("payout", "topup", "reserve", "application_fee", "transfer"),
)
LEFT_OUT = ("invoice.upcoming", "reserve.plan.")
"""See translate/kept.py for the reasons."""


def test_every_type_about_our_money_is_read_or_left_out_on_purpose() -> None:
    ours = {type for type in EVENT_TYPES if type.startswith(tuple(f"{subject}." for subject in MONEY))}
    assert {type for type in ours - ROUTES.keys() if not type.startswith(LEFT_OUT)} == set()
