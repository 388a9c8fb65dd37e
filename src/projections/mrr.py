"""How much recurring revenue is there, and what moved it?"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from ledgerstone.ledger import catalogue, customers, growth, subscriptions
from ledgerstone.ledger.catalogue import Discount, DiscountSeen, Price
from ledgerstone.ledger.customers import Customer, CustomerSeen
from ledgerstone.ledger.growth import GRAINS, KINDS, Standing, Stood, minus, with_customers
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.recurring import Charge, Grant, charges
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen, spans
from ledgerstone.ledger.timeline import Course, History, course
from ledgerstone.projections.histories import told
from ledgerstone.projections.terms import Terms, alive_at, price_of
from ledgerstone.projections.view import Cell, Look, Ref, Row, Summary, Tally, View


class Payer(Struct, frozen=True, array_like=True, gc=False):
    """All that was heard of one customer that bears on its recurring revenue."""

    subscriptions: dict[str, History[Subscription]] = {}
    discounts: dict[str, History[Discount]] = {}
    profile: History[Customer] = History()


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


DIMENSIONS: dict[str, Callable[[MrrRow], str]] = {
    "": lambda row: "",
    "plan": lambda row: row.plan,
    "country": lambda row: row.country,
}
"""How the summaries are grouped. Tenants are as many as customers: theirs are summed when asked for."""

CELL = {"currency": str, "dimension": str, "grp": str}


class Mrr(View[Payer, Part]):
    """How much recurring revenue is there, under the policy `standard_v1`, and what moved it?"""

    name = "mrr"
    version = 1
    weight = 5
    hears = (SubscriptionSeen, DiscountSeen, CustomerSeen)
    reads = (Terms,)
    state = Payer
    row = MrrRow
    summaries = (
        Summary("standing", {"day": date, **CELL}, Standing._fields),
        Summary(
            "movement",
            {"grain": str, "period": date, **CELL},
            (*KINDS, *(f"{kind}_customers" for kind in KINDS)),
        ),
    )

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
            case SubscriptionSeen(id=which):
                seen = told(payer.subscriptions.get(which), row, subscriptions.rank)
                return Payer({**payer.subscriptions, which: seen}, payer.discounts, payer.profile)
            case DiscountSeen(id=which):
                given = told(payer.discounts.get(which), row, catalogue.rank)
                return Payer(payer.subscriptions, {**payer.discounts, which: given}, payer.profile)
            case _:
                profile = told(payer.profile, row, customers.rank)
                return Payer(payer.subscriptions, payer.discounts, profile)

    def refs(self, id: str, state: Payer) -> Iterable[Ref]:
        coupons = {d.coupon for given in state.discounts.values() for d in given.contents}
        tiered = {
            item.price
            for seen in state.subscriptions.values()
            for terms in seen.contents
            for item in terms.items
            if item.terms.tiering is not None
        }
        return [*(("terms", f"coupon/{id}") for id in coupons), *(("terms", f"price/{id}") for id in tiered)]

    def points(self, row: Recorded) -> Iterable[Ref]:
        match row.body:
            case DiscountSeen(now=now):
                return (("terms", f"coupon/{now.coupon}"),)
            case SubscriptionSeen(now=terms):
                tiered = (item.price for item in terms.items if item.terms.tiering is not None)
                return (("terms", f"price/{id}") for id in tiered)
        return ()

    def part(self, id: str, state: Payer, look: Look) -> Part:
        return Part(
            tuple((id, course(seen)) for id, seen in sorted(state.subscriptions.items())),
            tuple((id, _grants(given, look)) for id, given in sorted(state.discounts.items())),
            _tiered_prices(self.refs(id, state), look),
            course(state.profile),
        )

    def rows(self, id: str, part: Part) -> Iterable[MrrRow]:
        grants, prices = dict(part.grants), dict(part.prices)
        profile = [(step.at, part.profile.contents[step.value]) for step in part.profile.steps]
        for subscription, life in part.lives:
            for charge in charges(spans(life), grants, prices):
                yield from _placed(id, subscription, charge, profile)

    def tally(self, rows: Sequence[MrrRow]) -> Tally:
        standing: dict[Cell, tuple[int, ...]] = {}
        movement: dict[Cell, tuple[int, ...]] = {}
        closings = growth.closings(rows)
        for dimension, group in DIMENSIONS.items():
            stood = growth.stood(closings, group)
            standing.update(_standing_cells(stood, dimension))
            movement.update(_movement_cells(stood, dimension))
        return {"standing": standing, "movement": movement}


def _tiered_prices(refs: Iterable[Ref], look: Look) -> tuple[tuple[str, Price], ...]:
    found = (
        (ref[1].removeprefix("price/"), look(ref)) for ref in sorted(refs) if ref[1].startswith("price/")
    )
    return tuple((id, price_of(rows[-1].terms)) for id, rows in found if rows)


def _grants(given: History[Discount], look: Look) -> tuple[Grant, ...]:
    """A discount's terms over time: from its start, until its end, or until it was taken away."""
    found = []
    for index, step in enumerate(given.steps):
        if step.ended:
            break
        discount = given.contents[step.value]
        start = min(discount.start, step.at) if index == 0 else step.at
        then = given.steps[index + 1].at if index + 1 < len(given.steps) else None
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
            customer=customer,
            subscription=subscription,
            item=charge.item.id,
            price=charge.item.price,
            plan=charge.item.terms.product,
            quantity=charge.item.quantity,
            currency=charge.currency,
            mrr=charge.mrr,
            country=(who.country or "") if who else "",
            tenant=who.tenant if who else customer,
            valid_from=start,
            valid_to=end,
        )


def _standing_cells(stood: Sequence[Stood], dimension: str) -> Iterator[tuple[Cell, tuple[int, ...]]]:
    """What a customer adds to each day's figures: how its standing at the day's end differs from the one
    at the end of the day before."""
    held: Mapping[tuple[str, str], tuple[int, ...]] = {}
    for day, now in stood:
        for cell in {**held, **now}:
            rise = minus(now.get(cell, _NONE), held.get(cell, _NONE))
            if any(rise):
                yield (day, cell[0], dimension, cell[1]), rise
        held = now


def _movement_cells(stood: Sequence[Stood], dimension: str) -> Iterator[tuple[Cell, tuple[int, ...]]]:
    for grain in GRAINS:
        for period, currency, moved in growth.history(stood, grain):
            for group, movement in moved.items():
                yield (grain, period, currency, dimension, group), with_customers(movement)


_NONE = tuple(Standing())
