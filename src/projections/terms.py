"""What do products, prices and coupons say, and since when? Folded first: many keys point at them."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from ledgerstone.ledger.catalogue import (
    Coupon,
    CouponSeen,
    Price,
    PriceSeen,
    Product,
    ProductSeen,
    rank,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History
from ledgerstone.projections.histories import told
from ledgerstone.projections.view import Row, View


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What was heard of one id: of a product, of a price, or of all lives of a coupon."""

    product: History[Product] = History()
    price: History[Price] = History()
    coupon: History[Coupon] = History()


class TermsRow(Row, frozen=True):
    """A product, price or coupon as it was for a time; `terms` is all of it, as JSON."""

    kind: str
    id: str
    name: str | None
    product: str | None
    terms: str
    valid_from: datetime
    valid_to: datetime | None


class Terms(View[Told, Told]):
    """What do products, prices and coupons say, and since when?"""

    name = "terms"
    version = 2
    hears = (ProductSeen, PriceSeen, CouponSeen)
    state = Told
    row = TermsRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case ProductSeen(id=id):
                return (f"product/{id}",)
            case PriceSeen(id=id):
                return (f"price/{id}",)
            case CouponSeen(id=id):
                return (f"coupon/{id}",)
        return ()

    def fold(self, state: Told | None, row: Recorded, id: str) -> Told:
        held = state or Told()
        match row.body:
            case ProductSeen():
                return Told(product=told(held.product, row, rank))
            case PriceSeen():
                return Told(price=told(held.price, row, rank))
            case _:
                return Told(coupon=told(held.coupon, row, rank))

    def rows(self, id: str, part: Told) -> Iterable[TermsRow]:
        kind, _, object_id = id.partition("/")
        if kind == "coupon":
            return _lives(object_id, part.coupon)
        if kind == "product":
            return _versions(kind, object_id, part.product)
        return _versions(kind, object_id, part.price)


@lru_cache(1 << 12)
def coupon_of(terms: str) -> Coupon:
    """The coupon that a row's `terms` tell of."""
    return msgspec.json.decode(terms, type=Coupon)


@lru_cache(1 << 12)
def price_of(terms: str) -> Price:
    """The price that a row's `terms` tell of."""
    return msgspec.json.decode(terms, type=Price)


def alive_at(rows: Iterable[TermsRow], at: datetime) -> Coupon | None:
    """The terms of the coupon that lived at a time; None when none is known that did."""
    born = [row for row in rows if row.valid_from <= at]
    return coupon_of(max(born, key=lambda row: row.valid_from).terms) if born else None


def _versions(kind: str, id: str, history: History[Product] | History[Price]) -> Iterable[TermsRow]:
    ends = [*(step.at for step in history.steps[1:]), None]
    for step, end in zip(history.steps, ends, strict=True):
        if not step.ended:
            terms = history.contents[step.value]
            yield TermsRow(
                kind,
                id,
                terms.name if isinstance(terms, Product) else None,
                terms.product if isinstance(terms, Price) else None,
                msgspec.json.encode(terms).decode(),
                step.at,
                end,
            )


def _lives(id: str, history: History[Coupon]) -> Iterable[TermsRow]:
    """A coupon's lives, by when each was created; one may begin in the second in which the last one ended. A
    discount given earlier still shows its coupon after
    that was deleted: being seen does not bring it back."""
    shown = [*(sighting.after for sighting in history.sightings), *(step.value for step in history.steps)]
    lives = {history.contents[value].created: history.contents[value] for value in shown}
    births = sorted(lives)
    for born, reborn in zip(births, [*births[1:], None], strict=True):
        deaths = [s.at for s in history.sightings if s.last and history.contents[s.after].created == born]
        terms = msgspec.json.encode(lives[born]).decode()
        yield TermsRow("coupon", id, None, None, terms, born, min(deaths, default=reborn))
