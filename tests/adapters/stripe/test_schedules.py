"""Schedules as Stripe tells of them, and what is agreed on as of any time."""

from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.adapters.stripe.translate.reading import moment
from ledgerstone.ledger.schedules import (
    Phase,
    PlannedItem,
    PlannedPause,
    Promise,
    Schedule,
    SubscriptionScheduleSeen,
)
from ledgerstone.projections.schedules import ScheduleRow
from tests.stripe_objects import (
    BORN,
    NOW,
    Json,
    event,
    facts,
    item,
    parked,
    price,
    read,
    subscription,
    without,
)
from tests.stripe_schedules import phase, schedule
from tests.worlds import at_the_head

NEXT, LAST = NOW + 86_400, NOW + 2 * 86_400
TEN = [{"discounts": [], "price": "price_1", "quantity": 10}]
TWO_PHASES = (phase(BORN, NEXT), phase(NEXT, LAST, items=TEN))
VERBS = ("created", "updated", "released", "canceled", "completed", "aborted", "expiring")
Agreed = tuple[str, datetime, datetime | None, datetime, datetime | None]


def seen(object: Json, previous: Any = None, verb: str = "updated") -> SubscriptionScheduleSeen:
    fact = facts(f"subscription_schedule.{verb}", object, previous)["stripe/evt_1/schedule"]
    assert isinstance(fact, SubscriptionScheduleSeen)
    return fact


def said(object: Json, at: int = NOW, verb: str = "updated", previous: Any = None) -> Json:
    return event(f"subscription_schedule.{verb}", object, previous, id=f"evt_{verb}_{at}", created=at)


def rows(*told: Json) -> list[ScheduleRow]:
    found = at_the_head([row for message in told for row in read(message).rows])["schedules"]
    kept = [row for row in found if isinstance(row, ScheduleRow)]
    return sorted(kept, key=lambda row: (row.valid_from, row.subscription or "", row.starts_at, row.kind))


def agreed(*told: Json) -> list[Agreed]:
    """What was agreed on under the subscription, from when until when; the same in any order of arrival."""
    orders = [rows(*order) for order in permutations(told)]
    assert all(each == orders[0] for each in orders)
    return [
        (row.kind, row.starts_at, row.ends_at, row.valid_from, row.valid_to)
        for row in orders[0]
        if row.subscription is not None
    ]


MADE = said(schedule(*TWO_PHASES), BORN, "created")
BOTH: list[tuple[str, datetime, datetime | None]] = [
    ("phase", moment(BORN), moment(NEXT)),
    ("phase", moment(NEXT), moment(LAST)),
]


def since(start: int, end: int | None, changes: Any = BOTH) -> list[Agreed]:
    return [(*change, moment(start), None if end is None else moment(end)) for change in changes]


@pytest.mark.parametrize("verb", VERBS)
def test_a_schedule_is_seen_with_its_phases(verb: str) -> None:
    two, ten = (PlannedItem(price="price_1", quantity=quantity) for quantity in (2, 10))
    fact = seen(schedule(*TWO_PHASES), verb=verb)
    assert (fact.id, fact.first, fact.last) == ("sub_sched_1", verb == "created", False)
    assert fact.now == Schedule(
        status="active",
        created_at=moment(BORN),
        phases=(
            Phase(start=moment(BORN), end=moment(NEXT), items=(two,), proration="create_prorations"),
            Phase(start=moment(NEXT), end=moment(LAST), items=(ten,), proration="create_prorations"),
        ),
        end_behavior="release",
        customer="cus_1",
        subscription="sub_1",
    )


def test_what_changed_in_it_is_seen_too() -> None:
    fact = seen(schedule(*TWO_PHASES), {"phases": [TWO_PHASES[0]], "metadata": {}})
    assert fact.before is not None
    assert (len(fact.before.phases), len(fact.now.phases)) == (1, 2)


def test_discounts_to_come_are_a_coupon_a_code_or_one_that_goes_on() -> None:
    three: list[Json] = [{"coupon": "WELCOME"}, {"promotion_code": {"id": "promo_1"}}, {"discount": "di_1"}]
    planned = seen(schedule(phase(NOW, NEXT, discounts=three, items=[{**TEN[0], "discounts": three[:1]}])))
    (only,) = planned.now.phases
    assert only.discounts == (Promise(coupon="WELCOME"), Promise(code="promo_1"), Promise(discount="di_1"))
    assert only.items[0].discounts == (Promise(coupon="WELCOME"),)


def test_older_versions_say_plans_and_one_coupon() -> None:
    older = without(phase(NOW, NEXT), "items", "discounts", plans=[{"plan": "plan_1"}], coupon="WELCOME")
    (only,) = seen(schedule(older)).now.phases
    assert only.items == (PlannedItem(price="plan_1"),)
    assert only.discounts == (Promise(coupon="WELCOME"),)


@pytest.mark.parametrize(
    ("fields", "end"), [({"trial": True}, NEXT), ({"trial_end": NOW + 5}, NOW + 5), ({}, None)]
)
def test_a_phase_may_be_a_trial_in_whole_or_in_part(fields: Json, end: int | None) -> None:
    (only,) = seen(schedule(phase(NOW, NEXT, **fields))).now.phases
    assert only.trial_end == (None if end is None else moment(end))


def test_pauses_to_come_are_kept_unless_they_failed() -> None:
    def step(name: str, at: int, status: str) -> Json:
        return {f"{name}_at": at, "status": {"type": status}}

    pauses = [
        {"key": "a", "pause": step("pause", NOW, "scheduled"), "resume": step("resume", NEXT, "scheduled")},
        {"key": "b", "pause": step("pause", NEXT, "succeeded"), "resume": step("resume", LAST, "error")},
        {"key": "c", "pause": step("pause", LAST, "error"), "resume": None},
    ]
    assert seen(schedule(pause_schedules=pauses)).now.pauses == (
        PlannedPause(at=moment(NOW), resumes_at=moment(NEXT)),
        PlannedPause(at=moment(NEXT)),
    )


@pytest.mark.parametrize("field", ["id", "status", "created", "phases", "end_behavior"])
@pytest.mark.parametrize("value", [None, 7.5, True])
def test_what_a_schedule_cannot_be_without_parks_the_event(field: str, value: Any) -> None:
    assert f"data.object.{field}" in parked("subscription_schedule.updated", schedule(**{field: value}))


@pytest.mark.parametrize("bad", [without(TWO_PHASES[0], "items"), phase(NOW, NEXT, items=[{"quantity": 1}])])
def test_a_phase_of_nothing_parks_the_event(bad: Json) -> None:
    assert parked("subscription_schedule.updated", schedule(bad)).startswith("data.object.phases: ")


def test_phases_are_agreed_on_from_when_the_schedule_was_made() -> None:
    assert agreed(MADE) == since(BORN, None)
    assert agreed(said(schedule(*TWO_PHASES))) == since(BORN, None)


def test_a_changed_schedule_is_another_agreement_from_then_on() -> None:
    longer = said(schedule(*TWO_PHASES, phase(LAST, LAST + 60)), previous={"phases": list(TWO_PHASES)})
    more = [*BOTH, ("phase", moment(LAST), moment(LAST + 60))]
    assert agreed(MADE, longer) == [*since(BORN, NOW), *since(NOW, None, more)]


@pytest.mark.parametrize(
    ("verb", "status", "mark"),
    [
        ("released", "released", "released_at"),
        ("canceled", "canceled", "canceled_at"),
        ("aborted", "canceled", "canceled_at"),
        ("completed", "completed", "completed_at"),
    ],
)
def test_nothing_is_agreed_on_after_the_schedule_ended(verb: str, status: str, mark: str) -> None:
    gone = schedule(*TWO_PHASES, status=status, **{mark: NOW})
    told = said(gone, NOW + 9, verb, {"status": "active", mark: None})
    assert agreed(MADE, told) == since(BORN, NOW)


def test_a_schedule_that_let_its_subscription_go_still_says_which() -> None:
    over = {"status": "active", "subscription": "sub_1", "released_subscription": None, "released_at": None}
    gone = schedule(
        *TWO_PHASES, status="released", subscription=None, released_subscription="sub_1", released_at=NOW
    )
    for previous in (over, None):
        assert agreed(MADE, said(gone, NOW, "released", previous)) == since(BORN, NOW)


def test_an_ending_is_the_last_of_its_second() -> None:
    gone = said(schedule(*TWO_PHASES, status="canceled", canceled_at=NOW), NOW, "canceled")
    longer = said(schedule(*TWO_PHASES, phase(LAST, LAST + 60)), NOW)
    assert agreed(MADE, gone, longer) == since(BORN, NOW)


def test_a_schedule_that_is_about_to_end_has_not() -> None:
    assert agreed(MADE, said(schedule(*TWO_PHASES), NOW, "expiring")) == since(BORN, None)


def test_the_subscription_ends_with_a_schedule_that_says_so() -> None:
    made = said(schedule(*TWO_PHASES, end_behavior="cancel"), BORN, "created")
    assert agreed(made) == since(BORN, None, [*BOTH, ("end", moment(LAST), None)])


def test_a_pause_to_come_and_its_end_are_agreed_on() -> None:
    pauses = [{"key": "a", "pause": {"pause_at": NEXT}, "resume": {"resume_at": LAST}}]
    paused = [("pause", moment(NEXT), moment(LAST)), ("resume", moment(LAST), None)]
    assert agreed(said(schedule(pause_schedules=pauses), BORN, "created")) == since(BORN, None, paused)


def test_before_it_makes_a_subscription_a_schedule_stands_by_itself() -> None:
    waiting = schedule(*TWO_PHASES, status="not_started", subscription=None)
    begun = said(schedule(*TWO_PHASES), NEXT, previous={"status": "not_started", "subscription": None})
    found = rows(said(waiting, BORN, "created"), begun)
    assert [(row.subscription, row.valid_from, row.valid_to) for row in found] == [
        *[(None, moment(BORN), moment(NEXT))] * 2,
        *[("sub_1", moment(NEXT), None)] * 2,
    ]


def test_items_to_come_are_in_the_words_of_prices_as_far_as_they_are_known() -> None:
    assert '"plan":null' in (rows(MADE)[0].items or "")
    known = event("price.created", price(), id="evt_p", created=BORN)
    for order in ((MADE, known), (known, MADE)):
        items = rows(*order)[1].items or ""
        assert '"plan":"prod_1","quantity":10,"interval":"month"' in items
        assert '"unit_amount":"4900"' in items


def test_what_is_to_come_never_counts_before_a_message_says_that_it_came() -> None:
    """Stripe tells of each phase that begins: the subscription was updated."""
    bought = event("customer.subscription.created", subscription(), id="evt_s", created=BORN)
    more = subscription(items={"data": [item(quantity=10)]})
    moved = event(
        "customer.subscription.updated", more, {"items": {"data": [item()]}}, id="evt_m", created=NEXT
    )

    def worth(*told: Json) -> list[tuple[datetime, Any, Any]]:
        found: Any = at_the_head([row for message in told for row in read(message).rows])["mrr"]
        return sorted((row.valid_from, row.valid_to, row.mrr) for row in found)

    assert worth(bought, MADE) == worth(bought) == [(moment(BORN), None, 9800)]
    assert worth(bought, MADE, moved) == [
        (moment(BORN), moment(NEXT), 9800),
        (moment(NEXT), None, 49_000),
    ]


LIFE = (
    said(schedule(*TWO_PHASES, status="not_started", subscription=None), BORN, "created"),
    said(schedule(*TWO_PHASES), BORN, previous={"status": "not_started", "subscription": None}),
    said(schedule(*TWO_PHASES, end_behavior="cancel"), NOW, previous={"end_behavior": "release"}),
    said(schedule(*TWO_PHASES, end_behavior="cancel"), NOW, "expiring"),
    said(schedule(*TWO_PHASES), NOW + 1, previous={"end_behavior": "cancel"}),
    said(schedule(*TWO_PHASES, status="canceled", canceled_at=NEXT), NEXT, "canceled"),
)


@given(st.permutations(range(len(LIFE))), st.lists(st.integers(0, len(LIFE) - 1), max_size=4))
@settings(deadline=None)
def test_the_order_of_messages_and_their_repetition_never_matter(order: list[int], again: list[int]) -> None:
    told = {row.name: row for at in [*order, *again] for row in read(LIFE[at]).rows}
    found = at_the_head(list(told.values()))["schedules"]
    assert sorted(map(repr, found)) == sorted(map(repr, rows(*LIFE)))
