"""The tax of an issued invoice: by which rates of which countries is it?

What a message calls a rate is an id in most versions. What that rate is, it says where it shows the rate
itself: among the default rates, on lines (until 2025-03-31), or expanded in the id's place. Else the tax and
what it is on say it, where that leaves no doubt: the customer's address is Swedish, and one of Sweden's three
rates alone comes to this tax. All of that is frozen when an invoice is finalised.

What is in doubt is of no rate, until a message shows which. Elsewhere that is all that is not shown: a seller
may charge consumers in other countries of the EU his own country's rates, and a guess would contradict the
message that shows the rate, where no rate at all gives way to it (`corrections.outgrown`)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.wire import invoices as wire
from ledgerstone.adapters.stripe.wire.fields import id_of
from ledgerstone.ledger.sales_tax import Tax

OF_SWEDEN = 25, 12, 6


def by_rate(invoice: wire.Invoice, currency: str) -> tuple[Tax, ...]:
    """The parts of an invoice's tax of which the rate is known, in the order of their rates."""
    shown = {rate.id: rate for rate in _shown(invoice)}
    found = Counter[str]()
    for tax in taxes(invoice):
        if rate := _rate(tax, shown, _country(invoice), _lines(invoice)):
            found[rate] += tax.amount
    whole = {rate: _whole(amount, currency) for rate, amount in sorted(found.items())}
    return tuple(Tax(rate, amount) for rate, amount in whole.items() if amount)


def _whole(amount: int, currency: str) -> int:
    """In minor units; 0 where that is no whole number of them: all of an invoice's tax may be one still."""
    try:
        return minor(amount, currency)
    except Unusable:
        return 0


def taxes(invoice: wire.Invoice) -> tuple[wire.Tax, ...]:
    """The taxes of an invoice, as any version lists them; none where it only says their sum."""
    newest = invoice.total_taxes
    return (invoice.total_tax_amounts if newest is None else newest) or ()


def _shown(invoice: wire.Invoice) -> Iterator[wire.TaxRate]:
    """Every rate that the message shows, and not only names."""
    named = [_named(tax) for tax in taxes(invoice)]
    lines = invoice.lines.data if invoice.lines else ()
    listed = [rate for line in lines for rate in line.tax_rates or ()]
    for rate in (*named, *(invoice.default_tax_rates or ()), *listed):
        if isinstance(rate, wire.TaxRate):
            yield rate


def _named(tax: wire.Tax) -> wire.AnyRate | None:
    details = tax.tax_rate_details
    return (details.tax_rate if details else None) or tax.tax_rate


def _rate(tax: wire.Tax, shown: Mapping[str, wire.TaxRate], country: str, lines: int) -> str:
    """`SE 25`; empty where the rate is in doubt."""
    named = _named(tax)
    rate = shown.get(id_of(named)) if named is not None else None
    if rate is None:
        return _worked_out(tax, country, lines)
    percent, place = rate.effective_percentage or rate.percentage, _code(rate.country) or country
    known = percent is not None and percent.is_finite() and 0 < percent <= 100
    return f"{place} {_text(percent)}" if percent is not None and known and place else ""


def _worked_out(tax: wire.Tax, country: str, lines: int) -> str:
    """Each line's tax is rounded, so that all may be off by half a unit for each line."""
    if not tax.taxable_amount or country != "SE":
        return ""
    off = {rate: abs(100 * tax.amount - tax.taxable_amount * rate) for rate in OF_SWEDEN}
    near = [rate for rate, hundredths in off.items() if hundredths <= 50 * lines]
    return f"SE {near[0]}" if len(near) == 1 else ""


def _country(invoice: wire.Invoice) -> str:
    """Where the customer is taxed: where goods are sent, else the address on the bill."""
    ship = invoice.customer_shipping.address if invoice.customer_shipping else None
    places = [place.country for place in (ship, invoice.customer_address) if place is not None]
    return next((code for place in places if (code := _code(place))), "")


def _lines(invoice: wire.Invoice) -> int:
    return max(1, len(invoice.lines.data)) if invoice.lines else 1


def _code(country: str | None) -> str:
    return country.upper() if country and len(country) == 2 else ""


def _text(percent: Decimal) -> str:
    return format(percent.normalize(), "f")
