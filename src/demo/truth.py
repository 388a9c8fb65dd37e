"""The true figures, from the business's own state and never from its events.

Policy `standard_v1`, in plain arithmetic: a subscription counts while it is active or past due and its
collection is not paused; an item brings its price per month, less the discounts that last, rounded half-even.
A figure of a day or month is the state just before the instant at which it ends.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from ledgerstone.demo.catalogue import CURRENCIES, Price, gross
from ledgerstone.demo.clock import day_before, iso
from ledgerstone.demo.records import Customer, Discount, Subscription
from ledgerstone.demo.world import World

MONTHS_PER = {"week": Fraction(12, 52), "month": Fraction(1), "year": Fraction(12)}


Row = dict[str, Any]


def counts(sub: Subscription) -> bool:
    """Trials, unpaid, paused, incomplete and ended ones do not, nor while collection is paused."""
    return sub.status in ("active", "past_due") and sub.pause is None


def lasts(discount: Discount, end: int) -> bool:
    """Whether it reduces recurring revenue just before `end`; what is given once never does."""
    return discount.coupon.duration != "once" and (discount.end is None or discount.end >= end)


def reduced(amounts: list[Fraction], discount: Discount) -> list[Fraction]:
    """Amounts per period after a percentage of each, or after an amount shared out in proportion."""
    coupon, total = discount.coupon, sum(amounts)
    if coupon.amount is None:
        keep = 1 - Fraction(coupon.percent or 0) / 100
    else:
        keep = max(Fraction(0), 1 - Fraction(coupon.amount) / total) if total else Fraction(0)
    return [amount * keep for amount in amounts]


def per_item(sub: Subscription, end: int) -> list[int]:
    """Monthly recurring revenue of each item in minor units: the item's discounts first, then the others."""
    left = [gross(item.price, item.quantity) for item in sub.items]
    for at, item in enumerate(sub.items):
        for each in item.discounts:
            if lasts(each, end):
                left[at : at + 1] = reduced(left[at : at + 1], each)
    own = sub.customer.discount
    for each in sub.discounts or ((own,) if own else ()):
        if lasts(each, end):
            left = reduced(left, each)
    return [round(each / months(item.price)) for each, item in zip(left, sub.items, strict=True)]


def months(price: Price) -> Fraction:
    """How many months a period has: a week 12/52, a quarter 3, a year 12."""
    return MONTHS_PER[price.interval] * price.interval_count


class Truth:
    """Looks at the business at the end of every day and every month."""

    def __init__(self, world: World, month_ends: dict[int, str]) -> None:
        self.world = world
        self.month_ends = month_ends
        self.mrr: dict[Subscription, list[int]] = {}  # of those that count, item by item
        self.daily: list[Row] = []
        self.tables: dict[str, list[Row]] = {"months": [], "by_plan": [], "by_country": [], "by_tenant": []}
        self.movements: list[Row] = []
        self._today = dict.fromkeys(CURRENCIES, 0)
        self._customers: dict[Customer, int] = {}  # MRR at the last month's end
        self._ever_paid: set[Customer] = set()

    def day_is_over(self, end: int) -> None:
        """Only subscriptions that something happened to need a look; month ends check that against all."""
        for sub in self.world.stirred:
            before = sum(self.mrr.pop(sub, ()))
            if counts(sub):
                self.mrr[sub] = per_item(sub, end)
            self._today[sub.currency] += sum(self.mrr.get(sub, ())) - before
        self.world.stirred.clear()
        for currency, mrr in self._today.items():
            self.daily.append({"period": day_before(end), "currency": currency, "mrr": mrr})
        if end in self.month_ends:
            self.month_is_over(end, self.month_ends[end])

    def month_is_over(self, end: int, month: str) -> None:
        whole = {sub: per_item(sub, end) for sub in self.world.subscriptions if counts(sub)}
        assert whole == self.mrr, "a subscription changed without being looked at"
        self.tables["months"] += table(month, end, totals(whole), list(CURRENCIES))
        for name, parts in (
            ("by_plan", by_plan(whole)),
            ("by_country", by_country(whole)),
            ("by_tenant", by_tenant(whole)),
        ):
            self.tables[name] += table(month, end, parts)
        self.movements += self.moved(month, end, whole)

    def moved(self, month: str, end: int, whole: dict[Subscription, list[int]]) -> list[Row]:
        """What became of every customer's revenue since the last month's end."""
        now: dict[Customer, int] = defaultdict(int)
        for sub, items in whole.items():
            now[sub.customer] += sum(items)
        rows = {currency: empty_movement(month, end, currency) for currency in CURRENCIES}
        for customer in {**self._customers, **now}:
            self.note(
                rows[customer.currency], customer, self._customers.get(customer, 0), now.get(customer, 0)
            )
        self._customers = dict(now)
        return list(rows.values())

    def note(self, row: Row, customer: Customer, before: int, after: int) -> None:
        row["opening"] += before
        row["closing"] += after
        if (kind := movement(before, after, customer in self._ever_paid)) is not None:
            row[kind] += abs(after - before)
            row["customers"][kind] += 1
        if after:
            self._ever_paid.add(customer)


MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")


def empty_movement(month: str, end: int, currency: str) -> Row:
    amounts = dict.fromkeys(("opening", *MOVEMENTS, "closing"), 0)
    return {"period": month, "at": iso(end), "currency": currency} | amounts | {
        "customers": dict.fromkeys(MOVEMENTS, 0)
    }  # fmt: skip


def movement(before: int, after: int, ever_paid: bool) -> str | None:
    if before == after:
        return None
    if before == 0:
        return "reactivation" if ever_paid else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


Part = tuple[str | None, Subscription, int]  # group, whose, MRR


def totals(whole: dict[Subscription, list[int]]) -> list[Part]:
    return [(None, sub, sum(items)) for sub, items in whole.items()]


def by_plan(whole: dict[Subscription, list[int]]) -> list[Part]:
    """Item by item: a subscription with several products counts once in each of them."""
    return [
        (item.price.product, sub, mrr)
        for sub, items in whole.items()
        for item, mrr in zip(sub.items, items, strict=True)
    ]


def by_country(whole: dict[Subscription, list[int]]) -> list[Part]:
    return [(sub.customer.address.country, sub, sum(items)) for sub, items in whole.items()]


def by_tenant(whole: dict[Subscription, list[int]]) -> list[Part]:
    return [(sub.customer.tenant, sub, sum(items)) for sub, items in whole.items()]


def table(month: str, end: int, parts: Iterable[Part], always: Iterable[str] = ()) -> list[Row]:
    """One row per currency and group, sorted; currencies in `always` have a row even of zeros."""
    cells: dict[tuple[str, str | None], list[Part]] = {(currency, None): [] for currency in always}
    for part in parts:
        cells.setdefault((part[1].currency, part[0]), []).append(part)
    rows = []
    for currency, group in sorted(cells, key=lambda key: (key[0], key[1] or "")):
        row = {"period": month, "at": iso(end), "currency": currency, "group": group}
        rows.append(row | figures(cells[currency, group]))
    return rows


def figures(parts: list[Part]) -> Row:
    """`paying` = a customer whose revenue here is above 0."""
    revenue: dict[Customer, int] = defaultdict(int)
    for _, sub, mrr in parts:
        revenue[sub.customer] += mrr
    return {
        "mrr": sum(mrr for _, _, mrr in parts),
        "active_subscriptions": len({sub for _, sub, _ in parts}),
        "active_customers": len(revenue),
        "paying_customers": sum(mrr > 0 for mrr in revenue.values()),
    }
