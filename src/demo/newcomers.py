"""Who comes: names, places, organisations, cards."""

from ledgerstone.demo.catalogue import CURRENCIES
from ledgerstone.demo.records import Address, Card, Customer
from ledgerstone.demo.stripe_shapes.customers import payment_method
from ledgerstone.demo.world import World

PLACES = {
    "usd": (
        ("US", "Austin", "73301"),
        ("CA", "Toronto", "M4B 1B3"),
        ("GB", "Leeds", "LS1 1UR"),
        ("AU", "Perth", "6000"),
    ),
    "eur": (
        ("DE", "Köln", "50667"),
        ("FR", "Lyon", "69001"),
        ("SE", "Malmö", "211 22"),
        ("FI", "Turku", "20100"),
        ("NL", "Utrecht", "3511"),
    ),
    "jpy": (("JP", "Sapporo", "060-0001"),),
}
FIRST = ("Alder", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Gale", "Harbor", "Iris", "Juniper")
LAST = ("Analytics", "Bakery", "Clinic", "Design", "Foods", "Games", "Hotels", "Imports", "Robotics")


def join(world: World, number: int) -> Customer:
    currency = world.rng.choices(list(CURRENCIES), (55, 35, 10))[0]
    country, city, code = world.rng.choice(PLACES[currency])
    name = f"{FIRST[number % 10]} {LAST[number // 10 % 9]} {number}"
    customer = Customer(
        world.ids("cus"),
        world.now,
        name,
        f"billing@customer-{number}.example.com",
        Address(country, city, f"{number} Main Street", code),
        currency,
        tenant(world, number),
        f"{world.ids.mark[:3].upper()}{number:05X}",
    )
    world.customers.append(customer)
    world.tell_of(customer, "created")
    return customer


def tenant(world: World, number: int) -> str | None:
    """Some customers have no tenant, some one of their own, and some share one."""
    kind = world.rng.random()
    if kind < 0.4:
        return None
    shared = kind > 0.75 and number > 5
    return f"org-{world.ids.mark}-{number - number % 5 if shared else number}"


def add_card(world: World, customer: Customer) -> None:
    card = Card(
        world.ids("pm"),
        world.rng.choice(("visa", "mastercard")),
        f"{world.rng.randrange(10_000):04}",
        world.now,
    )
    world.tell("payment_method.attached", payment_method(card, customer, world.livemode))
    world.amend(customer, card=card)
