"""What do balances come to in one currency?

Each is worth what the European Central Bank said on the day before the instant that it is of: what an account
held before `from` by the rates before that, all else by those before the end; `fx` is the rest, what the
rates moved. Sums over currencies are of exact fractions, rounded once.

As every currency balances by itself, a whole trial balance adds up to nothing at any rates, and what rounding
leaves of that is a last line of its own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from msgspec.structs import replace

from ledgerstone.projections.reads.balances import Balance
from ledgerstone.projections.reads.converted import Conversion, Factors

FX = "fx"
"""The account, none of the chart, of what rounding leaves."""
MEANING = "what rounding each balance leaves, so that all add up to nothing"
Place = tuple[str, str | None]


def valued(
    rows: Iterable[Balance], by: Conversion, since: datetime | None, at: datetime, whole: bool
) -> list[Balance]:
    """Balances at an instant as one line for each account and group; null where a rate is not known. Of a
    `whole` trial balance there is a last line, so that each column of amounts adds up."""
    found: dict[Place, list[Balance]] = {}
    for row in rows:
        found.setdefault((row.account, row.group), []).append(row)
    currencies = {row.currency for own in found.values() for row in own}
    now = by.factors(currencies, at)
    before = now if since is None else by.factors(currencies, since)
    lines = [_line(own, by.into, before, now) for own in found.values()]
    return [*lines, _rest(lines, by.into)] if whole and lines else lines


def unknown(rows: Iterable[Balance], by: Conversion, since: datetime | None, at: datetime) -> list[str]:
    """The currencies of amounts that have no rate."""
    held = list(rows)
    currencies = {row.currency for row in held}
    now, before = by.factors(currencies, at), by.factors(currencies, since or at)
    return sorted(
        {
            row.currency
            for row in held
            if (row.opening and before[row.currency] is None)
            or ((row.debit or row.credit or row.balance) and now[row.currency] is None)
        }
    )


def _line(own: list[Balance], into: str, before: Factors, now: Factors) -> Balance:
    """An account's balances, each of another currency, as one."""
    opening = _sum(((row.opening, row.currency) for row in own), before)
    debit = _sum(((row.debit, row.currency) for row in own), now)
    credit = _sum(((row.credit, row.currency) for row in own), now)
    balance = _sum(((row.balance, row.currency) for row in own), now)
    return _moved(
        replace(own[0], currency=into, opening=opening, debit=debit, credit=credit, balance=balance)
    )


def _rest(lines: list[Balance], into: str) -> Balance:
    """What all lines come to, the other way round."""
    opening, balance = (_negative([getattr(line, name) for line in lines]) for name in ("opening", "balance"))
    turned = _negative([_less(line.debit, line.credit) for line in lines])
    debit, credit = (None, None) if turned is None else (max(turned, 0), max(-turned, 0))
    rest = Balance(FX, MEANING, None, "debit", None, into, opening, debit, credit, balance)
    return _moved(rest)


def _moved(line: Balance) -> Balance:
    """With what the rates moved."""
    parts = (line.balance, line.opening, line.debit, line.credit)
    if None in parts:
        return replace(line, fx=None)
    balance, opening, debit, credit = (part or 0 for part in parts)
    return replace(line, fx=balance - opening - debit + credit)


def _sum(amounts: Iterable[tuple[int | None, str]], factors: Mapping[str, Fraction | None]) -> int | None:
    total = Fraction(0)
    for amount, currency in amounts:
        factor = factors[currency]
        if amount and factor is None:
            return None
        total += (amount or 0) * (factor or 0)
    return round(total)


def _negative(amounts: list[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return -sum(known) if len(known) == len(amounts) else None


def _less(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other
