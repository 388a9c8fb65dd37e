"""Recurring revenue: what is a subscription worth a month?

Exact fractions all the way, rounded once, half to even, per item. A figure that depends on something not yet
known (a price's tiers, a discount's coupon, further items) is None: never 0, and never the gross amount."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from ledgerstone.ledger.catalogue import Coupon, Price
from ledgerstone.ledger.subscriptions import Item, Span, Subscription

MONTHS = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
"""How many of each billing interval a month has: a year is 12 months, 52 weeks, 365 days."""


class Policy(Struct, frozen=True):
    """What counts as recurring revenue. A changed policy is a new name, never an edit."""

    name: str
    statuses: frozenset[str]
    while_collection_paused: bool


STANDARD = Policy("standard_v1", frozenset({"active", "past_due"}), False)


class Grant(Struct, frozen=True, gc=False):
    """A discount in force from `start` to `end` (half-open, None: open). `coupon` None: its terms are not
    known. `for_customer`: given to the customer and not to one subscription."""

    start: datetime
    end: datetime | None
    coupon: Coupon | None
    for_customer: bool = False


class Charge(Struct, frozen=True, gc=False):
    """An item's monthly value (minor units, None: not known) from `start` to `end`."""

    start: datetime
    end: datetime | None
    item: Item
    currency: str
    mrr: int | None


def counts(terms: Subscription, policy: Policy = STANDARD) -> bool:
    """Is a subscription in this state recurring revenue?"""
    held = terms.paused_collection is not None and not policy.while_collection_paused
    return terms.status in policy.statuses and not held


def charges(
    spans: Sequence[Span],
    grants: Mapping[str, Sequence[Grant]],
    prices: Mapping[str, Price],
    policy: Policy = STANDARD,
) -> tuple[Charge, ...]:
    """What the items of one subscription are worth, and since when; items of a state that does not count
    are left out. `grants` holds the customer's discounts by id, `prices` the tiered prices by id."""
    open_: dict[str, Charge] = {}
    done: list[Charge] = []
    for span in spans:
        for start, end in pairwise(_cuts(span, grants)):
            now = _valued(span.terms, start, end, grants, prices) if counts(span.terms, policy) else {}
            done += [charge for item, charge in open_.items() if not _goes_on(charge, now.get(item), start)]
            open_ = {item: _joined(open_.get(item), charge) for item, charge in now.items()}
    return (*done, *open_.values())


def per_period(price: Price, quantity: int) -> Fraction | None:
    """What `quantity` units cost in one billing period, in minor units; None when tiers are not known."""
    if price.metered or price.interval is None:
        return Fraction(0)
    units = _packages(quantity, price)
    if price.tiering is not None:
        return _tiered(price, units)
    return None if price.unit_amount is None else Fraction(price.unit_amount) * units


@lru_cache(1 << 16)
def monthly(
    quantities: tuple[int, ...],
    prices: tuple[Price, ...],
    of_items: tuple[tuple[Coupon | None, ...], ...],
    of_all: tuple[Coupon | None, ...],
) -> tuple[int | None, ...]:
    """The monthly value of each item: first less its own discounts, then less those of the whole, in their
    order, each on what is left; an amount off is spread over the items of one billing period by gross."""
    gross = [per_period(price, quantity) for price, quantity in zip(prices, quantities, strict=True)]
    currency, coupons = prices[0].currency if prices else "", (of_all, *of_items)
    if None in gross or any(_is_unknown(coupon, currency) for some in coupons for coupon in some):
        return tuple(None if _matters(price) else 0 for price in prices)
    full = [amount or Fraction(0) for amount in gross]
    left = list(full)
    for index, own in enumerate(of_items):
        for coupon in own:
            _reduce(left, full, [index], coupon, prices[index].currency)
    for coupon in of_all:
        for group in _periods(prices):
            _reduce(left, full, group, coupon, prices[group[0]].currency)
    return tuple(_rounded(amount, price) for amount, price in zip(left, prices, strict=True))


def _cuts(span: Span, grants: Mapping[str, Sequence[Grant]]) -> list[datetime | None]:
    if not grants:
        return [span.start, span.end]
    inside: set[datetime] = set()
    for grant in (grant for parts in grants.values() for grant in parts):
        for mark in (grant.start, grant.end):
            if mark is not None and mark > span.start and (span.end is None or mark < span.end):
                inside.add(mark)
    return [span.start, *sorted(inside), span.end]


def _valued(
    terms: Subscription,
    start: datetime | None,
    end: datetime | None,
    grants: Mapping[str, Sequence[Grant]],
    prices: Mapping[str, Price],
) -> dict[str, Charge]:
    assert start is not None
    of_all = _in_force(terms.discounts, grants, start) or _of_customer(grants, start)
    of_items = tuple([_in_force(item.discounts, grants, start) for item in terms.items])
    full = tuple([prices.get(item.price, item.terms) for item in terms.items])
    values = monthly(tuple([item.quantity for item in terms.items]), full, of_items, of_all)
    if not terms.whole:
        values = (None,) * len(full)
    return {
        item.id: Charge(start, end, item, item.terms.currency, mrr)
        for item, mrr in zip(terms.items, values, strict=True)
    }


def _in_force(
    ids: Iterable[str], grants: Mapping[str, Sequence[Grant]], at: datetime
) -> tuple[Coupon | None, ...]:
    """The coupons of the discounts that a subscription lists, and that recur. A listed one is in force until
    its end, whether or not a message takes it off the list then, and even if it says that it starts a second
    later; one never heard of is unknown."""
    found: list[Coupon | None] = []
    for id in ids:
        parts = grants.get(id)
        if not parts:
            found.append(None)
        elif (part := _part(parts, at)) is not None and _lasts(part.coupon):
            found.append(part.coupon)
    return tuple(found)


def _of_customer(grants: Mapping[str, Sequence[Grant]], at: datetime) -> tuple[Coupon | None, ...]:
    if not grants:
        return ()
    given = [
        g for parts in grants.values() for g in parts if g.for_customer and g.start <= at and _alive(g, at)
    ]
    latest = max(given, key=lambda grant: grant.start, default=None)
    return (latest.coupon,) if latest is not None and _lasts(latest.coupon) else ()


def _part(parts: Sequence[Grant], at: datetime) -> Grant | None:
    alive = [part for part in parts if _alive(part, at)]
    begun = [part for part in alive if part.start <= at]
    return begun[-1] if begun else alive[0] if alive else None


def _alive(grant: Grant, at: datetime) -> bool:
    return grant.end is None or at < grant.end


def _lasts(coupon: Coupon | None) -> bool:
    return coupon is None or coupon.duration != "once"


def _goes_on(charge: Charge, then: Charge | None, at: datetime | None) -> bool:
    return then is not None and charge.end == at and (charge.item, charge.mrr) == (then.item, then.mrr)


def _joined(charge: Charge | None, then: Charge) -> Charge:
    if charge is None or not _goes_on(charge, then, then.start):
        return then
    return Charge(charge.start, then.end, then.item, then.currency, then.mrr)


def _packages(quantity: int, price: Price) -> int:
    whole, rest = divmod(quantity, price.divide_by)
    return whole + (1 if rest and price.round_up else 0)


def _tiered(price: Price, units: int) -> Fraction | None:
    if price.tiers is None:
        return None
    below, total = 0, Fraction(0)
    for tier in price.tiers:
        last = tier.up_to is None or units <= tier.up_to
        if price.tiering == "graduated":
            within = (units if last or tier.up_to is None else tier.up_to) - below
            total += Fraction(tier.unit) * within + (Fraction(tier.flat) if within > 0 or below == 0 else 0)
        elif last:
            return Fraction(tier.unit) * units + Fraction(tier.flat)
        if last:
            break
        below = tier.up_to or 0
    return total


def _is_unknown(coupon: Coupon | None, currency: str) -> bool:
    """Whether a coupon's terms are not known, or not in this currency: a provider shows the amounts in other
    currencies only to who asks for them."""
    return coupon is None or (bool(coupon.amounts_off) and currency not in dict(coupon.amounts_off))


def _matters(price: Price) -> bool:
    return not price.metered and price.interval is not None


def _periods(prices: Sequence[Price]) -> list[list[int]]:
    groups: dict[tuple[str | None, int], list[int]] = {}
    for index, price in enumerate(prices):
        groups.setdefault((price.interval, price.interval_count), []).append(index)
    return list(groups.values())


def _reduce(
    left: list[Fraction], full: Sequence[Fraction], group: Sequence[int], coupon: Coupon | None, currency: str
) -> None:
    assert coupon is not None
    if coupon.percent_off is not None:
        for index in group:
            left[index] *= 1 - Fraction(coupon.percent_off) / 100
    off, whole = dict(coupon.amounts_off).get(currency, 0), sum(full[index] for index in group)
    for index in group if off and whole else ():
        left[index] = max(Fraction(0), left[index] - off * full[index] / whole)


def _rounded(amount: Fraction, price: Price) -> int:
    if price.interval is None:
        return 0
    return round(amount * MONTHS[price.interval] / price.interval_count)
