"""From 2024-06-20 to 2022-11-15: a subscription's discount is one object, and its items have none; features
of products have their old name. What did not exist yet, several discounts, is shown in the newer way.

https://docs.stripe.com/changelog/2024-04-10"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.versions.known import Known
from ledgerstone.demo.versions.steps import Step, without


def subscription(it: Json, known: Known) -> Json:
    alone = not it["discounts"] or it["discount"] is not None
    return without(it, "discounts") if alone else it


def item(it: Json, known: Known) -> Json:
    return it if it["discounts"] else without(it, "discounts")


def product(it: Json, known: Known) -> Json:
    return {**without(it, "marketing_features"), "features": it["marketing_features"]}


STEP = Step("2022-11-15", {"subscription": subscription, "subscription_item": item, "product": product})
