"""From endive to 2026-03-25.dahlia: no trials by item, no reasons of a pause or of what is uncollectible,
and, as they came in May 2026 only, no schedules of billing and no amount that was paid off Stripe.

https://docs.stripe.com/changelog/dahlia, https://docs.stripe.com/changelog/endive"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.versions.known import Known
from ledgerstone.demo.versions.steps import Step, without


def item(it: Json, known: Known) -> Json:
    return without(it, "current_trial", "billed_until")


def subscription(it: Json, known: Known) -> Json:
    return without(it, "status_details", "billing_schedules")


def invoice(it: Json, known: Known) -> Json:
    return without(it, "status_details", "amount_paid_off_stripe")


STEP = Step(
    "2026-03-25.dahlia", {"subscription_item": item, "subscription": subscription, "invoice": invoice}
)
