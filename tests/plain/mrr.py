"""Monthly recurring revenue by `standard_v1`, in plain fractions.

Silent in the design, and read so: what is unknown about one item of a subscription makes the figures of all
of them unknown, but for what is metered; an amount off is shared out by what the items cost before any
discount; a subscription has no discount when it lists none that still counts; a discount that was deleted
ended then; a coupon's amount in another currency is not known; a price's tiers never change, so whoever has
told them told them for all times; a flat amount is due even for a quantity of 0; a customer's discount is in
force from its start until a message says that it is gone, or its end.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from tests.plain import lives
from tests.plain.history import History, Json, Name

FACTOR = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


class Unknown(Exception):
    """Something that a figure needs was not heard yet."""


class Figure(NamedTuple):
    """One item's revenue in a month, None when not known."""

    subscription: str
    item: str
    customer: str
    currency: str
    mrr: int | None


Known = dict[Name, History]


def counts(sub: Json) -> bool:
    return sub["status"] in ("active", "past_due") and not sub["pause_collection"]


def figures(known: Known, end: float) -> list[Figure]:
    """Of every item of every subscription that counts just before `end`."""
    found = []
    for name, history in known.items():
        sub = lives.subscription(history).at(end) if name[0] == "subscription" else None
        if sub is not None and counts(sub):
            for item, mrr in zip(sub["items"]["data"], of_items(known, sub, end), strict=True):
                found.append(Figure(sub["id"], item["id"], sub["customer"], sub["currency"], mrr))
    return found


def of_items(known: Known, sub: Json, end: float) -> list[int | None]:
    items = sub["items"]["data"]
    if sub["items"]["has_more"]:
        return [None] * len(items)
    periods: dict[Any, list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        recurring = item["price"]["recurring"] or {}
        periods[recurring.get("interval"), recurring.get("interval_count")].append(at)
    found: list[int | None] = [None] * len(items)
    for (interval, count), places in periods.items():
        left = _of_a_period(known, sub, [items[at] for at in places], end)
        for at, amount in zip(places, left, strict=True):
            if amount is not None:
                found[at] = round(amount * FACTOR[interval] / count) if interval else 0
    if None in found:
        found = [None if _recurs(item) else 0 for item in items]
    return found


def _recurs(item: Json) -> bool:
    recurring = item["price"]["recurring"]
    return recurring is not None and recurring["usage_type"] != "metered"


def _of_a_period(known: Known, sub: Json, items: list[Json], end: float) -> list[Fraction | None]:
    """What is left of each item's price for one billing period, that of all of them."""
    full = [_or_none(_gross, known, item) for item in items]
    left = list(full)
    for at, item in enumerate(items):
        for discount in item["discounts"]:
            left[at : at + 1] = _less(known, full[at : at + 1], left[at : at + 1], discount, sub, end)
    held = [each for each in sub["discounts"] if _counting(known, each, end)]
    for discount in held or _given_to(known, sub["customer"], end):
        left = _less(known, full, left, discount, sub, end)
    return left


def _given_to(known: Known, customer: str, end: float) -> list[Json]:
    """What a customer has for all its subscriptions: the one that was given last."""
    found = []
    for history in (history for name, history in known.items() if name[0] == "discount"):
        it = history.at(end)
        whole = it["customer"] == customer and not it["subscription"] and not it["subscription_item"]
        if whole and min(it["start"], history.steps[0].at) < end and _lasting(history, it, end):
            found.append(it)
    return sorted(found, key=lambda it: (it["start"], it["id"]))[-1:]


def _lasting(history: History | None, discount: Json, end: float) -> bool:
    if discount["end"] is not None and discount["end"] < end:
        return False
    return history is None or not any(step.deleted and step.at < end for step in history.steps)


def _or_none(work: Any, *given: Any) -> Any:
    try:
        return work(*given)
    except Unknown:
        return None


def _less(
    known: Known,
    full: list[Fraction | None],
    left: list[Fraction | None],
    discount: Any,
    sub: Json,
    end: float,
) -> list[Fraction | None]:
    if not _counting(known, discount, end):
        return left
    try:
        coupon = _coupon(known, _discount(known, discount, end))
        if coupon["percent_off"]:
            keep = 1 - Fraction(str(coupon["percent_off"])) / 100
            return [None if each is None else each * keep for each in left]
        if any(each is None for each in full) or coupon["currency"] != sub["currency"]:
            return [None] * len(left)
        total = sum((each for each in full if each is not None), Fraction(0))
        shares = [each / total if each and total else Fraction(0) for each in full]
        off = coupon["amount_off"]
        return [
            None if x is None else max(Fraction(0), x - off * s) for x, s in zip(left, shares, strict=True)
        ]
    except Unknown:
        return [None] * len(left)


def _discount(known: Known, said: Any, end: float) -> Json:
    """The discount of which an object says the id, or says all."""
    id = said if isinstance(said, str) else said["id"]
    history = known.get(("discount", id))
    if history is not None:
        return history.at(end)
    if isinstance(said, dict):
        return said
    raise Unknown(id)


def _counting(known: Known, said: Any, end: float) -> bool:
    """Whether it reduces recurring revenue just before `end`; what is unknown may."""
    try:
        discount = _discount(known, said, end)
        if not _lasting(known.get(("discount", discount["id"])), discount, end):
            return False
        return bool(_coupon(known, discount)["duration"] != "once")
    except Unknown:
        return True


def _coupon(known: Known, discount: Json) -> Json:
    """The terms of the coupon that lived when the discount was given."""
    said = discount["source"]["coupon"]
    if isinstance(said, dict):
        return said
    lived = [
        (int(name[2]), history)
        for name, history in known.items()
        if name[:2] == ("coupon", said) and int(name[2]) <= discount["start"]
    ]
    if not lived:
        raise Unknown(said)
    return max(lived, key=lambda life: life[0])[1].last().state


def _gross(known: Known, item: Json) -> Fraction:
    price = item["price"]
    if not _recurs(item):
        return Fraction(0)
    quantity = 1 if item.get("quantity") is None else item["quantity"]
    if price["transform_quantity"]:
        quantity = _packs(quantity, **price["transform_quantity"])
    if price["billing_scheme"] == "tiered":
        return _tiered(price["tiers_mode"], _tiers(known, price), quantity)
    return Fraction(price["unit_amount_decimal"]) * int(quantity)


def _packs(quantity: int, divide_by: int, round: str) -> int:
    return -(-quantity // divide_by) if round == "up" else quantity // divide_by


def _tiers(known: Known, price: Json) -> list[Json]:
    history = known.get(("price", price["id"]))
    told = [price, *(step.state for step in history.steps)] if history else [price]
    with_tiers = [each["tiers"] for each in told if each.get("tiers")]
    if not with_tiers:
        raise Unknown(price["id"])
    return list(with_tiers[-1])


def _tiered(mode: str, tiers: list[Json], quantity: int) -> Fraction:
    total, below = Fraction(0), 0
    for tier in tiers:
        top = tier["up_to"]
        reached = quantity > below or below == 0
        inside = reached and (top is None or quantity <= top)
        unit = Fraction(tier["unit_amount_decimal"] or 0)
        flat = Fraction(tier["flat_amount_decimal"] or 0)
        if mode == "volume" and inside:
            return quantity * unit + flat
        if mode == "graduated" and reached:
            total += (quantity - below if inside else top - below) * unit + flat
        below = top
    return total


def months(known: Known, ends: Iterable[tuple[str, float]]) -> dict[tuple[str, str], dict[str, int]]:
    """By month and currency: the sum of what is known, how much is not, and who counts."""
    table: dict[tuple[str, str], dict[str, int]] = {}
    for month, end in ends:
        found = figures(known, end)
        for currency in {each.currency for each in found}:
            some = [each for each in found if each.currency == currency]
            paying = by_customer(some)
            table[month, currency] = {
                "mrr": sum(each.mrr or 0 for each in some),
                "unknown": sum(each.mrr is None for each in some),
                "active_subscriptions": len({each.subscription for each in some}),
                "active_customers": len({each.customer for each in some}),
                "paying_customers": sum(mrr > 0 for mrr in paying.values()),
            }
    return table


def by_customer(found: Iterable[Figure]) -> dict[tuple[str, str], int]:
    total: dict[tuple[str, str], int] = defaultdict(int)
    for each in found:
        total[each.customer, each.currency] += each.mrr or 0
    return total


def movements(known: Known, ends: Iterable[tuple[str, float]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """By month, currency and kind: how much (a positive amount), and of how many customers."""
    table: dict[tuple[str, str, str], tuple[int, int]] = {}
    before: dict[tuple[str, str], int] = {}
    paid: set[tuple[str, str]] = set()
    for month, end in ends:
        now = by_customer(figures(known, end))
        for who in {**before, **now}:
            was, is_ = before.get(who, 0), now.get(who, 0)
            kind = _kind(was, is_, who in paid)
            if kind is not None:
                amount, people = table.get((month, who[1], kind), (0, 0))
                table[month, who[1], kind] = (amount + abs(is_ - was), people + 1)
        paid |= {who for who, mrr in now.items() if mrr > 0}
        before = now
    return table


def _kind(was: int, now: int, ever: bool) -> str | None:
    if was == now:
        return None
    if was == 0:
        return "reactivation" if ever else "new"
    if now == 0:
        return "churn"
    return "expansion" if now > was else "contraction"
