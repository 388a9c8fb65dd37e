"""Seconds, days and months, all in UTC; an instant is whole seconds since 1970, as Stripe's `created`."""

from calendar import monthrange
from datetime import UTC, datetime

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800


def month_start(month: str) -> int:
    """The first instant of `2024-11`."""
    return int(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp())


def add_months(instant: int, months: int) -> int:
    """So many months later; the 31st falls on the last day of a shorter month, as in Stripe's billing."""
    at = datetime.fromtimestamp(instant, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def step(instant: int, interval: str, steps: int) -> int:
    """So many billing intervals (week, month, year) later."""
    if interval == "week":
        return instant + steps * WEEK
    return add_months(instant, steps * (12 if interval == "year" else 1))


def day_before(end: int) -> str:
    """The day that ends, exclusively, at this instant: `2024-11-30`."""
    return datetime.fromtimestamp(end - 1, UTC).strftime("%Y-%m-%d")


def iso(instant: int | None) -> str | None:
    """RFC 3339, UTC."""
    return None if instant is None else datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
