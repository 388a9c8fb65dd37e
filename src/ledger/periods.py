"""In which day's books does a movement stand? Booking dates are derived, never stored in the log."""

from datetime import UTC, date, datetime, timedelta

from ledgerstone.ledger.fact import Fact


def booked(happened_at: datetime, closed_through: date | None) -> date:
    """The day in whose books something stands that is recorded while all days up to `closed_through` are
    closed: the day (UTC) when it happened, or, where that is closed, the first that is open."""
    day = happened_at.astimezone(UTC).date()
    return day if closed_through is None or day > closed_through else closed_through + timedelta(days=1)


def closed_through(held: date | None, fact: Fact) -> date | None:
    """The last closed day after a fact, where it was `held` before: no fact closes anything yet."""
    return held
