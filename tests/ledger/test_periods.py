"""Which day's books something stands in."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.fx import FxRatePublished
from ledgerstone.ledger.periods import (
    PeriodClosed,
    PeriodReopened,
    booked,
    closed_for,
    closed_through,
    days,
    ends_at,
    in_force,
    last_day,
    reopened,
)

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
any_day = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def test_it_stands_on_the_day_when_it_happened_while_that_is_open() -> None:
    assert booked(NOON, None) == date(2026, 10, 31)
    assert booked(NOON, date(2026, 9, 30)) == date(2026, 10, 31)


def test_a_day_ends_at_midnight_in_utc() -> None:
    assert booked(datetime.fromisoformat("2026-11-01T00:30:00+01:00"), None) == date(2026, 10, 31)


def test_what_comes_after_the_close_stands_on_the_first_open_day() -> None:
    assert booked(NOON, date(2026, 10, 31)) == date(2026, 11, 1)
    assert booked(NOON, date(2026, 12, 31)) == date(2027, 1, 1)


@given(any_day, any_day)
def test_nothing_is_booked_into_what_is_closed_nor_before_it_happened(day: date, closed: date) -> None:
    happened = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = booked(happened, closed)

    assert found > closed
    assert found >= day
    assert found in (day, closed + timedelta(days=1))


def closed(period: str) -> PeriodClosed:
    return PeriodClosed(period=period, actor="ada")


def taken_back(period: str) -> PeriodReopened:
    return PeriodReopened(period=period, actor="ada", reason="an invoice was missing")


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026-10", "2026-10-01", "2026-10-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
    ],
)
def test_a_period_is_a_month(period: str, first: str, last: str) -> None:
    assert days(period)[0] == date.fromisoformat(first)
    assert last_day(period) == date.fromisoformat(last)
    assert ends_at(period).isoformat() == f"{last}T23:59:59+00:00"


@pytest.mark.parametrize(
    "period", ["2026", "2026-13", "2026-1", "2026-W1", "", "2026-10-01", "October", "9999-12"]
)
def test_what_is_no_month_says_how_to_write_one(period: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-10"):
        days(period)


def test_a_close_closes_all_days_up_to_its_last_and_a_reopening_opens_what_it_closed() -> None:
    october, november = date(2026, 10, 31), date(2026, 11, 30)
    assert closed_through(None, closed("2026-10")) == october
    assert closed_through(october, closed("2026-11")) == november
    assert closed_through(november, closed("2026-10")) == november
    assert closed_through(november, taken_back("2026-10")) is None
    september = date(2026, 9, 30)
    assert closed_through(november, replace(taken_back("2026-10"), through=september)) == september
    assert closed_through(october, FxRatePublished(day=october, rates={}, source="x")) == october


def test_a_close_stands_in_its_month_and_so_does_what_takes_it_back() -> None:
    september, november = date(2026, 9, 30), date(2026, 11, 30)
    assert booked(ends_at("2026-10"), closed_for(september, closed("2026-10"))) == date(2026, 10, 31)
    back = replace(taken_back("2026-11"), through=september)
    assert booked(ends_at("2026-11"), closed_for(november, back)) == november


def test_a_reopening_is_of_each_later_month_too_the_last_first_and_says_why() -> None:
    closes = in_force([closed("2026-08"), closed("2026-09"), closed("2026-10"), closed("2026-11")])
    opened = list(reopened(closes, "2026-09", "ada", "an invoice was missing"))
    assert [each.period for each in opened] == ["2026-11", "2026-10", "2026-09"]
    assert [each.through for each in opened] == [date(2026, 10, 31), date(2026, 9, 30), date(2026, 8, 31)]
    assert [each.through for each in reopened(closes, "2026-08", "ada", "why")][-1] is None
    assert {(each.actor, each.reason) for each in opened} == {("ada", "an invoice was missing")}
    assert list(in_force([*closes.values(), *opened])) == ["2026-08"]
    with pytest.raises(ValueError, match="2026-12 is not closed"):
        list(reopened(closes, "2026-12", "ada", "why"))
    with pytest.raises(ValueError, match="2026-07 was closed together with 2026-08"):
        list(reopened(closes, "2026-07", "ada", "why"))
    for actor, reason in (("ada", " "), ("", "why")):
        with pytest.raises(ValueError, match="say who takes it, and why"):
            list(reopened(closes, "2026-09", actor, reason))
