"""What goes into an export? The entries of a book in the order of their days, as known at a position."""

from datetime import date

from ledgerstone.projections.postings import NAME
from ledgerstone.projections.reads.asked import Moment, Query, ask
from ledgerstone.projections.reads.balances import by_account, end_day
from ledgerstone.projections.reads.journal import ENTRIES, LOG, midnight

KNOWN = "e.book = %(book)s and e.position <= %(position)s and e.day < %(end_day)s"
REACHED = Query("select position from views.tracking where name = %(name)s", {"name": NAME})
"""How far the index is."""


def rows(moment: Moment, since: date, by_position: bool) -> Query:
    """Entries booked from a day on and before the moment, for `journal.shape`: in the order of their days,
    which is that of an index and needs no sorting, or of positions."""
    order = "e.position, e.first" if by_position else "e.day, e.position"
    text = (
        "select e.position, e.day, e.first, e.count, e.evidence, l.recorded_at, l.state"
        f" from {ENTRIES} e join {LOG} l on l.notification_id = e.position"
        f" where {KNOWN} and e.day >= %(since)s order by {order}"
    )
    return ask(moment, text, end_day=end_day(moment.at), since=since)


def first_day(moment: Moment) -> Query:
    """The first day on which anything is booked; null where nothing is."""
    return ask(moment, f"select min(e.day) from {ENTRIES} e where {KNOWN}", end_day=end_day(moment.at))


def held(moment: Moment, day: date, is_head: bool) -> Query:
    """What each account held when a day began, for `balances.balance`; from the sums of all postings where
    the moment `is_head`, which are read faster."""
    return by_account(Moment(moment.book, midnight(day), moment.position), None, None, is_head)
