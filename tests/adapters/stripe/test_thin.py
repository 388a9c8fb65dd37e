"""Thin events: kept like all others, and their object wanted whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.adapters.stripe.envelope import UNDATED, Envelope, read_envelope
from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.thin_types import THIN_TYPES
from ledgerstone.ledger.evidence import RefetchWanted
from ledgerstone.ledger.recorded import Book
from tests.stripe_objects import Json, heard, named, read, thin

CHANGED = "v1.customer.subscription.item_quantity_changed"
SUB = named("subscription", "sub_1", "/v1/subscriptions/sub_1")


def wanted(said: Json) -> list[RefetchWanted]:
    message = read(said)
    assert heard(message).parked is None
    return [row.body for row in message.rows if isinstance(row.body, RefetchWanted)]


def envelope(**fields: Any) -> Envelope:
    return read_envelope(json.dumps(thin(CHANGED, SUB, **fields)).encode())


def test_its_object_is_wanted_whole_under_the_name_of_the_message() -> None:
    evidence, fact = read(thin(CHANGED, SUB)).rows
    assert (fact.name, fact.cause) == ("stripe/evt_1/refetch", "stripe/evt_1")
    assert isinstance(fact.body, RefetchWanted)
    assert (fact.body.object, fact.body.id, fact.body.path) == (
        "subscription",
        "sub_1",
        "/v1/subscriptions/sub_1",
    )
    assert evidence.happened_at == fact.happened_at == datetime(2026, 11, 5, 12, 0, 0, 330_000, UTC)


@pytest.mark.parametrize("type", sorted(THIN_TYPES))
def test_every_thin_type_is_known(type: str) -> None:
    evidence = heard(read(thin(type, SUB)))
    assert (evidence.event_type, evidence.unknown, evidence.parked) == (type, False, None)


@pytest.mark.parametrize(
    "type", ["customer.subscription.updated", "v1.moon.landed", "v3.core.account.updated"]
)
def test_a_thin_event_of_a_type_that_is_not_listed_is_unknown_and_its_object_wanted(type: str) -> None:
    said = thin(type, SUB)
    assert heard(read(said)).unknown
    assert [want.id for want in wanted(said)] == ["sub_1"]


def test_a_snapshot_of_a_thin_type_is_unknown() -> None:
    assert heard(read(thin(CHANGED, SUB, object="event", created=1_793_880_000))).unknown


def test_what_there_is_one_of_is_wanted_by_where_it_is_found() -> None:
    said = thin("v1.customer.discount.updated", {"type": "discount", "url": "/v1/customers/cus_1/discount"})
    assert [(want.object, want.id) for want in wanted(said)] == [("discount", "/v1/customers/cus_1/discount")]


@pytest.mark.parametrize(
    "said",
    [
        thin("v1.billing.meter.no_meter_found"),
        thin(
            "v2.core.event_destination.ping",
            named("event_destination", "ed_1", "/v2/core/event_destinations/ed_1"),
        ),
    ],
)
def test_an_event_about_no_object_wants_none(said: Json) -> None:
    assert wanted(said) == []


@pytest.mark.parametrize(
    ("context", "account"),
    [(None, ""), ("", ""), ("acct_9", "acct_9"), ("acct_platform/acct_9", "acct_9")],
)
def test_the_innermost_account_of_its_context_has_it_in_its_books(context: Any, account: str) -> None:
    message = read(thin(CHANGED, SUB, context=context))
    assert heard(message).parked is None
    assert {row.book for row in message.rows} == {Book(account, True)}


@pytest.mark.parametrize("context", [7, ["acct_9"], "acct_9/", "acct\n9"])
def test_an_impossible_context_parks_it(context: Any) -> None:
    assert envelope(context=context).parked == "`context` does not end in an account's id"


@pytest.mark.parametrize(
    "created",
    [
        None,
        1_793_880_000,
        "",
        "yesterday",
        "2026-11-05T12:00:00",
        "1999-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_time_that_is_none_parks_it_before_everything(created: Any) -> None:
    read = envelope(created=created)
    assert "`created`" in (read.parked or "")
    assert read.created == UNDATED


def test_a_time_of_another_zone_is_told_in_ours() -> None:
    assert envelope(created="2026-11-05T13:00:00+01:00").created == datetime(2026, 11, 5, 12, tzinfo=UTC)


def test_the_other_mode_is_ignored() -> None:
    assert read(thin(CHANGED, SUB, livemode=False)).ignored == "livemode"


@pytest.mark.parametrize("id", [None, 7, "", "evt/1"])
def test_one_that_cannot_be_named_is_refused(id: Any) -> None:
    with pytest.raises(Unreadable):
        envelope(id=id)


@pytest.mark.parametrize(
    ("related", "reason"),
    [
        ("sub_1", "related_object: expected `object`"),
        ({"id": "sub_1"}, "related_object: object missing required field `type`"),
        ({"type": "subscription"}, "related_object: neither id nor url"),
        ({"type": "subscription", "id": 7}, "related_object.id: expected `str | null`"),
    ],
)
def test_an_object_that_cannot_be_named_parks_it(related: Any, reason: str) -> None:
    message = read(thin(CHANGED, related))
    assert len(message.rows) == 1
    assert (heard(message).parked or "").startswith(reason)
