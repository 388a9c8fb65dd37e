"""Pauses of each kind, and updates that are not true yet: what is told of them, and what they are worth."""

from itertools import permutations
from typing import Any

import pytest

from ledgerstone.adapters.stripe.translate.reading import moment
from ledgerstone.ledger.subscriptions import PendingUpdate, SubscriptionSeen
from ledgerstone.projections.mrr import MrrRow
from ledgerstone.projections.subscriptions import SubscriptionRow
from tests.stripe_objects import BORN, NOW, Json, event, facts, item, price, read, subscription
from tests.worlds import at_the_head

LATER = NOW + 86_400
LAST = LATER + 86_400
HELD = ("keep_as_draft", "mark_uncollectible", "void")
REASONS = (
    "trial_end_without_payment_method",
    "pause_requested",
    "first_payment_failure",
    "final_payment_failure",
    "system",
)
Lives = list[tuple[int, int | None, Any]]


def held(behavior: str = "void", resumes_at: int | None = None) -> Json:
    return subscription(pause_collection={"behavior": behavior, "resumes_at": resumes_at})


def paused(reason: str, since: int = NOW) -> Json:
    details = {"subscription": {"type": reason}, "transitioned_at": since, "type": "subscription"}
    return subscription(status="paused", status_details={"paused": details})


def waiting(until: int = LATER, **fields: Any) -> Json:
    ten = [item(quantity=10)]
    return subscription(pending_update={"expires_at": until, "subscription_items": ten, **fields})


def said(object: Json, at: int = NOW, verb: str = "updated", previous: Any = None) -> Json:
    return event(f"customer.subscription.{verb}", object, previous, id=f"evt_{verb}_{at}", created=at)


def now(object: Json) -> Any:
    fact = facts("customer.subscription.updated", object)["stripe/evt_1/subscription"]
    assert isinstance(fact, SubscriptionSeen)
    return fact.now


def worth(*told: Json) -> Lives:
    """From when until when the subscription was worth how much a month; the same in any order of arrival."""
    return _same_in_any_order(told, "mrr", lambda row: row.mrr)


def lives(*told: Json, field: str) -> Lives:
    """From when until when a column of the subscription was what; the same in any order of arrival."""
    return _same_in_any_order(told, "subscriptions", lambda row: getattr(row, field))


def _same_in_any_order(told: tuple[Json, ...], view: str, value: Any) -> Lives:
    found = [_shown(order, view, value) for order in permutations(told)]
    assert all(each == found[0] for each in found)
    return found[0]


def _shown(order: tuple[Json, ...], view: str, value: Any) -> Lives:
    rows = at_the_head([row for message in order for row in read(message).rows])[view]
    assert all(isinstance(row, MrrRow | SubscriptionRow) for row in rows)
    spans = sorted(rows, key=lambda row: row.valid_from)  # type: ignore[attr-defined]
    return [(_seconds(r.valid_from), _seconds(r.valid_to), value(r)) for r in spans]  # type: ignore[attr-defined]


def _seconds(at: Any) -> Any:
    return None if at is None else int(at.timestamp())


BOUGHT = said(subscription(), BORN, "created")


@pytest.mark.parametrize("behavior", HELD)
def test_while_collection_is_paused_nothing_counts_whatever_becomes_of_the_invoices(behavior: str) -> None:
    pause = said(held(behavior), previous={"pause_collection": None})
    assert worth(BOUGHT, pause) == [(BORN, NOW, 9800)]
    assert lives(BOUGHT, pause, field="pause_behavior") == [(BORN, NOW, None), (NOW, None, behavior)]
    assert lives(BOUGHT, pause, field="status") == [(BORN, NOW, "active"), (NOW, None, "active")]


@pytest.mark.parametrize("behavior", HELD)
def test_collection_resumes_at_its_time_without_a_message(behavior: str) -> None:
    pause = said(held(behavior, LATER), previous={"pause_collection": None})
    assert worth(BOUGHT, pause) == [(BORN, NOW, 9800), (LATER, None, 9800)]
    assert lives(BOUGHT, pause, field="resumes_at") == [
        (BORN, NOW, None),
        (NOW, LATER, moment(LATER)),
        (LATER, None, None),
    ]


def test_the_message_that_it_resumed_changes_nothing_more() -> None:
    pause = said(held(resumes_at=LATER), previous={"pause_collection": None})
    over = {"pause_collection": {"behavior": "void", "resumes_at": LATER}}
    resumed = said(subscription(), LATER + 7, previous=over)
    assert worth(BOUGHT, pause, resumed) == worth(BOUGHT, pause)


def test_collection_resumed_earlier_by_hand_counts_from_then() -> None:
    pause = said(held(resumes_at=LAST), previous={"pause_collection": None})
    over = {"pause_collection": {"behavior": "void", "resumes_at": LAST}}
    resumed = said(subscription(), LATER, previous=over)
    assert worth(BOUGHT, pause, resumed) == [(BORN, NOW, 9800), (LATER, None, 9800)]


def test_a_pause_put_off_ends_at_the_later_time() -> None:
    pause = said(held(resumes_at=LATER), previous={"pause_collection": None})
    longer = said(held(resumes_at=LAST), NOW + 60, previous={"pause_collection": {"resumes_at": LATER}})
    assert worth(BOUGHT, pause, longer) == [(BORN, NOW, 9800), (LAST, None, 9800)]


def test_a_pause_that_was_over_when_it_was_told_is_none() -> None:
    assert worth(BOUGHT, said(held(resumes_at=BORN + 60))) == [(BORN, None, 9800)]


def test_a_pause_of_what_ended_does_not_end_by_time() -> None:
    gone = {**held(resumes_at=LAST), "status": "canceled", "ended_at": LATER, "canceled_at": LATER}
    told = (BOUGHT, said(held(resumes_at=LAST)), said(gone, LATER, "deleted"))
    assert worth(*told) == [(BORN, NOW, 9800)]
    assert lives(*told, field="status") == [
        (BORN, NOW, "active"),
        (NOW, LATER, "active"),
        (LATER, None, "canceled"),
    ]


@pytest.mark.parametrize("reason", REASONS)
def test_a_paused_subscription_counts_nothing_and_says_why(reason: str) -> None:
    told = (BOUGHT, said(paused(reason), verb="paused", previous={"status": "active"}))
    assert worth(*told) == [(BORN, NOW, 9800)]
    assert lives(*told, field="pause_reason") == [(BORN, NOW, None), (NOW, None, reason)]


def test_a_trial_that_ends_without_a_card_is_paused_and_counts_when_it_is_resumed() -> None:
    trial = said(subscription(status="trialing", trial_end=NOW), BORN, "created")
    pause = said(paused(REASONS[0]), NOW + 3, "paused", {"status": "trialing"})
    back = said(subscription(), LATER, "resumed", {"status": "paused"})
    assert worth(trial, pause, back) == [(LATER, None, 9800)]
    assert lives(trial, pause, back, field="status") == [
        (BORN, NOW, "trialing"),
        (NOW, LATER, "paused"),
        (LATER, None, "active"),
    ]


def test_a_pause_begins_when_stripe_says_it_did() -> None:
    late = said(paused("pause_requested"), LATER, "paused", {"status": "active"})
    assert worth(BOUGHT, late) == [(BORN, NOW, 9800)]


def test_older_versions_say_no_reason() -> None:
    assert lives(BOUGHT, said(subscription(status="paused")), field="pause_reason")[-1] == (NOW, None, None)


def test_of_a_pause_that_is_over_nothing_is_kept() -> None:
    resumed = {**paused("system"), "status": "active"}
    assert (now(resumed).pause_reason, now(resumed).paused_at) == (None, None)


def test_a_pending_update_is_told_and_never_counted() -> None:
    told = (BOUGHT, said(waiting(), previous={"pending_update": None}))
    assert worth(*told) == [(BORN, None, 9800)]
    (_, _, pending) = lives(*told, field="pending")[1]
    assert '"quantity":10' in pending
    assert lives(*told, field="items")[1][2] == lives(BOUGHT, field="items")[0][2]


def test_a_pending_update_keeps_only_what_it_would_change() -> None:
    assert now(
        waiting(discounts=["di_9"], trial_end=LAST, cancel_at_period_end=False)
    ).pending == PendingUpdate(
        expires_at=moment(LATER),
        items=now(subscription(items={"data": [item(quantity=10)]})).items,
        discounts=("di_9",),
        trial_end=moment(LAST),
        cancel_at_period_end=False,
    )
    assert now(waiting(subscription_items=None)).pending == PendingUpdate(expires_at=moment(LATER))


def test_a_pending_update_counts_once_it_is_applied() -> None:
    before = {"pending_update": waiting()["pending_update"], "items": {"data": [item()]}}
    applied = subscription(items={"data": [item(quantity=10)]}, pending_update=None)
    told = (
        BOUGHT,
        said(waiting(), previous={"pending_update": None}),
        said(applied, NOW + 60, previous=before),
        said(applied, NOW + 60, "pending_update_applied"),
    )
    assert worth(*told) == [(BORN, NOW + 60, 9800), (NOW + 60, None, 49_000)]
    assert [pending is not None for _, _, pending in lives(*told, field="pending")] == [False, True, False]


@pytest.mark.parametrize("heard", [True, False])
def test_a_pending_update_expires_at_its_time_heard_or_not(heard: bool) -> None:
    told = [BOUGHT, said(waiting(), previous={"pending_update": None})]
    if heard:
        told.append(said(subscription(), LATER, "pending_update_expired"))
    assert worth(*told) == [(BORN, None, 9800)]
    assert [(start, end, pending is not None) for start, end, pending in lives(*told, field="pending")] == [
        (BORN, NOW, False),
        (NOW, LATER, True),
        (LATER, None, False),
    ]


@pytest.mark.parametrize("odd", [{"expires_at": None}, {"expires_at": "soon"}, {}])
def test_a_pending_update_without_its_end_parks_the_message(odd: Json) -> None:
    message = read(said(subscription(pending_update=odd)))
    assert "data.object.pending_update" in str(getattr(message.rows[0].body, "parked", ""))


def test_an_item_of_a_pending_update_may_be_a_plan() -> None:
    plan = {**price(), "id": "plan_1", "interval": "month", "amount": 4900}
    update = {"expires_at": LATER, "subscription_items": [item(price=None, plan=plan)]}
    assert now(subscription(pending_update=update)).pending.items[0].price == "plan_1"
