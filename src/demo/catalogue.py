"""What the business sells, and the coupons that it gives."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from random import Random
from typing import Literal

from msgspec import Struct

from ledgerstone.demo.ids import Ids

CURRENCIES = {"usd": Fraction(1), "eur": Fraction(9, 10), "jpy": Fraction(3, 2)}
Interval = Literal["week", "month", "year"]


class Product(Struct, eq=False):
    """What a plan is called; a figure's `plan` is a product's id."""

    id: str
    name: str
    created: int
    updated: int


class Tier(Struct, frozen=True):
    """Units up to `up_to` (None: all further ones) at `unit` each, plus `flat` once if it is reached."""

    up_to: int | None
    unit: int
    flat: int = 0


class Price(Struct, frozen=True, eq=False):
    """One price of a product in one currency, in minor units per interval."""

    id: str
    product: str
    currency: str
    interval: Interval
    interval_count: int
    created: int
    nickname: str
    unit: str | None
    tiers: tuple[Tier, ...] = ()
    tiers_mode: Literal["graduated", "volume"] | None = None
    divide_by: int | None = None
    round: Literal["up", "down"] | None = None
    metered: bool = False


class Coupon(Struct, eq=False):
    """Terms of a discount. Its id was chosen by the business and may be used again after a deletion."""

    id: str
    name: str
    created: int
    duration: Literal["forever", "once", "repeating"]
    months: int | None = None
    percent: str | None = None
    amount: int | None = None
    currency: str | None = None
    redeemed: int = 0
    deleted: bool = False


class Offer(Struct, frozen=True, eq=False):
    """A plan as customers choose it: prices billed together, and how many units a customer may take."""

    key: str
    prices: dict[str, tuple[Price, ...]]
    quantities: tuple[int, int] = (1, 1)
    sent: bool = False  # billed by an invoice that the customer pays by bank transfer

    def same_period(self, other: "Offer") -> bool:
        """Whether a switch between the two keeps the billing period."""
        mine, theirs = self.prices["usd"][0], other.prices["usd"][0]
        return (mine.interval, mine.interval_count) == (theirs.interval, theirs.interval_count)


class TaxRate(Struct, frozen=True, eq=False):
    """A tax rate of one country, in percent, added to the price."""

    id: str
    country: str
    percentage: int
    created: int


class Catalogue(Struct, eq=False):
    """Everything on the shelf."""

    products: dict[str, Product]
    offers: dict[str, Offer]
    coupons: dict[str, Coupon]
    tax_rates: dict[str, TaxRate]


def gross(price: Price, quantity: int | None) -> Fraction:
    """What the price asks per billing period for so many units, before discounts; metered ones count 0."""
    if price.metered or quantity is None:
        return Fraction(0)
    if price.tiers_mode == "graduated":
        return Fraction(graduated(price.tiers, quantity))
    if price.tiers_mode == "volume":
        return Fraction(volume(price.tiers, quantity))
    if price.divide_by is not None:
        quantity = -(-quantity // price.divide_by) if price.round == "up" else quantity // price.divide_by
    return Fraction(price.unit or 0) * quantity


def graduated(tiers: tuple[Tier, ...], quantity: int) -> int:
    """Each unit at the price of its own tier."""
    total, below = 0, 0
    for tier in tiers:
        units = (quantity if tier.up_to is None else min(quantity, tier.up_to)) - below
        if units > 0:
            total += units * tier.unit + tier.flat
        below = tier.up_to or quantity
    return total


def volume(tiers: tuple[Tier, ...], quantity: int) -> int:
    """All units at the price of the tier that the quantity falls into."""
    tier = next(tier for tier in tiers if tier.up_to is None or quantity <= tier.up_to)
    return quantity * tier.unit + tier.flat


class Shelf:
    """Fills a catalogue, product by product."""

    def __init__(self, ids: Ids, now: int) -> None:
        self.ids, self.now = ids, now
        self.products: dict[str, Product] = {}
        self.offers: dict[str, Offer] = {}

    def product(self, name: str) -> str:
        if name not in self.products:
            self.products[name] = Product(self.ids("prod"), name, self.now, self.now)
        return self.products[name].id

    def price(
        self, name: str, unit: str, currency: str, interval: Interval = "month", count: int = 1
    ) -> Price:
        """A price per unit; `unit` is in US cents and may have decimals."""
        local = Fraction(unit) * CURRENCIES[currency]
        text = str(local) if local.denominator == 1 else f"{float(local):g}"
        nickname = f"{name} {interval}" if count == 1 else f"{name} every {count} {interval}s"
        return Price(
            self.ids("price"), self.product(name), currency, interval, count, self.now, nickname, text
        )

    def tiered(self, name: str, mode: Literal["graduated", "volume"], currency: str, *steps: Tier) -> Price:
        factor = CURRENCIES[currency]
        tiers = tuple(Tier(tier.up_to, int(tier.unit * factor), int(tier.flat * factor)) for tier in steps)
        product = self.product(name)
        return Price(
            self.ids("price"), product, currency, "month", 1, self.now, name, None, tiers, tiers_mode=mode
        )

    def packed(self, name: str, unit: str, currency: str, by: int, way: Literal["up", "down"]) -> Price:
        product, local = self.product(name), str(Fraction(unit) * CURRENCIES[currency])
        return Price(
            self.ids("price"), product, currency, "month", 1, self.now, name, local, divide_by=by, round=way
        )

    def usage(self, name: str, unit: str, currency: str) -> Price:
        product, local = self.product(name), f"{float(Fraction(unit) * CURRENCIES[currency]):g}"
        return Price(self.ids("price"), product, currency, "month", 1, self.now, name, local, metered=True)

    def offer(
        self,
        key: str,
        prices: Callable[[str], tuple[Price, ...]],
        quantities: tuple[int, int] = (1, 1),
        sent: bool = False,
    ) -> None:
        """Under this key, the prices that the function gives for each currency."""
        self.offers[key] = Offer(key, {each: prices(each) for each in CURRENCIES}, quantities, sent)


SIMPLE: tuple[tuple[str, str, str, Interval, int, tuple[int, int]], ...] = (
    ("free", "Free", "0", "month", 1, (1, 1)),
    ("starter-month", "Starter", "1900", "month", 1, (1, 1)),
    ("starter-year", "Starter", "19000", "year", 1, (1, 1)),
    ("pro-month", "Pro", "4900", "month", 1, (1, 1)),
    ("pro-quarter", "Pro", "13900", "month", 3, (1, 1)),
    ("pro-year", "Pro", "49000", "year", 1, (1, 1)),
    ("team-month", "Team", "1200", "month", 1, (2, 40)),
    ("team-year", "Team", "11900", "year", 1, (2, 25)),
    ("pulse-week", "Pulse", "700", "week", 1, (1, 3)),
    ("mail-month", "Mail", "2.5", "month", 1, (501, 4999)),
)
GRADUATED = (Tier(10, 1000, 500), Tier(50, 800), Tier(None, 460, 2500))
VOLUME = (Tier(20, 900), Tier(100, 700, 1000), Tier(None, 500))


ENTERPRISE: tuple[tuple[str, str, Interval, int], ...] = (
    ("enterprise-quarter", "240000", "month", 3),
    ("enterprise-year", "890000", "year", 1),
)


def stock(ids: Ids, now: int) -> Catalogue:
    """The catalogue of a new business: every kind of price, in every currency."""
    shelf = Shelf(ids, now)
    for key, name, unit, interval, count, quantities in SIMPLE:
        shelf.offer(key, partial(one, shelf, name, unit, interval, count), quantities)
    shelf.offer("scale-month", partial(scale, shelf), (3, 60))
    shelf.offer("growth-month", lambda c: (shelf.tiered("Growth", "graduated", c, *GRADUATED),), (3, 140))
    shelf.offer("bulk-month", lambda c: (shelf.tiered("Bulk", "volume", c, *VOLUME),), (5, 160))
    shelf.offer("packs-month", lambda c: (shelf.packed("Packs", "1500", c, 10, "up"),), (1, 95))
    shelf.offer("lots-month", lambda c: (shelf.packed("Lots", "2100", c, 25, "down"),), (30, 160))
    for key, unit, interval, count in ENTERPRISE:
        shelf.offer(key, partial(one, shelf, "Enterprise", unit, interval, count), sent=True)
    return Catalogue(shelf.products, shelf.offers, coupons(ids.mark, now), tax_rates(ids, now))


def one(
    shelf: Shelf, name: str, unit: str, interval: Interval, count: int, currency: str
) -> tuple[Price, ...]:
    """A single price per unit."""
    return (shelf.price(name, unit, currency, interval, count),)


def scale(shelf: Shelf, currency: str) -> tuple[Price, ...]:
    """Base, seats and a metered add-on: three products billed together."""
    base, seats = shelf.price("Scale", "29900", currency), shelf.price("Scale seats", "900", currency)
    return base, seats, shelf.usage("API calls", "0.04", currency)


def coupons(mark: str, now: int) -> dict[str, Coupon]:
    """One coupon of each duration and kind, by a short key; amounts per currency."""
    shelf = {
        "launch": Coupon(f"LAUNCH20-{mark}", "Launch, 20% for ever", now, "forever", percent="20"),
        "partner": Coupon(f"PARTNER-{mark}", "Partner, 12.5% for ever", now, "forever", percent="12.5"),
        "welcome": Coupon(f"WELCOME50-{mark}", "Half off the first bill", now, "once", percent="50"),
        "spring": Coupon(f"SPRING-{mark}", "A third off, three months", now, "repeating", 3, percent="33.3"),
        "pilot": Coupon(f"PILOT-{mark}", "Two months free", now, "repeating", 2, percent="100"),
        "vip": Coupon(f"VIP-{mark}", "VIP, 15% for ever", now, "forever", percent="15"),
        "loyal": Coupon(f"LOYAL-{mark}", "Loyalty, 10% for half a year", now, "repeating", 6, percent="10"),
        "autumn": Coupon(f"AUTUMN-{mark}", "Autumn, 25% for ever", now, "forever", percent="25"),
    }
    for currency, factor in CURRENCIES.items():
        off, trial = int(500 * factor), int(1001 * factor)
        shelf[f"fiver-{currency}"] = Coupon(
            f"FIVER-{currency.upper()}-{mark}", "Five off", now, "forever", amount=off, currency=currency
        )
        shelf[f"tenner-{currency}"] = Coupon(
            f"TENNER-{currency.upper()}-{mark}",
            "Ten off",
            now,
            "repeating",
            4,
            amount=trial,
            currency=currency,
        )
    return shelf


def tax_rates(ids: Ids, now: int) -> dict[str, TaxRate]:
    """The countries where the business is registered for tax."""
    rates = {"DE": 19, "FR": 20, "SE": 25, "FI": 24, "JP": 10}
    return {country: TaxRate(ids("txr"), country, percent, now) for country, percent in rates.items()}


def choose_quantity(rng: Random, offer: Offer) -> int:
    """How many units a customer takes; mostly few."""
    low, high = offer.quantities
    return low if low == high else low + int((high - low) * rng.random() ** 2)
