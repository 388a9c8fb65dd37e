"""Revenue recognition: which part of an invoice is earned by which day, and what is left when it is reduced?

A line is earned straight-line by day (UTC): up to the n-th of its N days it is floor(net * n / N), so that
the last day takes the rest, and the parts of any division into periods add up to the whole. Nothing is earned
before the invoice is issued: what its days before that come to, and a line without days, is earned that day.

A reduction takes from every line in proportion to what is left of it, and of each line from what is earned
and not given back yet, and from what is deferred, in proportion again. The first part stays in revenue and
stands on a contra account beside it; the second leaves deferred revenue, and what is still to be earned is
spread over the days that are left. The day of a reduction is one of those. When a subscription ends, what is
left of its lines is earned on that day: no service is owed for it any more. What nobody told the days of is
not earned, and is reduced like the rest.

Pure functions of an invoice and of what happened to it: no clock, and no order but that of days."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine

DAY = timedelta(days=1)


class Reduction(Struct, frozen=True):
    """`net` and `tax` came off an invoice on a day, minor units: by a credit note, a refund or a void, or
    `lost` in a dispute. It counts until the day of `undone`: a refund failed, a credit note was voided. The
    name orders those of a day."""

    name: str
    on: date
    net: int
    tax: int = 0
    lost: bool = False
    undone: date | None = None

    def counts(self, day: date) -> bool:
        """Whether it counts at the end of a day."""
        return self.on <= day and (self.undone is None or day < self.undone)


class Sale(Struct, frozen=True):
    """An invoice that was issued `on` a day, with what happened to it since; `ended` says when subscriptions
    did, of those that did."""

    issued: InvoiceIssued
    on: date
    reductions: tuple[Reduction, ...] = ()
    ended: Mapping[str, date] = {}


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """What a line came to by the end of a day, minor units: `earned` in all, of which `returned` and `lost`
    stand on contra accounts; what was `freed` off deferred revenue; and what is still `deferred`. The tax
    given back, `taxed`, is of no line. Of no line, too, is what was `recovered` of what had been written off,
    and `relieved` of its tax (`writeoffs`); and what of a payment was passed on to connected
    accounts as `theirs`, or `shared` with them (`passing`)."""

    earned: int = 0
    returned: int = 0
    lost: int = 0
    freed: int = 0
    deferred: int = 0
    taxed: int = 0
    recovered: int = 0
    relieved: int = 0
    theirs: int = 0
    shared: int = 0


class Step(Struct, frozen=True, gc=False):
    """From the day `since`: what stood at its beginning, of which the deferred is earned from `start` to
    `end` (half-open); without days it is not."""

    since: date
    stood: Standing
    start: date | None
    end: date | None

    def at(self, day: date) -> Standing:
        """What stands at the end of a day."""
        stood = self.stood
        if day < self.since or self.start is None or self.end is None:
            return stood
        now = part(stood.deferred, (day - self.start).days + 1, (self.end - self.start).days)
        return replace(stood, earned=stood.earned + now, deferred=stood.deferred - now)


class Schedule(Struct, frozen=True, gc=False):
    """The course of one line, in steps: the first as it was issued, one more for each time that it was cut.
    `line` is its place in the invoice; -1 is the rest of which nobody told the days."""

    invoice: str
    line: int
    currency: str
    plan: str
    net: int
    subscription: str
    steps: tuple[Step, ...]

    def at(self, day: date) -> Standing:
        """What stands at the end of a day: nothing before it was issued."""
        last = None
        for step in self.steps:
            if step.since > day:
                break
            last = step
        return Standing() if last is None else last.at(day)

    def cut(self, day: date) -> Standing:
        """What stands at the beginning of a day, and at that of the issue's before it: all is deferred."""
        last = self.steps[-1]
        return last.stood if day <= last.since else last.at(day - DAY)


class Course(Struct, frozen=True):
    """An invoice's schedules; the `returned` and `lost` that are more than was left of its lines; and the tax
    given back."""

    schedules: tuple[Schedule, ...]
    returned: int = 0
    lost: int = 0
    tax: int = 0


def part(amount: int, days: int, whole: int) -> int:
    """What some of the days of a whole come to, rounded towards nothing; all of them are all of it."""
    share = abs(amount) * min(max(days, 0), whole) // whole
    return share if amount >= 0 else -share


def shares(amount: int, weights: Iterable[int]) -> list[int]:
    """An amount in proportion to weights, to the minor unit: the parts of a whole are cumulative."""
    held = list(weights)
    whole, ends, upto = sum(held), [0], 0
    for weight in held:
        upto += weight
        ends.append(amount * upto // whole)
    return [after - before for before, after in pairwise(ends)]


def course(sale: Sale, day: date) -> Course:
    """An invoice's schedules by what happened up to the end of a day."""
    found = Course(issued(sale.issued, sale.on))
    ends = sorted((on, subscription) for subscription, on in sale.ended.items() if on <= day)
    for reduction in sorted(sale.reductions, key=lambda each: (each.on, each.name)):
        if not reduction.counts(day):
            continue
        while ends and ends[0][0] < reduction.on:
            found = _ended(found, *ends.pop(0))
        found = _reduced(found, reduction)
    for on, subscription in ends:
        found = _ended(found, on, subscription)
    return found


def standings(sale: Sale, day: date) -> dict[tuple[str, int], Standing]:
    """What each line came to by the end of a day, by its plan and place; what is of no line under -2. Nothing
    before the invoice is issued, not even what came off it."""
    if sale.on > day:
        return {}
    found = course(sale, day)
    lines = {(each.plan, each.line): each.at(day) for each in found.schedules}
    if found.returned or found.lost or found.tax:
        lines["", -2] = Standing(returned=found.returned, lost=found.lost, taxed=found.tax)
    return lines


def earned(sale: Sale, start: date, end: date) -> int:
    """What is earned in the days from `start` to `end` (half-open), as it stands at their end."""
    schedules = course(sale, end - DAY).schedules
    return sum(each.at(end - DAY).earned - each.at(start - DAY).earned for each in schedules)


def deferred(sale: Sale, day: date) -> int:
    """What is not earned yet at the end of a day."""
    return sum(each.deferred for each in standings(sale, day).values())


def issued(invoice: InvoiceIssued, on: date) -> tuple[Schedule, ...]:
    """The schedules of an invoice that nothing happened to yet."""
    found = [
        _schedule(invoice, place, line, Step(on, Standing(deferred=line.net), *_days(line, on)))
        for place, line in enumerate(invoice.lines)
    ]
    if untold := invoice.untold:
        rest = Step(on, Standing(deferred=untold), None, None)
        found.append(_schedule(invoice, -1, ServiceLine(untold), rest))
    return tuple(found)


def _schedule(invoice: InvoiceIssued, place: int, line: ServiceLine, step: Step) -> Schedule:
    return Schedule(invoice.invoice, place, invoice.currency, line.plan, line.net, line.subscription, (step,))


def _days(line: ServiceLine, on: date) -> tuple[date, date]:
    if line.start is None or line.end is None:
        return on, on + DAY
    return line.start, line.end


def _reduced(found: Course, reduction: Reduction) -> Course:
    """Each line by its share of what is left of all; what is more than that is of no line."""
    day = max(reduction.on, found.schedules[0].steps[0].since) if found.schedules else reduction.on
    stood = [each.cut(day) for each in found.schedules]
    left = [each.earned - each.returned - each.lost + each.deferred for each in stood]
    whole = sum(left)
    taken = min(reduction.net, whole) if whole >= 0 else max(reduction.net, whole)
    if not whole or (taken < 0) != (whole < 0):
        taken = 0
    cuts = shares(taken, left) if taken else [0] * len(left)
    schedules = [
        _cut(schedule, day, held, amount, reduction.lost) if amount else schedule
        for schedule, held, amount in zip(found.schedules, stood, cuts, strict=True)
    ]
    more = reduction.net - taken
    return Course(
        tuple(schedules),
        found.returned + (0 if reduction.lost else more),
        found.lost + (more if reduction.lost else 0),
        found.tax + reduction.tax,
    )


def _cut(schedule: Schedule, day: date, stood: Standing, amount: int, lost: bool) -> Schedule:
    standing = stood.earned - stood.returned - stood.lost
    contra = part(standing, abs(amount), abs(standing + stood.deferred))
    now = Standing(
        stood.earned,
        stood.returned + (0 if lost else contra),
        stood.lost + (contra if lost else 0),
        stood.freed + amount - contra,
        stood.deferred - (amount - contra),
    )
    return _then(schedule, day, now)


def _then(schedule: Schedule, day: date, now: Standing) -> Schedule:
    """The days that are left; all of them where nothing can have been earned yet."""
    last = schedule.steps[-1]
    start = last.start
    if start is not None and last.end is not None and day > last.since:
        start = min(max(day, start), last.end - DAY)
    return replace(schedule, steps=(*schedule.steps, Step(day, now, start, last.end)))


def _ended(found: Course, on: date, subscription: str) -> Course:
    """What is left of a subscription's lines is earned on the day, and what it was not yet issued for when it
    is."""
    return replace(
        found,
        schedules=tuple(
            _earned_at_once(each, on) if each.subscription == subscription else each
            for each in found.schedules
        ),
    )


def _earned_at_once(schedule: Schedule, on: date) -> Schedule:
    last = schedule.steps[-1]
    day = max(on, last.since)
    if last.start is None or last.end is None or last.end <= day:
        return schedule
    return replace(schedule, steps=(*schedule.steps, Step(day, schedule.cut(day), day, day + DAY)))
