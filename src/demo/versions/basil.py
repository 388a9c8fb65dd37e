"""From clover to 2025-03-31.basil: a discount shows its coupon whole, and subscriptions have no billing mode.

`invoice_payment.paid` is told all the same: it came in May 2025, but new types of events are no breaking
change at Stripe, so that this version has them too (https://docs.stripe.com/upgrades).

https://docs.stripe.com/changelog/clover"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.versions.known import Known
from ledgerstone.demo.versions.steps import Step, without


def discount(it: Json, known: Known) -> Json:
    coupon = known.first_coupon(it["id"], it["source"]["coupon"])
    return {**without(it, "source"), "coupon": coupon}


def subscription(it: Json, known: Known) -> Json:
    return without(it, "billing_mode", "managed_payments")


STEP = Step("2025-03-31.basil", {"discount": discount, "subscription": subscription})
