"""How much is Stripe's amount in ISO 4217's minor units? (docs.stripe.com/currencies)

Stripe counts most currencies in hundredths. It differs from the standard in three: the ariary, which Stripe
takes whole, and the króna and the Ugandan shilling, which are whole today and which Stripe still takes in
hundredths ("special cases")."""

from decimal import Decimal
from functools import lru_cache

from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.ledger.money import decimals

_WHOLE = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THOUSANDTHS = "bhd jod kwd omr tnd"
DECIMALS = {**dict.fromkeys(_WHOLE.split(), 0), **dict.fromkeys(_THOUSANDTHS.split(), 3)}


@lru_cache(maxsize=512)
def shift(currency: str) -> int:
    """By how many decimal places ISO 4217's integers are longer than Stripe's: 2 for `mga`, -2 for `isk`."""
    return decimals(currency) - DECIMALS.get(currency, 2)


def minor(amount: int, currency: str) -> int:
    """Stripe's amount in ISO 4217's minor units; Unusable when that is not a whole number of them."""
    places = shift(currency)
    if not places:
        return amount
    if places > 0:
        return amount * int(10**places)
    whole, rest = divmod(amount, int(10**-places))
    if rest:
        raise Unusable(f"{amount} is not a whole amount of {currency}, which Stripe gives in hundredths")
    return whole


def minor_text(amount: Decimal | int, currency: str) -> str:
    """A price as a decimal string of ISO 4217's minor units; it may be a fraction of one."""
    number, places = _ordinary(Decimal(amount)), shift(currency)
    return text(number.scaleb(places) if places else number)


def text(number: Decimal) -> str:
    """A number as we keep it, so that equal numbers are equal texts: 12.50 as `12.5`, 1E+2 as `100`."""
    plain = format(_ordinary(number), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _ordinary(number: Decimal) -> Decimal:
    """The number itself, when writing it out is short and counting with it exact."""
    if not number:
        return Decimal(0)
    if not number.is_finite() or abs(number.adjusted()) > 20 or len(number.as_tuple().digits) > 25:
        raise Unusable("a price or percentage is not a number of ordinary length")
    return number
