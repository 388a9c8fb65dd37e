"""What accounts hold, by plain arithmetic over the rows of a log: it knows no index and no sums."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.recorded import Recorded

Cells = dict[tuple[str, str], tuple[int, int]]
"""Debits and credits by account and currency."""


def held(rows: Iterable[tuple[int, Recorded]], position: int, end: date, since: date = date.min) -> Cells:
    """What the first rows moved on the days from `since` up to, and without, `end`; no period is closed."""
    found: defaultdict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for at, row in rows:
        for place, move in enumerate(row.movements):
            if at <= position and since <= _day(row, place) < end:
                for account, debit, credit in (
                    (move.debit, move.amount, 0),
                    (move.credit, 0, move.amount),
                ):
                    debited, credited = found[account, move.currency]
                    found[account, move.currency] = debited + debit, credited + credit
    return dict(found)


def _day(row: Recorded, place: int) -> date:
    undone = isinstance(row.body, Superseded) and place < row.body.undone
    return (row.body.was_at if undone and isinstance(row.body, Superseded) else row.happened_at).date()
