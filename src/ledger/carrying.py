"""What is open in another currency is carried at what it was worth when it came in: what of it leaves?

The weighted average, by account and currency: a day's inflow enters at that day's worth, and what leaves on
it, or later, leaves at the average carried. What it is worth on its own day beyond that is realised. It does
not matter which invoice is paid. Whole minor units, as a bookkeeper has them."""

from collections.abc import Callable
from fractions import Fraction

from msgspec import Struct

WITH = {"doubtful": "receivable"}
"""What has no worth of its own: an allowance takes its invoices off what is carried, and realises by that.
What is paid of them after all leaves in its place, and not once more."""


class Carried(Struct, frozen=True, gc=False):
    """An `amount` of another currency, debits above 0, and the `worth` at which it came in, on the same side:
    each in minor units, `worth` in those of the functional currency."""

    amount: int = 0
    worth: int = 0


def after(held: Carried, debits: int, credits: int, worth: Callable[[int], int]) -> Carried:
    """What is carried after a day's debits and credits, these below 0; `worth` says what an amount is worth
    on that day. What changes sides leaves wholly, and the rest enters anew."""
    up, down = max(debits, 0) + max(credits, 0), min(debits, 0) + min(credits, 0)
    enters, amount = up if held.amount > 0 else down, held.amount + up + down
    if held.amount * amount <= 0:
        return Carried(amount, worth(amount))
    all_of_it = Fraction(held.worth + worth(enters), held.amount + enters)
    return Carried(amount, round(all_of_it * amount))
