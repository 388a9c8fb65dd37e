"""From 2022-11-15 to 2020-08-27: a payment intent lists its charges, a charge its refunds; the making of
a refund is told by `charge.refunded` alone.

https://docs.stripe.com/changelog/2022-11-15"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.stripe_shapes.envelope import listed
from ledgerstone.demo.versions.known import Known
from ledgerstone.demo.versions.steps import Step, without


def charge(it: Json, known: Known) -> Json:
    refunds = known.within("refund", it["id"])
    return {**it, "refunds": listed(refunds[::-1], f"/v1/charges/{it['id']}/refunds")}


def payment_intent(it: Json, known: Known) -> Json:
    """Without `latest_charge`: it is the first of the list."""
    charges = [charge(each, known) for each in known.within("charge", it["id"])]
    shown = listed(charges[::-1], f"/v1/charges?payment_intent={it['id']}")
    return {**without(it, "latest_charge"), "charges": shown}


STEP = Step("2020-08-27", {"charge": charge, "payment_intent": payment_intent}, frozenset({"refund.created"}))
