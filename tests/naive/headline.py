"""How the business does, as the design has it: recurring revenue and its churn, and what was invoiced and
kept in a window, each amount of that at the rates of its own day where it is asked for in one currency."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.naive.exchange import exchanged
from tests.naive.tables import (
    KINDS,
    Cell,
    Period,
    cells,
    change,
    figures,
    has_any,
    is_total,
    items,
    moved,
    named,
    period,
    shown,
    window,
)
from tests.naive.told import TICK, Known, day, holds, month

Json = dict[str, Any]
COLUMNS = ("gross", "credit_notes", "refunds", "disputes", "voided")
Billed = dict[Cell, dict[str, int | None]]
"""Amounts by cell and column; None: not known."""


def revenue(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    """`GET /sys/billing/revenue`."""
    since, until = window(asked, end, "month")
    until = min(until, end)
    year = [period("month", month(until - TICK), until)]
    for _ in range(11):
        year.insert(0, period("month", month(year[0].start - TICK), until))
    lost = moved(known, book, since, until, "day", asked)
    billed = _billed(known, book, since, until, asked)
    found = {*cells(known, book, year, asked), *cells(known, book, [Period("", since, since)], asked)}
    rows = []
    for cell in sorted(found | billed.keys()):
        eve, now, *trend = (
            figures(items(known, book, at, asked), cell) for at in (since, until, *(p.end for p in year))
        )
        if is_total(asked) or any(has_any(each) for each in (eve, now, *trend)) or cell in billed:
            held = figures(items(known, book, since, asked, until), cell)
            line = _headline(eve, held, now, lost.get(cell, {}), billed.get(cell, dict.fromkeys(COLUMNS, 0)))
            ends = [
                {"period": p.label, "at": p.end, "mrr": f["mrr"]} for p, f in zip(year, trend, strict=True)
            ]
            rows.append({**named(cell, asked), "since": since, "until": until, **line, "trend": ends})
    return rows


def _headline(
    eve: Json, held: Json, now: Json, lost: dict[str, list[Fraction]] | None, billed: dict[str, int | None]
) -> Json:
    churn = _churn(held, now, lost)
    arpa = (
        Fraction(now["mrr"], now["paying_customers"])
        if now["mrr"] is not None and now["paying_customers"]
        else None
    )
    less = {name: billed[name] for name in COLUMNS[1:]}
    parts = [billed["gross"], *(None if amount is None else -amount for amount in less.values())]
    return {
        **shown(now),
        "arr": None if now["mrr"] is None else 12 * now["mrr"],
        "growth": change(eve["mrr"], now["mrr"]),
        "gross_revenue": billed["gross"],
        "net_revenue": None if None in parts else sum(part or 0 for part in parts),
        **less,
        "platform_fees": None,
        "churn": churn,
        "arpa": None if arpa is None else round(arpa),
        "ltv": round(arpa * churn["of_customers"] / churn["customers"])
        if arpa and churn["customer_rate"]
        else None,
    }


def _churn(held: Json, now: Json, lost: dict[str, list[Fraction]] | None) -> Json:
    """What was lost since the start of the window; that is at the rates of the end."""
    names = ("customers", "customer_rate", "mrr", "contraction", "gross_mrr_rate", "net_mrr_rate")
    if lost is None:
        ends = {"of_customers": held["paying_customers"], "of_mrr": held["mrr"]}
        return {**dict.fromkeys(names), **ends}
    sums = {kind: round(sum(lost.get(kind, []))) for kind in KINDS}
    people, opening = len(lost.get("churn", [])), held["mrr"] if now["mrr"] is not None else None
    gone = sums["churn"] + sums["contraction"]
    kept = gone - sums["expansion"] - sums["reactivation"]
    payers = held["paying_customers"]
    return {
        "customers": people,
        "of_customers": payers,
        "customer_rate": people / payers if opening is not None and payers else None,
        "mrr": sums["churn"],
        "contraction": sums["contraction"],
        "of_mrr": opening,
        "gross_mrr_rate": gone / opening if opening else None,
        "net_mrr_rate": kept / opening if opening else None,
    }


def _billed(known: Known, book: str, since: datetime, until: datetime, asked: Json) -> Billed:
    """What was invoiced in a window, and what was taken off or went back; groups with nothing left out."""
    days = _by_day(known, book, since, until, asked)
    found: Billed = {}
    for cell in {cell for cell, *_ in days}:
        sums: dict[str, int | None] = {}
        for column in COLUMNS:
            own = [
                exchanged(known, amount, currency, asked.get("convert_to"), at)
                for (of, what, currency, at), amount in days.items()
                if (of, what) == (cell, column)
            ]
            worth = [each for each in own if each is not None]
            sums[column] = None if len(worth) < len(own) else round(sum(worth))
        if is_total(asked) or any(amount != 0 for amount in sums.values()):
            found[cell] = sums
    return found


def _by_day(
    known: Known, book: str, since: datetime, until: datetime, asked: Json
) -> Counter[tuple[Cell, str, str, datetime]]:
    """The same by cell, column, currency and day."""
    found = Counter[tuple[Cell, str, str, datetime]]()

    def add(
        at: datetime, currency: str, plans: Iterable[str], customer: str | None, what: str, amount: int
    ) -> None:
        if asked.get("currency", currency) == currency:
            group = _group(known, book, until, asked, tuple(plans), customer, currency)
            found[Cell(asked.get("convert_to", currency), group), what, currency, day(at)] += amount

    def within(at: datetime | None) -> bool:
        return at is not None and since <= at < until

    def held(view: str, id: str | None) -> Any:
        return next((row for row in known.of(view, book, id) if holds(row, until)), None)

    for _, row in known.then("invoices", book, until):
        net, whose = row.total - row.tax, (row.currency, row.plans, row.customer)
        if within(row.finalized_at):
            add(row.finalized_at, *whose, "gross", net)
        if row.finalized_at is not None and within(row.voided_at):
            add(row.voided_at, *whose, "voided", net - row.credited + row.credited_tax)
    for _, row in known.rows("credit_notes", book):
        if within(row.at):
            invoice = held("invoices", row.invoice)
            plans, other = (invoice.plans, invoice.customer) if invoice else ((), None)
            amount = row.net if row.kind == "issued" else -row.net
            add(row.at, row.currency, plans, row.customer or other, "credit_notes", amount)
    for _, row in known.rows("money", book):
        if within(row.at) and row.kind != "received":
            payment = held("payments", row.payment)
            invoice = held("invoices", payment.invoice) if payment and payment.invoice else None
            plans, other = (invoice.plans, invoice.customer) if invoice else ((), None)
            amount = row.amount if row.kind in ("refunded", "disputed") else -row.amount
            what = "refunds" if row.kind.startswith("refund") else "disputes"
            add(row.at, row.currency, plans, (payment.customer if payment else None) or other, what, amount)
    return found


def _group(
    known: Known,
    book: str,
    end: datetime,
    asked: Json,
    plans: tuple[str, ...],
    customer: str | None,
    currency: str,
) -> str:
    match asked.get("group_by"):
        case "plan":
            return "several" if len(plans) > 1 else "".join(plans)
        case "tenant":
            return known.tenant(book, customer, end) or ""
        case "country":
            who = known.customer(book, customer, end)
            return (who.country or "") if who else ""
        case "currency" if "convert_to" in asked:
            return currency
    return ""
