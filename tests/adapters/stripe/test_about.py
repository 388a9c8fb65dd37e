"""Which object is an event about?"""

import json
from typing import Any

import pytest

from ledgerstone.adapters.stripe.about import about
from tests.stripe_objects import event, invoice


def test_it_is_the_object_that_the_event_shows() -> None:
    assert about(json.dumps(event("invoice.paid", invoice()), indent=2).encode()) == "in_1"


def test_a_thin_event_names_the_object_that_is_to_be_fetched() -> None:
    thin = {
        "id": "evt_1",
        "object": "v2.core.event",
        "related_object": {"id": "sub_1", "type": "subscription"},
    }
    assert about(json.dumps(thin).encode()) == "sub_1"


@pytest.mark.parametrize(
    "said",
    [
        event("balance.available", {"object": "balance"}),
        event("charge.succeeded", None),
        event("charge.succeeded", "ch_1"),
        event("charge.succeeded", {"id": 7}),
        event("charge.succeeded", {"id": ""}),
        event("charge.succeeded", {"id": "ch_\x00"}),
        event("charge.succeeded", {"id": "c" * 256}),
        {"id": "evt_1", "data": []},
        {"id": "evt_1", "related_object": "sub_1"},
        [],
        None,
    ],
)
def test_some_are_about_none_that_can_be_asked_for(said: Any) -> None:
    assert about(json.dumps(said).encode()) is None


@pytest.mark.parametrize("payload", [b"", b"{", b'{"data": {"object": {"id": "\xff"}}}', b"[" * 2_000])
def test_what_is_no_json_is_about_nothing(payload: bytes) -> None:
    assert about(payload) is None
