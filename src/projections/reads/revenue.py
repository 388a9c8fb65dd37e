"""How does the business do, in one table? Recurring revenue and its churn, and what was invoiced and kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.growth import plus
from ledgerstone.projections.credit_notes import CreditNotes
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.money import Money
from ledgerstone.projections.payments import Payments
from ledgerstone.projections.reads import movements, mrr
from ledgerstone.projections.reads.asked import Moment, Query, ask, counted, customer, known, relation
from ledgerstone.projections.reads.mrr import Cell, Figures, Grid, Grouping, Line
from ledgerstone.projections.reads.periods import Period

SEVERAL = "several"
"""The group of an invoice with lines of more than one plan: what was paid for each is not kept."""

GROUPS = {
    None: "''",
    "currency": "''",
    "plan": f"case cardinality(r.plans) when 0 then '' when 1 then r.plans[1] else '{SEVERAL}' end",
    "country": customer("country", "''"),
    "tenant": customer("tenant", "coalesce(r.customer, '')"),
}
"""The group of an invoice `r`."""

Sums = Mapping[Cell, tuple[int | None, ...]]
"""Amounts by cell; None where a rate of exchange is not known."""


class Churn(Struct, frozen=True):
    """What was lost from the start to the end of the window. `customer_rate` = customers whose recurring
    revenue went to 0 / customers above 0 at the start; `gross_mrr_rate` = (churn + contraction) / opening;
    `net_mrr_rate` = (churn + contraction - expansion - reactivation) / opening. Rates are fractions, None
    where the denominator is 0 or not known. Where currencies are converted, `of_mrr`, the opening, is at the
    rates of exchange of the end, so that they do not look like churn."""

    customers: int | None
    of_customers: int
    customer_rate: float | None
    mrr: int | None
    contraction: int | None
    of_mrr: int | None
    gross_mrr_rate: float | None
    net_mrr_rate: float | None


class TrendMonth(Struct, frozen=True):
    """Recurring revenue at the end of a month, or at the instant asked for."""

    period: str
    at: datetime
    mrr: int | None


class Headline(Struct, frozen=True):
    """The figures of a currency or group in a window, in minor units of `currency`.

    - `mrr` just before `to`; `arr` = 12 x mrr; `growth` = the fraction by which mrr differs from the start
    - `gross_revenue` = invoices finalised in the window, without tax, those voided later included
    - `net_revenue` = gross - credit_notes - refunds - disputes - voided. `refunds` and `disputes` are what
      went back in the window less what returned, as the money moved, any tax in it included. `credit_notes`
      and `voided` are without tax: notes issued in the window less those voided, but for the part of them
      that is refunded, and invoices voided, but for what notes had taken off before
    - `arpa` = mrr / customers above 0; `ltv` = arpa / churn.customer_rate, None when nobody left
    - `trend`: mrr at the ends of the last twelve months
    - `platform_fees` are not kept yet: None
    - where currencies are converted, each `mrr` is at the rates before its own instant (so that `growth` has
      their change in it), what moved at those before `until`, and what was invoiced and went back at those
      before its own day; None where one is not known"""

    currency: str
    group: str | None
    since: datetime
    until: datetime
    mrr: int | None
    arr: int | None
    growth: float | None
    gross_revenue: int | None
    net_revenue: int | None
    credit_notes: int | None
    refunds: int | None
    disputes: int | None
    voided: int | None
    platform_fees: int | None
    churn: Churn
    active_subscriptions: int
    active_customers: int
    paying_customers: int | None
    arpa: int | None
    ltv: int | None
    trend: tuple[TrendMonth, ...]


class Parts(Struct, frozen=True):
    """What a headline is made of: the figures of the trend's months, the last of which ends with the window,
    and of the day before the window, at the rates of exchange of then and (`held`) of the window's end; what
    moved in it, what was invoiced (gross, voided), what credit notes took off, and what went back (refunds,
    disputes)."""

    trend: Grid
    eve: Grid
    held: Grid
    moved: Mapping[Cell, tuple[int, ...] | None]
    invoiced: Sums
    credited: Sums
    returned: Sums


def invoiced(
    moment: Moment, since: datetime, group_by: str | None, currency: str | None, daily: bool = False
) -> Query:
    """Currency, group, gross revenue, and what was voided of it or of earlier invoices, in the window. By the
    days of both, which stand before them, if it is `daily`."""
    finalized = "r.finalized_at >= %(since)s and r.finalized_at < %(at)s"
    voided = "r.voided_at >= %(since)s and r.voided_at < %(at)s and r.finalized_at is not null"
    left = "r.total - r.tax - (r.credited - r.credited_tax)"
    return ask(
        moment,
        f"select r.currency, {GROUPS[group_by]} as grp,{_days(daily, 'r.finalized_at', 'r.voided_at')}"
        f" coalesce(sum(r.total - r.tax) filter (where {finalized}), 0)::bigint,"
        f" coalesce(sum({left}) filter (where {voided}), 0)::bigint"
        f" from {relation(Invoices)} r where {known()} and {counted()}"
        f" and ({finalized} or {voided}){_only(currency)} group by 1, 2{', 3, 4' if daily else ''}",
        since=since,
        currency=currency,
    )


def credited(
    moment: Moment, since: datetime, group_by: str | None, currency: str | None, daily: bool = False
) -> Query:
    """Currency, group, and what credit notes of the window took off, less those that were voided in it."""
    invoice = (
        f"select * from {relation(Invoices)} i where i.key = n.invoice and {known('i')} and {counted('i')}"
    )
    place = "select coalesce(i.plans, '{}') as plans, coalesce(n.customer, i.customer) as customer"
    return ask(
        moment,
        f"select n.currency, grp,{_days(daily, 'n.at')}"
        " sum(case n.kind when 'issued' then n.net else -n.net end)::bigint"
        f" from {relation(CreditNotes)} n left join lateral ({invoice} limit 1) i on true"
        f" cross join lateral (select {GROUPS[group_by]} as grp from ({place}) r) g"
        f" where {known('n')} and n.at >= %(since)s and n.at < %(at)s"
        f"{' and n.currency = %(currency)s' if currency else ''} group by 1, 2{', 3' if daily else ''}",
        since=since,
        currency=currency,
    )


def returned(
    moment: Moment, since: datetime, group_by: str | None, currency: str | None, daily: bool = False
) -> Query:
    """Currency, group, what was refunded and what was disputed in the window, less what came back."""
    sums = ", ".join(
        f"coalesce(sum(case m.kind when '{out}' then m.amount when '{back}' then -m.amount end), 0)::bigint"
        for out, back in (("refunded", "refund_returned"), ("disputed", "reinstated"))
    )
    payment = f"select * from {relation(Payments)} r where r.key = m.payment and {known()} and {counted()}"
    invoice = (
        f"select * from {relation(Invoices)} i where i.key = p.invoice and {known('i')} and {counted('i')}"
    )
    place = "select coalesce(i.plans, '{}') as plans, coalesce(p.customer, i.customer) as customer"
    return ask(
        moment,
        f"select m.currency, grp,{_days(daily, 'm.at', 'm.at')} {sums} from {relation(Money)} m"
        f" left join lateral ({payment} limit 1) p on true left join lateral ({invoice} limit 1) i on true"
        f" cross join lateral (select {GROUPS[group_by]} as grp from ({place}) r) g"
        f" where {known('m')} and m.at >= %(since)s and m.at < %(at)s and m.kind <> 'received'"
        f"{' and m.currency = %(currency)s' if currency else ''} group by 1, 2{', 3, 4' if daily else ''}",
        since=since,
        currency=currency,
    )


def _days(daily: bool, *times: str) -> str:
    return "".join(f" ({time} at time zone 'UTC')::date," for time in times) if daily else ""


def by_cell(rows: Iterable[Sequence[Any]]) -> Sums:
    """Rows of currency, group and amounts."""
    return {(currency, group): tuple(amounts) for currency, group, *amounts in rows}


def add_customer(
    moved: dict[Cell, tuple[int, ...]],
    own: Sequence[Line],
    since: datetime,
    until: datetime,
    grouping: Grouping,
) -> None:
    """Add what moved one customer in the window."""
    for cell, amounts in movements.between(own, since, until, "day", grouping).items():
        moved[cell] = plus(moved.get(cell, movements.NONE), amounts)


def headlines(
    parts: Parts,
    months: Sequence[Period],
    since: datetime,
    until: datetime,
    group_by: str | None,
    currency: str | None,
) -> list[Headline]:
    """One line a currency and group."""
    found: Grid = {cell: list(figures) for cell, figures in parts.trend.items()}
    for cell, figures in parts.eve.items():
        found.setdefault(cell, []).extend(figures)
    for sums in (parts.invoiced, parts.credited, parts.returned):
        for cell, amounts in sums.items():
            found.setdefault(cell, []).append(tuple(1 if amount is None else amount for amount in amounts))
    cells = mrr.shown(found, group_by, currency)
    return [_headline(parts, months, since, until, cell, group) for cell, group in cells]


def _headline(
    parts: Parts, months: Sequence[Period], since: datetime, until: datetime, cell: Cell, group: str | None
) -> Headline:
    opening, closing = parts.eve.get(cell, [mrr.NONE])[-1], parts.trend.get(cell, [mrr.NONE])[-1]
    gross, voided = parts.invoiced.get(cell, (0, 0))
    (credit_notes,) = parts.credited.get(cell, (0,))
    refunds, disputes = parts.returned.get(cell, (0, 0))
    held = parts.held.get(cell, [mrr.NONE])[-1]
    churn = _churn(held, closing, parts.moved.get(cell, movements.NONE))
    now, paying = mrr.mrr(closing), closing[3]
    arpa = Fraction(now, paying) if now is not None and paying else None
    return Headline(
        currency=cell[0],
        group=group,
        since=since,
        until=until,
        mrr=now,
        arr=None if now is None else 12 * now,
        growth=mrr.change(opening, closing),
        gross_revenue=gross,
        net_revenue=_less(gross, credit_notes, refunds, disputes, voided),
        credit_notes=credit_notes,
        refunds=refunds,
        disputes=disputes,
        voided=voided,
        platform_fees=None,
        churn=churn,
        active_subscriptions=closing[1],
        active_customers=closing[2],
        paying_customers=None if now is None else paying,
        arpa=None if arpa is None else round(arpa),
        ltv=_ltv(arpa, churn),
        trend=_trend(parts.trend.get(cell), months),
    )


def _ltv(arpa: Fraction | None, churn: Churn) -> int | None:
    if not arpa or not churn.customers or churn.customer_rate is None:
        return None
    return round(arpa * churn.of_customers / churn.customers)


def _less(whole: int | None, *parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return None if whole is None or len(known) < len(parts) else whole - sum(known)


def _churn(opening: Figures, closing: Figures, found: tuple[int, ...] | None) -> Churn:
    if found is None:
        return Churn(None, opening[3], None, None, None, mrr.mrr(opening), None, None)
    moved = dict(zip(movements.COLUMNS, found, strict=True))
    before = None if mrr.mrr(closing) is None else mrr.mrr(opening)
    lost = moved["churn"] + moved["contraction"]
    return Churn(
        customers=moved["churn_customers"],
        of_customers=opening[3],
        customer_rate=_rate(moved["churn_customers"], opening[3] if before is not None else None),
        mrr=moved["churn"],
        contraction=moved["contraction"],
        of_mrr=before,
        gross_mrr_rate=_rate(lost, before),
        net_mrr_rate=_rate(lost - moved["expansion"] - moved["reactivation"], before),
    )


def _rate(part: int, whole: int | None) -> float | None:
    return part / whole if whole else None


def _trend(figures: Sequence[Figures] | None, months: Sequence[Period]) -> tuple[TrendMonth, ...]:
    found = figures or [mrr.NONE] * (len(months) + 1)
    return tuple(
        TrendMonth(month.label, month.end, mrr.mrr(now)) for month, now in zip(months, found[1:], strict=True)
    )


def _only(currency: str | None) -> str:
    return " and r.currency = %(currency)s" if currency else ""
