"""Customers over time, when messages show only a part of them."""

from itertools import permutations

from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.customers import CustomerRow, Customers
from ledgerstone.projections.folder import fold
from tests.stripe_objects import NOW, Json, customer, event, read

SHOWN = customer(metadata={"tenant_id": "acme"}, address={"country": "SE"})
LEFT: Json = {"id": "cus_1", "object": "customer", "deleted": True}


def rows(*events: Json) -> list[CustomerRow]:
    told: list[Recorded] = [row for each in events for row in read(each).rows]
    (found,) = fold((Customers(),), list(enumerate(told, 1))).values()
    return [version.row for version in found if version.known_to is None]  # type: ignore[misc]


def test_a_deletion_that_shows_only_the_id_leaves_the_customer_as_it_was() -> None:
    born = event("customer.created", SHOWN, id="evt_1", created=NOW)
    gone = event("customer.deleted", LEFT, id="evt_2", created=NOW + 5)
    for order in permutations((born, gone)):
        last = max(rows(*order), key=lambda row: row.valid_from)
        assert (last.tenant, last.country, last.deleted) == ("acme", "SE", True)


def test_of_a_customer_known_only_by_its_end_the_id_is_the_tenant() -> None:
    (only,) = rows(event("customer.deleted", LEFT))
    assert (only.tenant, only.country, only.deleted) == ("cus_1", None, True)
