"""Which day's books something stands in."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.periods import booked

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def test_it_stands_on_the_day_when_it_happened_while_that_is_open() -> None:
    assert booked(NOON, None) == date(2026, 10, 31)
    assert booked(NOON, date(2026, 9, 30)) == date(2026, 10, 31)


def test_a_day_ends_at_midnight_in_utc() -> None:
    assert booked(datetime.fromisoformat("2026-11-01T00:30:00+01:00"), None) == date(2026, 10, 31)


def test_what_comes_after_the_close_stands_on_the_first_open_day() -> None:
    assert booked(NOON, date(2026, 10, 31)) == date(2026, 11, 1)
    assert booked(NOON, date(2026, 12, 31)) == date(2027, 1, 1)


@given(days, days)
def test_nothing_is_booked_into_what_is_closed_nor_before_it_happened(day: date, closed: date) -> None:
    happened = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = booked(happened, closed)

    assert found > closed
    assert found >= day
    assert found in (day, closed + timedelta(days=1))
