"""Which part of each line of an invoice is earned, which is deferred, and when will that be earned?

What stands in a row is as of its first day; what was earned since is worked out here by the rule of
`ledger.recognition.part`, so that any day is answered from one row a line."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from msgspec import Struct

from ledgerstone.projections.reads.asked import List, Moment, Place, Query, ask, counted, known, relation
from ledgerstone.projections.reads.balances import end_day
from ledgerstone.projections.recognition import Recognition
from ledgerstone.projections.taken_back import midnight

ROWS = relation(Recognition)
ORDER = "r.issued_on, r.key, -r.line, r.rate || ' ' || r.currency"
"""By which lines are listed, what is last first."""
DAYS = "nullif(r.spread_to - r.spread_from, 0)"
FILTERS = {
    "invoice": "r.key = %(invoice)s",
    "customer": "r.customer = %(customer)s",
    "plan": "r.plan = %(plan)s",
    "currency": "r.currency = %(currency)s",
}


class ScheduleLine(Struct, frozen=True):
    """A line of an invoice, minor units without tax: `net` was asked for the days from `start` to `end`
    (which is not part of it; null: no days). Up to the moment `earned` of it, in all, of which `returned` and
    `lost` were given back or lost in disputes; `freed` came off what was not earned yet, and `deferred` is
    still to be earned. `line` is its place in the invoice; -1 is the rest of which nobody told the days, -2
    what is of no line: more than the lines had, and the tax given back (`taxed`); and -3, from the day on
    which the invoice was written off, what was `recovered` of that, as it is not owed any more, and
    `relieved`, tax that is not owed of what stays. Tax has a line for each `rate` (empty: nobody told it)."""

    invoice: str
    line: int
    rate: str
    customer: str | None
    subscription: str
    plan: str
    currency: str
    net: int
    issued: str
    start: str | None
    end: str | None
    earned: int
    returned: int
    lost: int
    freed: int
    deferred: int
    taxed: int
    recovered: int
    relieved: int


class DeferredMonth(Struct, frozen=True):
    """What is deferred of a plan in a currency at the beginning of a month to come (`opening`), how much of
    it is earned in that month by `lines` lines, and what is left (`closing`), if nothing happens until then.
    The first month begins at the moment that is asked for. `month` null is what no days are told of."""

    month: str | None
    plan: str
    currency: str
    opening: int
    earned: int
    closing: int
    lines: int


def last_day(moment: Moment) -> date:
    """The last day that counts: one that has begun counts whole, as in the journal."""
    return end_day(moment.at) - timedelta(days=1)


def spread(day: str) -> str:
    """How much of what a row defers is earned by the end of a day, in SQL; `recognition.part` in Python."""
    gone = f"least(greatest({day} - r.spread_from + 1, 0), {DAYS})"
    share = f"sign(r.deferred::numeric) * div(abs(r.deferred::numeric) * {gone}, {DAYS})"
    return f"coalesce({share}, 0)::bigint"


def rows(moment: Moment, given: Mapping[str, Any], after: Place | None, limit: int | None) -> Query:
    """The lines of all invoices that were issued up to a day, what is earned of each and what is deferred;
    those issued last first."""
    conditions = _conditions(given)
    if after is not None:
        conditions.append(f"({ORDER}) < (%(after_on)s, %(after_id)s, %(after_line)s, %(after_rate)s)")
    text = (
        "select r.key, r.line, r.rate, r.customer, r.subscription, r.plan, r.currency, r.net, r.issued_on,"
        f" r.service_start, r.service_end, r.earned, r.returned, r.lost, r.freed, r.deferred, r.taxed,"
        f" r.recovered, r.relieved, {spread('%(day)s')} from {ROWS} r where {' and '.join(conditions)}"
        f" order by {', '.join(f'{part} desc' for part in ORDER.split(', '))}"
        f"{'' if limit is None else f' limit {limit:d}'}"
    )
    id, line, rate = _after(after)
    asked = {**given, "day": last_day(moment), "after_on": after and after[0].astimezone(UTC).date()}
    return ask(moment, text, **asked, after_id=id, after_line=line, after_rate=rate)


def shape(row: Sequence[Any]) -> ScheduleLine:
    """A row of `rows`."""
    *named, issued, start, end, earned, returned, lost, freed, deferred, taxed, recovered, relieved, gone = (
        row
    )
    invoice, line, rate, customer, subscription, plan, currency, net = named
    return ScheduleLine(
        invoice=invoice,
        line=line,
        rate=rate,
        customer=customer,
        subscription=subscription,
        plan=plan,
        currency=currency,
        net=net,
        issued=issued.isoformat(),
        start=start and start.isoformat(),
        end=end and end.isoformat(),
        earned=earned + gone,
        returned=returned,
        lost=lost,
        freed=freed,
        deferred=deferred - gone,
        taxed=taxed,
        recovered=recovered,
        relieved=relieved,
    )


def place(line: ScheduleLine) -> Place:
    """Where a line stands in the list."""
    where = f"{line.line}:{line.rate} {line.currency}:{line.invoice}"
    return midnight(date.fromisoformat(line.issued)), where


LIST = List(rows, shape, place)


def ahead(moment: Moment, given: Mapping[str, Any]) -> Query:
    """Plan, currency and month (null: never), how much of what is deferred is earned in it, by how many
    lines; for each plan and currency first (the month `-infinity`) all that is deferred."""
    day = "%(day)s::date"
    left = (
        f"select r.*, r.deferred - {spread(day)} as remains from {ROWS} r"
        f" where {' and '.join([*_conditions(given), 'r.deferred <> 0'])}"
    )
    begins, ends = f"greatest({day}, month - 1)", "(month + interval '1 month')::date - 1"
    months = (
        f"generate_series(date_trunc('month', greatest(r.spread_from, {day} + 1)::timestamp),"
        " date_trunc('month', (r.spread_to - 1)::timestamp), interval '1 month')"
    )
    text = (
        f"with r as ({left}) select plan, currency, null::date, sum(remains)::bigint, count(*)"
        " from r where remains <> 0 group by plan, currency union all"
        " select plan, currency, month, sum(earned)::bigint, count(*) from ("
        f"select r.plan, r.currency, m.month, {spread(ends)} - {spread(begins)} as earned"
        f" from r cross join lateral (select month::date from {months} month) m"
        " where r.remains <> 0) parts where earned <> 0 group by plan, currency, month"
        " order by 1, 2, 3 nulls first"
    )
    return ask(moment, text, **given, day=last_day(moment))


def by_month(found: Iterable[Sequence[Any]]) -> list[DeferredMonth]:
    """Rows of `ahead` as a table, by month, plan and currency; last what no days are told of."""
    left: dict[tuple[str, str], int] = {}
    table: list[DeferredMonth] = []
    for plan, currency, month, amount, lines in found:
        if month is None:
            left[plan, currency] = amount
            continue
        opening = left[plan, currency]
        left[plan, currency] = opening - amount
        named = f"{month:%Y-%m}"
        table.append(DeferredMonth(named, plan, currency, opening, amount, opening - amount, lines))
    table.sort(key=lambda each: (each.month or "", each.currency, each.plan))
    never = sorted((currency, plan, amount) for (plan, currency), amount in left.items() if amount)
    return [*table, *(DeferredMonth(None, plan, currency, n, 0, n, 0) for currency, plan, n in never)]


def _conditions(given: Mapping[str, Any]) -> list[str]:
    return [known(), counted(), *(FILTERS[name] for name in given)]


def _after(after: Place | None) -> tuple[str, int, str]:
    """The invoice, line and rate of a place; one of another kind is before all."""
    line, _, rest = after[1].partition(":") if after else ("", "", "")
    rate, told, id = rest.partition(":")
    is_number = line.removeprefix("-").isdecimal() and len(line) < 10
    return (id, -int(line), rate) if is_number and told and " " in rate else ("", 0, "")
