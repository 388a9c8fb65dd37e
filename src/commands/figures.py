"""The figures that the service answers with: a table for people, and whether they are the truth."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from ledgerstone.ledger.money import decimals

Row = Mapping[str, Any]

MOVED = ("opening", "new", "reactivation", "expansion", "contraction", "churn", "closing")
COUNTED = ("mrr", "active_subscriptions", "active_customers", "paying_customers")
DOWN = ("contraction", "churn")
"""What takes away is shown with a minus."""


def table(movements: Iterable[Row]) -> Iterator[str]:
    """The lines of a table of movements, a block for each currency, amounts with its decimals."""
    ordered = sorted(movements, key=itemgetter("currency", "period"))
    for currency, rows in groupby(ordered, itemgetter("currency")):
        yield ""
        yield from aligned([(currency.upper(), *MOVED[:-1], "MRR"), *map(_line, rows)])


def aligned(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])


def amount(minor: int | None, currency: str) -> str:
    """`1,234.50` for 123450 minor units of a currency with two decimals; a dash for what is not known."""
    if minor is None:
        return "–"
    places = decimals(currency)
    whole, rest = divmod(abs(minor), 10**places)
    return f"{'-' if minor < 0 else ''}{whole:,}" + (f".{rest:0{places}}" if places else "")


def differences(columns: Sequence[str], answered: Iterable[Row], true: Iterable[Row]) -> list[str]:
    """How answered figures differ from true ones, a sentence each. A line that is missing is one of zeros."""
    here, there = _cells(columns, answered), _cells(columns, true)
    nothing = (0,) * len(columns)
    return [
        f"{period} {currency} {column}: {one} answered, {other} true"
        for period, currency in sorted(here.keys() | there.keys())
        for column, one, other in zip(
            columns,
            here.get((period, currency), nothing),
            there.get((period, currency), nothing),
            strict=True,
        )
        if one != other
    ]


def _line(row: Row) -> tuple[str, ...]:
    signed = ((-row[name] if name in DOWN and row[name] else row[name]) for name in MOVED)
    return (row["period"], *(amount(value, row["currency"]) for value in signed))


def _cells(columns: Sequence[str], rows: Iterable[Row]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {(row["period"], row["currency"]): tuple(row[name] for name in columns) for row in rows}
