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
