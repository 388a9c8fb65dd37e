"""What was the object before the event? `previous_attributes` laid over it, as Stripe documents them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.adapters.stripe.translate.reading import overlaid
from ledgerstone.demo.stripe_shapes.envelope import changes
from ledgerstone.ledger.customers import CustomerSeen
from ledgerstone.ledger.invoices import InvoiceSeen
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen
from tests.stripe_objects import customer, facts, invoice, item, listed, marks, parked, subscription


def before(now: Any, previous: Any, type: str = "customer.subscription.updated") -> Subscription | None:
    fact = facts(type, now, previous)["stripe/evt_1/subscription"]
    assert isinstance(fact, SubscriptionSeen)
    return fact.before


def terms(object: Any) -> Subscription:
    fact = facts("customer.subscription.updated", object)["stripe/evt_1/subscription"]
    assert isinstance(fact, SubscriptionSeen)
    return fact.now


def test_a_changed_field_is_as_it_was() -> None:
    assert before(subscription(), {"status": "trialing"}) == terms(subscription(status="trialing"))


def test_a_changed_array_is_whole_within_its_list() -> None:
    two, one = listed(item(), item(id="si_2")), [item(quantity=7)]
    assert before(subscription(items=two), {"items": {"data": one}}) == terms(
        subscription(items=listed(*one))
    )


def test_of_a_hash_only_the_changed_keys_are_given() -> None:
    now = {"behavior": "void", "resumes_at": 2}
    assert before(
        subscription(pause_collection=now), {"pause_collection": {"behavior": "keep_as_draft"}}
    ) == terms(subscription(pause_collection={"behavior": "keep_as_draft", "resumes_at": 2}))


def test_a_hash_that_was_not_there_was_null() -> None:
    paused = subscription(pause_collection={"behavior": "void", "resumes_at": None})
    assert before(paused, {"pause_collection": None}) == terms(subscription())
    assert before(subscription(), {"pause_collection": {"behavior": "void"}}) == terms(paused)


def test_a_key_of_metadata_that_is_new_was_null() -> None:
    moved = customer(metadata={"tenant_id": "acme", "note": "x"})
    fact = facts("customer.updated", moved, {"metadata": {"tenant_id": None}})["stripe/evt_1/customer"]
    assert isinstance(fact, CustomerSeen)
    assert fact.before is not None
    assert (fact.before.tenant, fact.now.tenant) == ("cus_1", "acme")


def test_an_invoice_before_its_finalisation_was_a_draft() -> None:
    previous = {"status": "draft", "status_transitions": {"finalized_at": None}, "number": None}
    fact = facts("invoice.updated", invoice(), previous)["stripe/evt_1/invoice"]
    draft = invoice(status="draft", status_transitions=marks(), number=None)
    expected = facts("invoice.updated", draft)["stripe/evt_1/invoice"]
    assert isinstance(fact, InvoiceSeen)
    assert isinstance(expected, InvoiceSeen)
    assert fact.before == expected.now


def test_a_change_of_what_we_do_not_keep_is_no_change() -> None:
    assert before(subscription(), {"latest_invoice": "in_0"}) is None
    assert before(subscription(), {"cancellation_details": {"comment": "hm"}}) is None
    assert before(subscription(), {"items": {"data": [item(metadata={"a": "b"})]}}) is None


def test_what_is_born_was_nothing_before() -> None:
    assert before(subscription(), {"status": "incomplete"}, "customer.subscription.created") is None


def test_a_past_that_cannot_be_read_parks_the_event() -> None:
    assert "status" in parked("customer.subscription.updated", subscription(), {"status": 1})
    assert "previous_attributes" in parked("customer.subscription.updated", subscription(), ["status"])


VALUES = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2)
HASHES = st.recursive(
    VALUES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
OBJECTS = st.fixed_dictionaries(dict.fromkeys("xyz", HASHES))


@given(OBJECTS, OBJECTS)
def test_laid_over_the_new_object_the_changes_give_the_old_one(old: Any, new: Any) -> None:
    """But for null: a key of a hash that was not there cannot be told from one that was null."""
    assert without_nulls(overlaid(new, changes(old, new))) == without_nulls(old)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
