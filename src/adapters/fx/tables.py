"""What every file of rates must hold: days, currencies and numbers that can be trusted, or it is refused."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise

from ledgerstone.ledger.fx import BASE, FxRatePublished

NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
CODE = re.compile(r"[A-Z]{3}", re.ASCII)


class Unreadable(Exception):
    """A file of rates that cannot be taken; the message says where, and why."""


def table(day: str, rates: Iterable[tuple[str, str]], source: str, where: str) -> FxRatePublished:
    """A day's table from its texts, the numbers as we keep them: equal ones are equal texts. Raises
    Unreadable, which says `where`."""
    found: dict[str, str] = {}
    for currency, number in rates:
        code = currency.lower()
        if not CODE.fullmatch(currency) or code == BASE:
            raise Unreadable(f"{where}: {currency!r} is no currency that the euro has a rate in")
        if code in found:
            raise Unreadable(f"{where}: {currency} is there twice for {day}")
        found[code] = _ordinary(number, f"{where}: the rate of {currency}")
    if not found:
        raise Unreadable(f"{where}: no rates for {day}")
    return FxRatePublished(day=_day(day, where), rates=dict(sorted(found.items())), source=source)


def in_order(tables: Iterable[FxRatePublished]) -> list[FxRatePublished]:
    """Tables by their days, of which each has one."""
    ordered = sorted(tables, key=lambda each: each.day)
    for one, next in pairwise(ordered):
        if one.day == next.day:
            raise Unreadable(f"{one.day} is there twice")
    return ordered


def _day(text: str, where: str) -> date:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unreadable(f"{where}: {text!r} is no date, as 2026-11-04 is")


def _ordinary(text: str, what: str) -> str:
    number = Decimal(text) if NUMBER.fullmatch(text) else Decimal(0)
    if not number:
        raise Unreadable(f"{what} is {text!r}, and not a number above 0")
    return format(number.normalize(), "f")
