"""Customers as Stripe tells of them."""

from typing import Any

import pytest

from ledgerstone.ledger.catalogue import DiscountSeen
from ledgerstone.ledger.customers import Customer, CustomerDetails, CustomerSeen
from tests.stripe_objects import NOW, customer, discount, facts


def seen(type: str = "updated", **fields: Any) -> CustomerSeen:
    fact = facts(f"customer.{type}", customer(**fields))["stripe/evt_1/customer"]
    assert isinstance(fact, CustomerSeen)
    return fact


@pytest.mark.parametrize(
    ("metadata", "tenant"),
    [
        ({"tenant_id": "acme"}, "acme"),
        ({"tenant_id": ""}, "cus_1"),
        ({"tenant_id": 7}, "cus_1"),
        (None, "cus_1"),
    ],
)
def test_the_tenant_is_who_pays(metadata: Any, tenant: str) -> None:
    assert seen(metadata=metadata).now.tenant == tenant


@pytest.mark.parametrize(
    ("address", "shipping", "country"),
    [
        ({"country": "se"}, {"address": {"country": "NO"}}, "SE"),
        ({"country": None}, {"address": {"country": "no"}}, "NO"),
        (None, {"address": None}, None),
        (None, None, None),
    ],
)
def test_the_country_is_that_of_the_bill_else_of_the_goods(
    address: Any, shipping: Any, country: str | None
) -> None:
    assert seen(address=address, shipping=shipping).now.country == country


def test_who_a_customer_is_is_told_apart_from_what_it_is() -> None:
    told = facts("customer.created", customer(name="Åsa", email="asa@example.com"))
    assert told == {
        "stripe/evt_1/customer": CustomerSeen(id="cus_1", now=Customer(tenant="cus_1"), first=True),
        "stripe/evt_1/customer-details": CustomerDetails(id="cus_1", name="Åsa", email="asa@example.com"),
    }


def test_a_customer_without_a_name_has_no_details() -> None:
    assert facts("customer.deleted", customer()).keys() == {"stripe/evt_1/customer"}
    assert seen("deleted").last


def told_of_discounts(**fields: Any) -> dict[str, DiscountSeen]:
    previous = fields.pop("previous", None)
    told = facts("customer.updated", customer(**fields), previous)
    return {fact.id: fact for fact in told.values() if isinstance(fact, DiscountSeen)}


def test_a_customer_shows_its_discount() -> None:
    (seen,) = told_of_discounts(discount=discount()).values()

    assert (seen.id, seen.now.coupon, seen.now.subscription, seen.last) == ("di_1", "WELCOME", None, False)


def test_a_customer_tells_that_its_discount_is_gone_or_another() -> None:
    gone = told_of_discounts(discount=None, previous={"discount": discount()})
    replaced = told_of_discounts(discount=discount(id="di_2"), previous={"discount": discount()})
    extended = told_of_discounts(discount=discount(end=NOW), previous={"discount": {"end": None}})

    assert {id: seen.last for id, seen in gone.items()} == {"di_1": True}
    assert {id: seen.last for id, seen in replaced.items()} == {"di_1": True, "di_2": False}
    assert {id: seen.last for id, seen in extended.items()} == {"di_1": False}
