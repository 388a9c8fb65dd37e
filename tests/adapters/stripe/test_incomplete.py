"""Lists inside an object that are longer than their page: marked, wanted whole, never summed as if whole."""

from itertools import permutations
from typing import Any

import pytest

from ledgerstone.ledger.evidence import RefetchWanted
from ledgerstone.ledger.invoices import InvoiceSeen
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.subscriptions import SubscriptionSeen
from ledgerstone.projections.invoices import InvoiceRow
from ledgerstone.projections.mrr import MrrRow
from ledgerstone.projections.subscriptions import SubscriptionRow
from ledgerstone.projections.sync import SyncRow
from tests.stripe_objects import (
    NOW,
    Json,
    charge,
    event,
    facts,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    read,
    refund,
    subscription,
)
from tests.worlds import at_the_head

ITEMS = listed(item(), item(id="si_2"), has_more=True)
LINES = listed(line("prod_1"), has_more=True)


@pytest.mark.parametrize(
    ("type", "shown", "kind", "id", "name"),
    [
        ("customer.subscription.updated", subscription(items=ITEMS), "subscription", "sub_1", "items"),
        ("invoice.finalized", invoice(lines=LINES), "invoice", "in_1", "lines"),
        ("charge.refunded", charge(refunds=listed(refund(), has_more=True)), "charge", "ch_1", "refunds"),
    ],
)
def test_a_list_that_goes_on_makes_its_object_wanted(
    type: str, shown: Json, kind: str, id: str, name: str
) -> None:
    reason = f"its list of {name} is not complete (has_more)"
    told = facts(type, shown)
    assert told["stripe/evt_1/refetch"] == RefetchWanted(object=kind, id=id, reason=reason)
    assert len(told) > 1


def test_an_object_of_two_such_lists_is_wanted_once() -> None:
    payments = listed(invoice_payment(), has_more=True)
    wanted = facts("invoice.paid", invoice(lines=LINES, payments=payments))["stripe/evt_1/refetch"]
    assert isinstance(wanted, RefetchWanted)
    assert "lines and of payments" in wanted.reason


def test_a_whole_list_is_not_wanted() -> None:
    whole = {
        **facts("customer.subscription.updated", subscription()),
        **facts("invoice.finalized", invoice()),
        **facts("charge.refunded", charge(refunds=listed(refund()))),
    }
    assert not any(isinstance(fact, RefetchWanted) for fact in whole.values())


def test_what_was_observed_in_part_says_so() -> None:
    one = facts("customer.subscription.updated", subscription(items=ITEMS))["stripe/evt_1/subscription"]
    other = facts("invoice.finalized", invoice(lines=LINES))["stripe/evt_1/invoice"]
    assert isinstance(one, SubscriptionSeen)
    assert isinstance(other, InvoiceSeen)
    assert (one.now.whole, other.now.whole) == (False, False)


def rows(*events: Json) -> dict[str, list[Any]]:
    return at_the_head([row for each in events for row in read(each).rows])


def test_a_subscription_known_in_part_is_worth_what_nobody_knows() -> None:
    """Not 0, not the sum of the first items, and not what it was before."""
    whole = event("customer.subscription.created", subscription(), id="evt_1")
    part = event("customer.subscription.updated", subscription(items=ITEMS), id="evt_2", created=NOW + 60)
    found = rows(whole, part)
    worth: list[MrrRow] = [row for row in found["mrr"] if row.valid_to is None]
    assert [(row.item, row.mrr) for row in worth] == [("si_1", None), ("si_2", None)]
    states: list[SubscriptionRow] = sorted(found["subscriptions"], key=lambda row: row.valid_from)
    assert [row.sure for row in states[-2:]] == [True, False]


def test_metered_items_do_not_make_the_rest_0() -> None:
    metered = item(price={**item()["price"], "recurring": {"interval": "month", "usage_type": "metered"}})
    found = rows(event("customer.subscription.updated", subscription(items=listed(metered, has_more=True))))
    assert [row.mrr for row in found["mrr"]] == [None]


def test_a_subscription_known_in_part_ends_when_it_ends() -> None:
    part = event("customer.subscription.updated", subscription(items=ITEMS), id="evt_1")
    gone = subscription(items=ITEMS, status="canceled", ended_at=NOW + 60)
    ended = event("customer.subscription.deleted", gone, id="evt_2", created=NOW + 60)
    assert [row for row in rows(part, ended)["mrr"] if row.valid_to is None] == []


def test_an_invoice_known_in_part_has_its_own_amounts() -> None:
    states: list[InvoiceRow] = rows(event("invoice.finalized", invoice(lines=LINES)))["invoices"]
    row = max(states, key=lambda row: row.valid_from)
    assert (row.total, row.tax, row.amount_remaining, row.plans) == (12_500, 2_500, 12_500, ("prod_1",))
    assert not row.sure


def test_an_object_is_queued_once_however_often_and_in_whatever_order_it_is_wanted() -> None:
    messages = [
        event("invoice.updated", invoice(lines=LINES), id=f"evt_{n}", created=NOW + n) for n in range(3)
    ]
    for order in permutations(messages):
        (queued,) = rows(*order)["sync"]
        assert isinstance(queued, SyncRow)
        assert (queued.kind, queued.subject) == ("refetch", "invoice/in_1")
        assert queued.at.timestamp() == NOW + 2


def test_the_evidence_is_kept_and_not_parked() -> None:
    heard, *told = read(event("customer.subscription.updated", subscription(items=ITEMS))).rows
    assert getattr(heard.body, "parked", "") is None
    assert all(isinstance(row, Recorded) and row.cause == heard.name for row in told)
    assert [row.movements for row in told if isinstance(row.body, RefetchWanted)] == [()]
