"""What does each account hold? Sums of postings up to any day, as known at any position.

What is booked on a day stands in its books from its first instant: `as_of` within a day takes it whole."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.accounts import CHART
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.reads.asked import Moment, Query, ask

LEGS, HEAD, BLOCK = f"views.{NAME}", f"views.{NAME}_head", f"views.{NAME}_block"
TURNOVER = (
    "coalesce(sum(amount) filter (where amount > 0), 0) as debit,"
    " coalesce(-sum(amount) filter (where amount < 0), 0) as credit"
)


class Balance(Struct, frozen=True):
    """An account in one currency, in minor units: `opening` before `from` (0 without), what was debited and
    credited since, and the `balance` after that, above 0 on the debit side. `normal` is the side on which the
    account usually stands, `bas` its number in the BAS chart; `group` whose money it is, where it is grouped
    by `subject` or `tenant`: null where it is no tenant's. opening + debit - credit + fx = balance: `fx` is
    what rates moved, where all are converted into one currency; then amounts without a rate are null, and a
    last line, `fx`, which has no `bas`, is what rounding leaves of the whole."""

    account: str
    meaning: str
    bas: int | None
    normal: str
    group: str | None
    currency: str
    opening: int | None
    debit: int | None
    credit: int | None
    balance: int | None
    fx: int | None = 0


def end_day(end: datetime) -> date:
    """The first day whose books begin at or after an instant: days before it count up to that instant."""
    day = end.astimezone(UTC).date()
    return day if end == datetime(day.year, day.month, day.day, tzinfo=UTC) else day + timedelta(days=1)


def by_account(moment: Moment, since: date | None, chart: str | None, is_head: bool) -> Query:
    """Account, currency, opening, debit and credit of each account that was ever moved before the moment."""
    day = end_day(moment.at)
    found = sums("end_day", is_head, moment.position, chart is not None)
    before = sums("since", is_head, moment.position, chart is not None) if since else None
    return ask(moment, _compared(found, before), end_day=day, since=since, chart=chart)


def by_subject(moment: Moment, since: date | None, chart: str) -> Query:
    """The same of one account, by whose money it is: group, currency, opening, debit and credit."""
    where = "book = %(book)s and account = %(chart)s and position <= %(position)s and day < %(end_day)s"
    early = "day < %(since)s" if since else "false"
    text = (
        'select "of", currency,'
        f" coalesce(sum(amount) filter (where {early}), 0)::bigint,"
        f" coalesce(sum(amount) filter (where amount > 0 and not {early}), 0)::bigint,"
        f" coalesce(-sum(amount) filter (where amount < 0 and not {early}), 0)::bigint"
        f' from {LEGS} where {where} group by "of", currency order by "of", currency'
    )
    return ask(moment, text, end_day=end_day(moment.at), since=since, chart=chart)


def balance(row: Sequence[Any]) -> Balance:
    """A row of `by_account`."""
    account, currency, opening, debit, credit = row
    return _balance(account, None, currency, opening, debit, credit)


def balance_of(chart: str, row: Sequence[Any]) -> Balance:
    """A row of `by_subject`."""
    return _balance(chart, *row)


def sums(end: str, is_head: bool, position: int, of_one: bool) -> str:
    """Account, currency, debit and credit of all days before the parameter `end`, in parts to be added up;
    with `of_one` of the account `chart` only. The book is compared so that no index begins with it: the
    positions are few, and a table that was just filled is thought to be small."""
    one = " and account = %(chart)s" if of_one else ""
    months = f"monthly and day < date_trunc('month', %({end})s::date)::date"
    days = f"not monthly and day >= date_trunc('month', %({end})s::date)::date and day < %({end})s"
    columns = "select account, currency, debit, credit from"
    if is_head:
        return _both(f"{columns} {HEAD} where book = %(book)s{one} and", months, days)
    parts = [
        _both(
            f"{columns} {BLOCK} where book = %(book)s{one} and level = {level}"
            f" and bucket >= {first} and bucket < {end_} and",
            months,
            days,
        )
        for level, first, end_ in blocks(position)
    ]
    rest = (
        f"select account, currency, {TURNOVER} from {LEGS}"
        f" where position > {position // SPANS[0] * SPANS[0]} and position <= %(position)s"
        f" and book || '' = %(book)s{one} and day < %({end})s group by account, currency"
    )
    return " union all ".join([*parts, rest])


def blocks(position: int) -> list[tuple[int, int, int]]:
    """The blocks that together hold what stands up to a position, but for less than one of the lowest level:
    level, the first bucket, and that behind the last."""
    found, first = [], 0
    for level, span in reversed(list(enumerate(SPANS))):
        if (end := position // span) > first:
            found.append((level, first, end))
        if level:
            first = end * (span // SPANS[level - 1])
    return found


def _both(where: str, months: str, days: str) -> str:
    return f"{where} {months} union all {where} {days}"


def _compared(found: str, before: str | None) -> str:
    """What there is at the end beside what there was before, by account and currency."""
    parts = f"select account, currency, debit, credit, 0 as opened from ({found}) ended"
    if before is not None:
        parts += (
            " union all select account, currency, -debit, -credit, debit - credit as opened"
            f" from ({before}) begun"
        )
    return (
        "select account, currency, sum(opened)::bigint, sum(debit)::bigint, sum(credit)::bigint"
        f" from ({parts}) parts group by account, currency order by account, currency"
    )


def _balance(
    account: str, group: str | None, currency: str, opening: int, debit: int, credit: int
) -> Balance:
    known = CHART[account]
    return Balance(
        account,
        known.meaning,
        known.bas,
        known.normal,
        group,
        currency,
        opening,
        debit,
        credit,
        opening + debit - credit,
    )
