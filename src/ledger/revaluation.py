"""Differences of exchange: what was gained or lost because rates moved between booking, settling and closing?

Nothing is converted when it is posted: what comes in one currency for what was owed in another goes through
`fx_trading` both ways, a debit of the one and a credit of the other. So every posting balances in its own
currency, and the account holds, open, what the business has put from currencies into others. Whoever closes a
period values it in the functional currency, by the rates from before the day after the period; what does not
come to nothing is gain or loss. The next close moves only what has changed since.

Pure functions: rates and balances come in, amounts and movements go out; None where a rate is missing."""

from collections.abc import Mapping

from msgspec import Struct

from ledgerstone.ledger.fx import Published, convert, exact
from ledgerstone.ledger.posting import Movement

TRADING, GAIN, LOSS = "fx_trading", "fx_gain", "fx_loss"


class Held(Struct, frozen=True):
    """An amount (minor units, what is owed to us above 0, what we owe below) of a currency, and the table of
    rates from before the day it was booked."""

    amount: int
    currency: str
    booked: Published | None


class Valued(Struct, frozen=True):
    """What each currency of `fx_trading` is worth in the functional one, minor units, debits above 0, and by
    how much they do not come to nothing: above 0 is a loss. None where a rate is not known."""

    functional: str
    worth: Mapping[str, int | None]

    @property
    def difference(self) -> int | None:
        """What is left to be moved to gain or loss."""
        known = [worth for worth in self.worth.values() if worth is not None]
        return sum(known) if len(known) == len(self.worth) else None

    @property
    def missing(self) -> tuple[str, ...]:
        """The currencies without a rate: until these are imported, the period cannot be closed."""
        return tuple(sorted(code for code, worth in self.worth.items() if worth is None))


def realised(held: Held, received: int, functional: str) -> int | None:
    """What settling gained (above 0) or lost: what was received for all of it, less what it was worth by the
    rates when it was booked. Paying less than was owed gains, too, as both are below 0."""
    worth = exact(held.amount, held.currency, functional, held.booked)
    return None if worth is None else round(received - worth)


def unrealised(held: Held, closing: Published | None, functional: str) -> int | None:
    """What holding gained (above 0) or lost until a close: its worth then, less that when it was booked."""
    then = exact(held.amount, held.currency, functional, held.booked)
    now = exact(held.amount, held.currency, functional, closing)
    return None if then is None or now is None else round(now - then)


def valued(balances: Mapping[str, int], functional: str, closing: Published | None) -> Valued:
    """`fx_trading` at a close: its balance by currency, debits above 0, the functional one's with all that
    earlier closes moved; each is converted by itself, and rounded once."""
    worth = {
        currency: convert([(amount, currency)], functional, closing)
        for currency, amount in sorted(balances.items())
    }
    return Valued(functional, worth)


def revaluation(found: Valued) -> tuple[Movement, ...] | None:
    """What a close moves so that the account comes to nothing: a gain, a loss, or nothing; None where that is
    not known."""
    difference = found.difference
    if difference is None:
        return None
    if difference > 0:
        return (Movement(LOSS, "", TRADING, "", difference, found.functional),)
    if difference < 0:
        return (Movement(TRADING, "", GAIN, "", -difference, found.functional),)
    return ()
