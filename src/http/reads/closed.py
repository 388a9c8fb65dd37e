"""The lines behind what the close of a month moved, a page or a file at a time."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from ledgerstone.http.database import Rows
from ledgerstone.http.errors import Problem, unavailable
from ledgerstone.http.moments import known
from ledgerstone.http.questions import Asked, Lines, Placed
from ledgerstone.http.reads.periods import begun
from ledgerstone.ledger.closing import SINCE
from ledgerstone.projections.money import Money
from ledgerstone.projections.passed_on import PassedOn
from ledgerstone.projections.postings import NAME
from ledgerstone.projections.reads import closed_lines as read
from ledgerstone.projections.reads import closes
from ledgerstone.projections.reads.asked import Moment, Place, tracked
from ledgerstone.projections.reads.closed_lines import Behind, ClosedLine, Wanted
from ledgerstone.projections.recognition import Recognition

OF_INVOICES = (tracked(Recognition), NAME)
VIEWS = (*OF_INVOICES, tracked(PassedOn), tracked(Money))
MOST = 8_000
"""Lines that are held at a time, at most. A database that does not sort by bytes looks at all invoices for
each such part of a page, so the parts grow up to that."""
PASSED = 50_000
"""Payments that are looked for at a time: that takes a look at all money."""
PAYMENTS = 500
"""Payments that are worked out at a time."""

Some = AsyncIterator[list[ClosedLine]]
"""Lines in their order, some at a time, and never none."""


def chosen(_: object, query: Any) -> tuple[str, ...]:
    """What a list is made of: payments have lines of no plan and no rate only."""
    payments = query.what in (None, *read.OF_PAYMENTS) and not (query.plan or query.rate)
    return VIEWS if payments else OF_INVOICES


async def lines(asked: Asked, after: Place | None, some: int | None) -> Lines:
    """The lines behind what the close in force of a month moved, by invoice and place: those that it counted,
    with what each came to. Whatever came later is not in them."""
    period = asked.path["period"]
    begun(asked)
    told = closes.decided(await asked.snapshot.fetch(closes.acts(await _decided_at(asked))))
    if (behind := read.behind(asked.moment.book, period, told)) is None:
        raise Problem(404, f"{period} {_why(closes.month(period, told))}")
    if behind.position > asked.moment.position:
        raise unavailable(f"The views have not reached row {behind.position} of the log yet.")
    given = {name: value for name in read.NAMED if (value := getattr(asked.query, name)) is not None}
    wanted = read.begin(Wanted(read.those(behind.parts, asked.query.what, given), given), after)
    return _placed(_all(asked, behind, wanted, some), wanted)


async def _decided_at(asked: Asked) -> Moment:
    """Up to where closes are asked for: what is decided is known before the views have it, and a month is
    never told as open, or as an earlier close left it, because they lag. A page goes on as it began."""
    if asked.query.after is not None:
        return asked.moment
    moment = replace(asked.moment, position=asked.snapshot.positions[NAME])
    if asked.query.known_at is None:
        return moment
    return (await known(asked.snapshot, "known_at", asked.query.known_at, moment)).moment


def _why(month: closes.Month) -> str:
    if month.closed_with is None:
        return "is not closed: there are no lines of a close."
    return f"was closed together with {month.closed_with}: what it came to is among the lines of that."


async def _placed(found: Some, wanted: Wanted) -> Lines:
    """Each with its place; those that were shown at the first one are passed over."""
    at, number = (wanted.invoice, wanted.place), -1
    async for some in found:
        placed: list[Placed] = []
        for line in filter(wanted.has, some):
            here = line.invoice, line.place
            at, number = here, number + 1 if here == at else 0
            if here != (wanted.invoice, wanted.place) or number >= wanted.skip:
                placed.append((read.place(line, number), line))
        yield placed


async def _all(asked: Asked, it: Behind, wanted: Wanted, some: int | None) -> Some:
    if early := [line async for line in _caught_up(asked, it, wanted)]:
        yield early
    async for each in _in_order(_of_invoices(asked, it, wanted, some), _of_payments(asked, it, wanted)):
        yield each


async def _of_invoices(asked: Asked, it: Behind, wanted: Wanted, some: int | None) -> Some:
    """For a page a little more than it has: those that were shown at its beginning are passed over."""
    if not wanted.some(read.OF_INVOICES):
        return
    limit = None if some is None else min(some + wanted.skip, MOST)
    async for rows in _rows(asked, it, wanted, limit):
        yield [line for row in rows for line in read.invoice_lines(row, wanted)]


async def _rows(asked: Asked, it: Behind, wanted: Wanted, limit: int | None) -> AsyncIterator[Rows]:
    ((by_bytes,),) = await asked.snapshot.fetch(read.by_bytes())
    if limit is None:
        async for rows in asked.snapshot.stream(read.of_invoices(it, wanted, by_bytes, None, None)):
            yield rows
        return
    after = None
    while True:
        rows = await asked.snapshot.fetch(read.of_invoices(it, wanted, by_bytes, after, limit))
        if rows:
            yield rows
        if len(rows) < limit:
            return
        after, limit = rows[-1][:5], min(2 * limit, MOST)


async def _of_payments(asked: Asked, it: Behind, wanted: Wanted) -> Some:
    if wanted.some(read.OF_PAYMENTS):
        async for now, before in _came(asked, it, wanted):
            if found := list(read.payment_lines(now, before)):
                yield found


async def _came(asked: Asked, it: Behind, wanted: Wanted) -> AsyncIterator[tuple[read.Came, read.Came]]:
    """What came of payments from that on where lines begin, by the end of the month and by that of the one
    before."""
    fetch, one = asked.snapshot.fetch, wanted.given.get("invoice")
    after, inclusive = wanted.invoice, True
    while found := await fetch(read.payments(it, one, after, inclusive, PASSED)):
        for first in range(0, len(found), PAYMENTS):
            some = found[first : first + PAYMENTS]
            rows = await fetch(read.told_of(it, [(row[0], row[1]) for row in some]))
            ids = [row[0] for row in some]
            yield read.came_to(it.now, rows, ids), read.came_to(it.before, rows, ids) if it.before else {}
        if len(found) < PASSED:
            return
        after, inclusive = found[-1][0], False


async def _caught_up(asked: Asked, it: Behind, wanted: Wanted) -> AsyncIterator[ClosedLine]:
    """What is of no invoice, and so before all."""
    begun = (wanted.invoice, wanted.place) > ("", -5)
    if it.before is None or begun or "invoice" in wanted.given or not wanted.some(SINCE):
        return
    payments: dict[str, Counter[str]] = {}
    if wanted.some(read.OF_PAYMENTS):
        async for _, came in _came(asked, it, wanted):
            for passed, stood in came.items():
                sums = payments.setdefault(passed.currency, Counter())
                sums.update({what: getattr(stood, what) for what in read.OF_PAYMENTS})
    invoices = await asked.snapshot.fetch(read.left_by_invoices(it, it.before))
    for line in read.caught_up(it, invoices, payments):
        yield line


async def _in_order(one: Some, other: Some) -> Some:
    """Two lists as one."""
    first, second = await anext(one, None), await anext(other, None)
    while first and second:
        upto = min(_order(first[-1]), _order(second[-1]))
        yield sorted([*_upto(first, upto), *_upto(second, upto)], key=_order)
        first = _behind(first, upto) or await anext(one, None)
        second = _behind(second, upto) or await anext(other, None)
    for held, rest in ((first, one), (second, other)):
        if held:
            yield held
        async for some in rest:
            yield some


def _order(line: ClosedLine) -> tuple[str, int]:
    return line.invoice, line.place


def _upto(lines: Iterable[ClosedLine], end: tuple[str, int]) -> list[ClosedLine]:
    return [line for line in lines if _order(line) <= end]


def _behind(lines: Sequence[ClosedLine], end: tuple[str, int]) -> list[ClosedLine]:
    return [line for line in lines if _order(line) > end]
