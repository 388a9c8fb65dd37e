"""What is not earned yet after a close, by the rows that it was made from; and does it hold that?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from ledgerstone.ledger import closing
from ledgerstone.ledger.book_invariants import (
    Close,
    Problem,
    deferred_revenue_is_what_schedules_have_left,
)
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.periods import PeriodClosed, Recognised, closed_through, last_day
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import sales
from ledgerstone.projections.postings import entries, legs

DEFERRED = "deferred_revenue"


def deferred(rows: Sequence[Recorded], closed: PeriodClosed) -> Iterator[Problem]:
    """What is wrong with what the last close of a book deferred, from the rows that it was made from."""
    yield from deferred_revenue_is_what_schedules_have_left(Close(closed, {}, unearned(rows, closed)))


def unearned(rows: Sequence[Recorded], closed: PeriodClosed) -> Counter[str]:
    """What deferred revenue should hold after a close, by currency, from the rows that it was made from: what
    schedules have left to earn, without what stands in later books."""
    day = last_day(closed.period)
    left = _booked_later(rows, day)
    for line, standing in closing.state(sales(corrected(rows)).values(), day).items():
        left[line.currency] += standing.deferred
    return left


def _booked_later(rows: Iterable[Recorded], day: date) -> Counter[str]:
    """What deferred revenue lacks at the end of a day: invoices from before it that were told while it was
    closed stand in later books, also when it was opened and closed again since."""
    through: date | None = None
    found: Counter[str] = Counter()
    for row in rows:
        for closed, sign in ((through, 1), (None, -1)) if through and _defers(row) else ():
            for leg in (leg for entry in entries(row, 0, closed) for leg in legs(entry, row)):
                if leg.day > day and leg.account == DEFERRED:
                    found[leg.currency] += sign * leg.amount
        through = closed_through(through, row.body)
    return found


def _defers(row: Recorded) -> bool:
    moves = () if isinstance(row.body, Recognised) else row.movements
    return any(DEFERRED in (move.debit, move.credit) for move in moves)
