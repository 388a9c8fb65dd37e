"""From dahlia to 2025-09-30.clover: quantities are whole, and no decimals stand beside them.

https://docs.stripe.com/changelog/dahlia"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.versions.known import Known
from ledgerstone.demo.versions.steps import Step, without


def whole(it: Json, known: Known) -> Json:
    return without(it, "quantity_decimal")


STEP = Step("2025-09-30.clover", {"line_item": whole, "invoiceitem": whole})
