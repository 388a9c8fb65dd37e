"""Which event is this? The rows of bad input that are decided before the object is looked at."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.adapters.stripe.envelope import UNDATED, Envelope, read_envelope
from ledgerstone.adapters.stripe.faults import Unreadable
from tests.stripe_objects import NOW, event


def envelope(**fields: Any) -> Envelope:
    return read_envelope(json.dumps(event("ping", {"id": "x"}, **fields)).encode())


def test_an_event_says_who_what_and_when() -> None:
    read = envelope(account="acct_1", livemode=False)
    assert (read.id, read.type, read.account, read.livemode) == ("evt_1", "ping", "acct_1", False)
    assert read.created == datetime.fromtimestamp(NOW, UTC)
    assert read.object == {"id": "x"}
    assert read.parked is None


@pytest.mark.parametrize("body", [b"null", b"[]", b'"evt_1"', b"1", b"{}"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_envelope(body)


@pytest.mark.parametrize("name", [None, 1, "", "evt_1/subscription", "evt\n1", "evt\0", "\ud800", "x" * 256])
@pytest.mark.parametrize("key", ["id", "type"])
def test_an_event_that_cannot_be_named_is_refused(key: str, name: Any) -> None:
    with pytest.raises(Unreadable, match=f"`{key}`"):
        envelope(**{key: name})


@pytest.mark.parametrize(
    "created", [None, "1793880000", 1793880000.0, True, -1, 0, 2**62, "2026-11-05T12:00:00Z"]
)
def test_an_event_without_a_sane_time_is_parked_before_everything(created: Any) -> None:
    read = envelope(created=created)
    assert read.parked is not None
    assert "`created`" in read.parked
    assert read.created == UNDATED


@pytest.mark.parametrize("livemode", [None, 1, "true"])
def test_an_event_of_neither_mode_is_parked(livemode: Any) -> None:
    read = envelope(livemode=livemode)
    assert (read.livemode, read.parked) == (None, "`livemode` is neither true nor false")


@pytest.mark.parametrize("account", [7, "", "a/b", ["acct_1"]])
def test_an_event_of_an_impossible_account_is_parked(account: Any) -> None:
    assert envelope(account=account).parked == "`account` is not an account's id"


@pytest.mark.parametrize("version", [None, 20, "", "2019-05-16", "2031-01-01.zinnia"])
def test_any_api_version_is_tried(version: Any) -> None:
    assert envelope(api_version=version).parked is None


@pytest.mark.parametrize("data", [None, [], "x", {}, {"object": None}])
def test_the_envelope_does_not_look_at_the_object(data: Any) -> None:
    read = envelope(data=data)
    assert (read.object, read.parked) == (None, None)


@pytest.mark.parametrize("odd", ["\0", "\ud800", 2**63])
def test_what_no_fact_can_hold_parks_the_event_wherever_it_stands(odd: Any) -> None:
    parked = envelope(data={"object": {"metadata": {"note": odd}}}).parked
    assert parked is not None
    assert parked.startswith("data.object.metadata.note ")
