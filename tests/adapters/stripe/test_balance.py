"""Top-ups and reserves as Stripe tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.reserves import ReserveHeld, ReserveReleased
from ledgerstone.ledger.topups import TopUpFailed, TopUpStarted
from tests.stripe_money import hold, release, top_up
from tests.stripe_objects import BORN, NOW, books, event, facts, parked, read


@pytest.mark.parametrize(
    ("type", "status", "told"),
    [
        ("created", "pending", ["started"]),
        ("succeeded", "succeeded", ["started", "received"]),
        ("failed", "failed", ["started", "failed"]),
        ("canceled", "canceled", ["started", "failed"]),
        ("reversed", "reversed", ["started", "received", "reversed"]),
        ("created", "status_of_tomorrow", ["started"]),
    ],
)
def test_a_top_up_tells_all_that_has_happened_to_it(type: str, status: str, told: list[str]) -> None:
    assert list(facts(f"topup.{type}", top_up(status=status))) == [f"top-up/tu_1/{each}" for each in told]


def test_a_top_up_is_started_when_it_was_made() -> None:
    row = read(event("topup.succeeded", top_up(status="succeeded"))).rows[1]
    assert row.happened_at == datetime.fromtimestamp(BORN, UTC)
    assert row.body == TopUpStarted(
        top_up="tu_1", amount=20_000, currency="usd", expected_at=datetime.fromtimestamp(NOW, UTC)
    )


def test_a_top_up_that_arrived_is_on_its_way_from_our_bank() -> None:
    held = books(("topup.succeeded", top_up(status="succeeded")))
    assert held == {"stripe_uncleared": 20_000, "top_ups_in_transit": -20_000}


@pytest.mark.parametrize("status", ["failed", "canceled", "reversed"])
def test_a_top_up_that_did_not_last_leaves_nothing_behind(status: str) -> None:
    ended = (f"topup.{status}", top_up(status=status, failure_code="insufficient_funds"))
    assert not any(books(ended).values())
    arrived = ("topup.succeeded", top_up(status="succeeded"))
    if status == "reversed":
        assert not any(books(arrived, ended).values())
        assert not any(books(ended, arrived).values())
    else:
        fact = facts(*ended)["top-up/tu_1/failed"]
        assert isinstance(fact, TopUpFailed)
        assert fact.code == "insufficient_funds"


@pytest.mark.parametrize("type", ["reserve.hold.created", "reserve.hold.updated"])
def test_a_hold_says_how_much_for_what_and_until_when(type: str) -> None:
    row = read(event(type, hold())).rows[1]
    assert (row.name, row.happened_at) == ("reserve/reshold_1/held", datetime.fromtimestamp(BORN, UTC))
    assert row.body == ReserveHeld(
        hold="reshold_1",
        amount=1_000,
        currency="usd",
        charge="ch_1",
        release_at=datetime.fromtimestamp(NOW + 3600, UTC),
    )


def test_a_hold_without_a_schedule_has_no_end() -> None:
    fact = facts("reserve.hold.created", hold(release_schedule=None))["reserve/reshold_1/held"]
    assert isinstance(fact, ReserveHeld)
    assert fact.release_at is None


def test_a_release_counts_from_when_it_was_released() -> None:
    row = read(event("reserve.release.created", release())).rows[1]
    assert (row.name, row.happened_at) == (
        "reserve-release/resrel_1",
        datetime.fromtimestamp(BORN + 120, UTC),
    )
    assert row.body == ReserveReleased(
        release="resrel_1", amount=1_000, currency="usd", hold="reshold_1", reason="hold_expired"
    )


def test_what_a_hold_lists_of_its_releases_is_theirs_to_tell() -> None:
    """One release may free parts of several holds, each of which lists its own part."""
    half = [{"amount": 500, "reserve_release": "resrel_1"}]
    other = hold(id="reshold_2", amount=500, release_details=half)
    told = [
        ("reserve.hold.created", hold(amount=500)),
        ("reserve.hold.created", hold(id="reshold_2", amount=500)),
        ("reserve.hold.updated", other),
    ]
    assert books(*told)["reserved"] == 1_000
    freed = ("reserve.release.created", release(reserve_hold=None))
    for order in ([*told, freed], [freed, *told]):
        assert not any(books(*order).values())


@pytest.mark.parametrize("amount", [5000.0, True, "5000", None, 2**60])
@pytest.mark.parametrize(
    ("type", "object"),
    [
        ("topup.succeeded", top_up()),
        ("reserve.hold.created", hold()),
        ("reserve.release.created", release()),
    ],
)
def test_an_amount_that_is_no_integer_parks_the_event(type: str, object: Any, amount: Any) -> None:
    assert parked(type, object | {"amount": amount}).startswith("data.object.amount: expected `int`")
