"""The shelf over the years: what is offered at first, renamed, withdrawn and put back with other terms."""

from ledgerstone.demo.catalogue import Coupon
from ledgerstone.demo.clock import WEEK
from ledgerstone.demo.stripe_shapes.catalogue import plan, price_with_tiers, tax_rate
from ledgerstone.demo.world import World


def tell_catalogue(world: World) -> None:
    world.asked()
    for product in world.catalogue.products.values():
        world.tell_of(product, "created")
    for offer in world.catalogue.offers.values():
        for price in (each for prices in offer.prices.values() for each in prices):
            world.tell("plan.created", plan(price, world.livemode))
            world.tell("price.created", price_with_tiers(price, world.livemode))
    for coupon in world.catalogue.coupons.values():
        world.tell_of(coupon, "created")
    for rate in world.catalogue.tax_rates.values():
        world.tell("tax_rate.created", tax_rate(rate, world.livemode))


def rename_product(world: World) -> None:
    world.asked()
    product = next(iter(world.catalogue.products.values()))
    world.amend(product, name=f"{product.name} (legacy)", updated=world.now)


def withdraw_coupon(world: World, key: str) -> None:
    """Who has it keeps it. A week later the same id means something else."""
    world.asked()
    coupon = world.catalogue.coupons[key]
    coupon.deleted = True
    world.tell_of(coupon, "deleted")
    world.at(world.now + WEEK, reuse_coupon, key)


def reuse_coupon(world: World, key: str) -> None:
    world.asked()
    id = world.catalogue.coupons[key].id
    fresh = Coupon(id, "Autumn, 10% for five months", world.now, "repeating", 5, percent="10")
    world.catalogue.coupons[key] = fresh
    world.tell_of(fresh, "created")
