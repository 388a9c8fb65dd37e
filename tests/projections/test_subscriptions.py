"""A subscription's timeline: events against pages of lists, and what was when."""

from itertools import permutations

from tests.plain.history import Json
from tests.second_opinion import Shown, read
from tests.stripe_objects import BORN, NOW, event, subscription

ACTIVE, LATE = subscription(), subscription(status="past_due")
CREATED = event("customer.subscription.created", ACTIVE, id="evt_1", created=BORN)
FIVE = 300


def timeline(*told: Json) -> list[tuple[float, str, bool]]:
    """Since when, which status, and whether that is sure; the same in every order of the messages."""
    found = [
        sorted(
            (row.valid_from.timestamp(), row.status, row.sure)
            for row in Shown(map(read, order)).rows["subscriptions"]
        )
        for order in permutations(told)
    ]
    assert all(each == found[0] for each in found)
    return found[0]


def fell_behind(at: int) -> Json:
    return event("customer.subscription.updated", LATE, {"status": "active"}, id="evt_2", created=at)


def recovered(at: int) -> Json:
    return event("customer.subscription.updated", ACTIVE, {"status": "past_due"}, id="evt_3", created=at)


def test_a_page_tells_what_no_event_told() -> None:
    page = {"swept": LATE, "requested": NOW}

    assert timeline(CREATED, page) == [(BORN, "active", True), (NOW - FIVE, "past_due", True)]


def test_any_event_since_five_minutes_before_the_request_wins_over_a_page() -> None:
    page = {"swept": LATE, "requested": NOW}

    assert timeline(CREATED, fell_behind(NOW - 900), page, recovered(NOW - 299))[-1] == (
        NOW - 299,
        "active",
        True,
    )


def test_an_event_from_before_that_does_not() -> None:
    page = {"swept": ACTIVE, "requested": NOW}

    assert timeline(CREATED, fell_behind(NOW - 301), page)[-1] == (NOW - FIVE, "active", True)


def test_a_page_takes_away_a_doubt() -> None:
    shown = event("customer.subscription.trial_will_end", LATE, id="evt_4", created=BORN)
    page = {"swept": ACTIVE, "requested": NOW}

    assert timeline(CREATED, shown) == [(BORN, "past_due", False)]
    assert timeline(CREATED, shown, page)[-1] == (NOW - FIVE, "active", True)


def test_a_trial_is_over_when_it_says_so_also_for_who_is_paused_then() -> None:
    tried = subscription(status="trialing", trial_end=NOW)
    paused = {**tried, "status": "paused"}
    told = [
        event("customer.subscription.created", tried, id="evt_1", created=BORN),
        event(
            "customer.subscription.updated", paused, {"status": "trialing"}, id="evt_2", created=NOW + 3600
        ),
    ]

    assert timeline(*told) == [(BORN, "trialing", True), (NOW, "paused", True)]
