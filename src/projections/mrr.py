"""How much recurring revenue is there, and what moved it?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import astuple, replace

from ledgerstone.ledger import catalogue, customers, subscriptions
from ledgerstone.ledger.catalogue import Discount, DiscountSeen, Price
from ledgerstone.ledger.customers import Customer, CustomerSeen
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.recurring import Charge, Grant, charges
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen, spans
from ledgerstone.ledger.timeline import Course, History, T, course, repeats
from ledgerstone.projections.histories import told
from ledgerstone.projections.mrr_sums import SUMMARIES, tally
from ledgerstone.projections.terms import Terms, alive_at, price_of
from ledgerstone.projections.view import Look, Ref, Row, Tally, View, common


class Payer(Struct, frozen=True, array_like=True, gc=False):
    """All that was heard of one customer that bears on its recurring revenue, and the ids of the coupons and
    of the tiered prices in it."""

    subscriptions: dict[str, History[Subscription]] = {}
    discounts: dict[str, History[Discount]] = {}
    profile: History[Customer] = History()
    coupons: tuple[str, ...] = ()
    tiered: tuple[str, ...] = ()


class MrrRow(Row, frozen=True):
    """What one item of a subscription that counts is worth a month (minor units, null: not known yet)."""

    customer: str
    subscription: str
    item: str
    price: str
    plan: str
    quantity: int
    currency: str
    mrr: int | None
    country: str
    tenant: str
    valid_from: datetime
    valid_to: datetime | None


class Part(NamedTuple):
    """What a customer's rows are made of: what its messages come to, and what the terms they point at say."""

    lives: tuple[tuple[str, Course[Subscription]], ...]
    grants: tuple[tuple[str, tuple[Grant, ...]], ...]
    prices: tuple[tuple[str, Price], ...]
    profile: Course[Customer]


class Mrr(View[Payer, Part]):
    """How much recurring revenue is there, under the policy `standard_v1`, and what moved it?"""

    name = "mrr"
    version = 3
    weight = 17
    hears = (SubscriptionSeen, DiscountSeen, CustomerSeen)
    reads = (Terms,)
    state = Payer
    row = MrrRow
    summaries = SUMMARIES
    sought = ("valid_from", "valid_to")

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case SubscriptionSeen(now=now) | DiscountSeen(now=now):
                return (now.customer,)
            case CustomerSeen(id=id):
                return (id,)
        return ()

    def fold(self, state: Payer | None, row: Recorded, id: str) -> Payer:
        payer = state or Payer()
        match row.body:
            case SubscriptionSeen() as seen:
                return _subscribed(payer, seen, row)
            case DiscountSeen() as given:
                return _discounted(payer, given, row)
            case _:
                return replace(payer, profile=told(payer.profile, row, customers.rank))

    def alike(self, held: Payer, now: Payer) -> bool:
        discounts = now.discounts is held.discounts or _all_repeat(held.discounts, now.discounts)
        return (
            discounts
            and repeats(held.profile, now.profile)
            and (
                now.subscriptions is held.subscriptions or _all_repeat(held.subscriptions, now.subscriptions)
            )
        )

    def refs(self, id: str, state: Payer) -> Iterable[Ref]:
        coupons = [("terms", f"coupon/{id}") for id in state.coupons]
        return coupons + [("terms", f"price/{id}") for id in state.tiered]

    def points(self, row: Recorded) -> Iterable[Ref]:
        match row.body:
            case DiscountSeen(now=now):
                return (("terms", f"coupon/{now.coupon}"),)
            case SubscriptionSeen(now=terms):
                return (("terms", f"price/{id}") for id in _tiered(terms))
        return ()

    def part(self, id: str, state: Payer, look: Look) -> Part:
        return Part(
            tuple((id, course(seen)) for id, seen in sorted(state.subscriptions.items())),
            tuple((id, _grants(given, look)) for id, given in sorted(state.discounts.items())),
            _tiered_prices(state.tiered, look),
            course(state.profile),
        )

    def rows(self, id: str, part: Part) -> Iterable[MrrRow]:
        grants, prices = dict(part.grants), dict(part.prices)
        profile = [(step.at, part.profile.contents[step.value]) for step in part.profile.steps]
        for subscription, life in part.lives:
            for charge in charges(spans(life), grants, prices):
                yield from _placed(id, subscription, charge, profile)

    def tally(self, before: Sequence[MrrRow], after: Sequence[MrrRow]) -> Tally:
        return tally(before, after, _first_difference(before, after))


def _first_difference(before: Sequence[MrrRow], after: Sequence[MrrRow]) -> datetime:
    """An instant until which two lists of rows come to the same. Most often a row ends that had no end, and
    others begin there."""
    same = common(before, after)
    gone, come = before[same:], after[same:]
    marks = [row.valid_from for row in (*gone, *come)]
    if gone and come and astuple(gone[0])[:-1] == astuple(come[0])[:-1]:
        marks = [row.valid_from for row in (*gone[1:], *come[1:])]
        marks += [end for end in (gone[0].valid_to, come[0].valid_to) if end is not None]
    return min(marks)


def _subscribed(payer: Payer, seen: SubscriptionSeen, row: Recorded) -> Payer:
    history = told(payer.subscriptions.get(seen.id), row, subscriptions.rank)
    ids = [*_tiered(seen.now), *(_tiered(seen.before) if seen.before else ())]
    return replace(
        payer,
        subscriptions={**payer.subscriptions, seen.id: history},
        tiered=_with(payer.tiered, ids),
    )


def _discounted(payer: Payer, given: DiscountSeen, row: Recorded) -> Payer:
    history = told(payer.discounts.get(given.id), row, catalogue.rank)
    ids = [terms.coupon for terms in (given.now, given.before) if terms is not None]
    return replace(
        payer,
        discounts={**payer.discounts, given.id: history},
        coupons=_with(payer.coupons, ids),
    )


def _with(known: tuple[str, ...], ids: Sequence[str]) -> tuple[str, ...]:
    """Ids in their order, each once."""
    return known if all(id in known for id in ids) else tuple(sorted({*known, *ids}))


def _tiered(terms: Subscription) -> list[str]:
    return [item.price for item in terms.items if item.terms.tiering is not None]


def _all_repeat(held: Mapping[str, History[T]], now: Mapping[str, History[T]]) -> bool:
    return len(held) == len(now) and all(repeats(held[id], history) for id, history in now.items())


def _tiered_prices(ids: Iterable[str], look: Look) -> tuple[tuple[str, Price], ...]:
    """What was last told of a price's tiers: they never change, and a message need not show them."""
    told = ((id, [price_of(row.terms) for row in look(("terms", f"price/{id}"))]) for id in ids)
    tiers = ((id, [price for price in prices if price.tiers is not None]) for id, prices in told)
    return tuple((id, prices[-1]) for id, prices in tiers if prices)


def _grants(given: History[Discount], look: Look) -> tuple[Grant, ...]:
    """A discount's terms over time: from its start, until its end, or until it was taken away. If nothing was
    heard of it before that, it was what its taking away showed."""
    found = []
    for index, step in enumerate(given.steps):
        if step.ended and index:
            break
        discount = given.contents[step.value]
        start = min(discount.start, step.at) if index == 0 else step.at
        then = next((later.at for later in given.steps[index if step.ended else index + 1 :]), None)
        end = min((mark for mark in (discount.end, then) if mark is not None), default=None)
        coupon = alive_at(look(("terms", f"coupon/{discount.coupon}")), discount.start)
        found.append(Grant(start, end, coupon, discount.subscription is None and discount.item is None))
    return tuple(found)


def _placed(
    customer: str, subscription: str, charge: Charge, profile: Sequence[tuple[datetime, Customer]]
) -> Iterator[MrrRow]:
    """A charge where and for whom it was: cut where the customer's country or tenant changed."""
    moves = [at for at, _ in profile[1:] if charge.start < at and (charge.end is None or at < charge.end)]
    for start, end in pairwise([charge.start, *moves, charge.end]):
        assert start is not None
        who = next(
            (told for at, told in reversed(profile) if at <= start), profile[0][1] if profile else None
        )
        yield MrrRow(
            customer,
            subscription,
            charge.item.id,  # item
            charge.item.price,
            charge.item.terms.product,  # plan
            charge.item.quantity,
            charge.currency,
            charge.mrr,
            (who.country or "") if who else "",  # country
            who.tenant if who else customer,  # tenant
            start,  # valid_from
            end,  # valid_to
        )
