"""What moved recurring revenue? The identity holds for every customer, period and grouping."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ledgerstone.ledger.growth import (
    GRAINS,
    Movement,
    closings,
    end_of,
    history,
    midnight,
    movements,
    period_of,
    standings,
    stood,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


class Line(Struct, frozen=True):
    """An item's worth for a time."""

    valid_from: datetime
    valid_to: datetime | None
    subscription: str
    currency: str
    mrr: int | None
    plan: str = ""


@pytest.mark.parametrize(
    ("before", "after", "was", "expected"),
    [
        ({}, {"pro": 9}, False, {"pro": Movement(new=9)}),
        ({}, {"pro": 9}, True, {"pro": Movement(reactivation=9)}),
        ({"pro": 9}, {}, True, {"pro": Movement(churn=9)}),
        ({"pro": 9}, {"pro": 12}, True, {"pro": Movement(expansion=3)}),
        ({"pro": 9}, {"pro": 5}, True, {"pro": Movement(contraction=4)}),
        (
            {"free": 4, "pro": 9},
            {"pro": 9, "team": 20},
            True,
            {"free": Movement(leaving=4), "team": Movement(entering=4, expansion=16)},
        ),
        (
            {"pro": 9},
            {"team": 5},
            True,
            {"pro": Movement(leaving=5, contraction=4), "team": Movement(entering=5)},
        ),
    ],
)
def test_a_movement_has_the_class_of_the_customers_total(
    before: dict[str, int], after: dict[str, int], was: bool, expected: dict[str, Movement]
) -> None:
    found = movements(before, after, was)

    assert {group: moved for group, moved in found.items() if any(moved)} == expected


def test_a_change_at_midnight_belongs_to_the_day_that_begins() -> None:
    line = Line(START, None, "sub_1", "usd", 100)

    assert standings([line], START, lambda line: line.plan) == {}
    assert standings([line], START + timedelta(seconds=1), lambda line: line.plan)


def test_the_end_of_december_is_the_first_instant_of_the_next_year() -> None:
    assert end_of(START.date().replace(month=12), "month") == midnight(START.date().replace(year=2027))


hours = st.integers(0, 24 * 80)
lines = st.lists(
    st.builds(
        lambda start, length, which, plan, mrr: Line(
            START + timedelta(hours=start),
            None if length == 0 else START + timedelta(hours=start + length),
            f"sub_{which}",
            "usd",
            mrr,
            plan,
        ),
        hours,
        st.integers(0, 900),
        st.integers(1, 3),
        st.sampled_from(["free", "pro", "team"]),
        st.integers(0, 3).map(lambda n: n * 1000),
    ),
    max_size=6,
)


@given(lines, st.sampled_from(GRAINS), st.booleans())
def test_opening_and_movements_make_the_closing(some: list[Line], grain: str, by_plan: bool) -> None:
    held: dict[str, int] = {}
    group = (lambda line: line.plan) if by_plan else (lambda line: "")
    for period, _, moved in history(stood(closings(some), group), grain):
        for name, m in moved.items():
            up = m.new + m.reactivation + m.expansion + m.entering
            held[name] = held.get(name, 0) + up - m.contraction - m.churn - m.leaving
        now = standings(some, end_of(period, grain), group)
        assert {g: mrr for g, mrr in held.items() if mrr} == {g: s.mrr for (_, g), s in now.items() if s.mrr}


@given(lines, st.sampled_from(GRAINS))
def test_groups_add_up_to_the_total_in_every_class(some: list[Line], grain: str) -> None:
    total = {period: moved[""] for period, _, moved in history(stood(closings(some), lambda line: ""), grain)}
    for period, _, moved in history(stood(closings(some), lambda line: line.plan), grain):
        whole = total.get(period, Movement())
        for kind in ("new", "reactivation", "expansion", "contraction", "churn"):
            assert sum(getattr(m, kind) for m in moved.values()) == getattr(whole, kind)
        assert sum(m.entering for m in moved.values()) == sum(m.leaving for m in moved.values())


@given(lines)
def test_a_customer_is_new_once(some: list[Line]) -> None:
    found = [moved[""] for _, _, moved in history(stood(closings(some), lambda line: ""), "day")]

    assert sum(m.new > 0 for m in found) <= 1
    assert period_of(START, "month") == START.date()
