"""The lines of an issued invoice: what is asked for which service, and for which days?

Nothing is guessed. Where a list goes on, or a line does not say its amount, what is known is told, and the
rest of the invoice is of days that nobody told. Where all lines are there and do not come to the invoice's
net, what came off it as a whole came off every line in proportion; what was added to it, as postage is, is
for no days."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise

from msgspec.structs import replace

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import moment
from ledgerstone.adapters.stripe.wire import invoices as wire
from ledgerstone.adapters.stripe.wire.fields import Ref, id_of
from ledgerstone.ledger.invoices import ServiceLine


def service_lines(shown: wire.Lines | None, net: int, currency: str) -> tuple[ServiceLine, ...]:
    """What is told of an invoice's lines; `net` is the invoice's, in ISO 4217's minor units."""
    lines = [_line(line, currency) for line in shown.data] if shown else []
    told = [line for line in lines if line is not None]
    if shown is None or shown.has_more or len(told) < len(lines):
        return tuple(line for line in told if line.net)
    return tuple(line for line in _completed(told, net) if line.net)


def priced(line: wire.Line) -> wire.PriceDetails | None:
    """The price of a line, as any version says it."""
    newest = line.pricing.price_details if line.pricing else None
    return newest or line.price or line.plan


def _line(line: wire.Line, currency: str) -> ServiceLine | None:
    """None where it does not say its amount, or not in whole units of its currency."""
    if line.amount is None:
        return None
    try:
        net = minor(line.amount - _off(line) - _inclusive(line), currency)
    except Unusable:
        return None
    price = priced(line)
    start, end = _days(line.period)
    return ServiceLine(net, _id(price.product if price else None), start, end, _id(_subscription(line)))


def _off(line: wire.Line) -> int:
    """The newer list has the discounts too; versions that have both leave it empty where there are none."""
    return sum(each.amount for each in line.pretax_credit_amounts or line.discount_amounts or ())


def _inclusive(line: wire.Line) -> int:
    taxes = line.tax_amounts if line.taxes is None else line.taxes
    return sum(tax.amount for tax in taxes or () if tax.inclusive or tax.tax_behavior == "inclusive")


def _days(period: wire.Period | None) -> tuple[date | None, date | None]:
    """From the day on which a period begins up to that on which it ends, which is not part of it any more;
    a period within a day is that day, and one that does not last, as that of a single item, is none."""
    if period is None or period.start is None or period.end is None or period.end <= period.start:
        return None, None
    start, end = moment(period.start).date(), moment(period.end).date()
    if end > start:
        return start, end
    return (start, start + timedelta(days=1)) if start < date.max else (None, None)


def _subscription(line: wire.Line) -> Ref | None:
    parent = line.parent
    details = (parent.subscription_item_details or parent.invoice_item_details) if parent else None
    return (details.subscription if details else None) or line.subscription


def _id(reference: Ref | None) -> str:
    return "" if reference is None else id_of(reference)


def _completed(lines: Sequence[ServiceLine], net: int) -> Sequence[ServiceLine]:
    """All lines, so that they come to the invoice's net; to the minor unit, as the parts of a whole are
    cumulative."""
    shown = sum(line.net for line in lines)
    if not lines or shown == net:
        return lines
    if not 0 <= net < shown:
        return [*lines, ServiceLine(net - shown)]
    ends = [net * upto // shown for upto in accumulate((line.net for line in lines), initial=0)]
    parts = [after - before for before, after in pairwise(ends)]
    return [replace(line, net=part) for line, part in zip(lines, parts, strict=True)]
