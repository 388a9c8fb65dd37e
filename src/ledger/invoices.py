"""Invoices: what is asked for, when it was, and what became of it."""

from datetime import date, datetime

from msgspec import Struct

from ledgerstone.ledger.fact import Fact, Terms
from ledgerstone.ledger.sales_tax import Tax, untold
from ledgerstone.ledger.timeline import TERMINAL, Course

RANK = {"draft": 0, "open": 1, "uncollectible": 2, "paid": TERMINAL, "void": TERMINAL + 1}

SINCE = {
    "open": "finalized_at",
    "paid": "paid_at",
    "void": "voided_at",
    "uncollectible": "uncollectible_at",
}
"""Where an invoice itself says since when it has a status."""


class Invoice(Terms, frozen=True):
    """An invoice at one moment, amounts in minor units with tax; `plans` the products on its lines.
    `paid_elsewhere` is what the provider was told of and did not collect itself. `whole` False: the message
    listed the first lines only, so that `plans` may lack some; the amounts are the invoice's own."""

    status: str
    currency: str
    created_at: datetime
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    customer: str | None = None
    subscription: str | None = None
    number: str | None = None
    paid_elsewhere: int = 0
    plans: tuple[str, ...] = ()
    due_at: datetime | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    voided_at: datetime | None = None
    uncollectible_at: datetime | None = None
    whole: bool = True
    overpaid: int = 0


class InvoiceSeen(Fact, frozen=True, tag="invoice-seen"):
    """A message showed an invoice; `last` when a draft was deleted."""

    id: str
    now: Invoice
    before: Invoice | None = None
    first: bool = False
    last: bool = False


class ServiceLine(Struct, frozen=True, array_like=True, gc=False):
    """What an invoice asks for one service: `net` without tax and after discounts, minor units, for the days
    (UTC) from `start` to `end` (half-open). Without days it is done when the invoice is issued."""

    net: int
    plan: str = ""
    start: date | None = None
    end: date | None = None
    subscription: str = ""


class InvoiceIssued(Fact, frozen=True, tag="invoice-issued"):
    """An invoice was finalised: `net` without tax, `tax`, and `from_balance`, the customer's credit used up
    (negative: given). Only what is frozen at finalisation, so that every later message says the same.

    `lines` say for which days `net` is. What they lack of it is of days that nobody told: it is not earned
    before a message shows all lines, which takes the place of this one (`corrections.outgrown`). `taxes` say
    by which rates `tax` is; what they lack of it is of rates that nobody told yet, in the same way."""

    invoice: str
    currency: str
    net: int
    tax: int
    from_balance: int = 0
    customer: str | None = None
    lines: tuple[ServiceLine, ...] = ()
    taxes: tuple[Tax, ...] = ()

    @property
    def untold(self) -> int:
        """What the lines lack of `net`."""
        return self.net - sum(line.net for line in self.lines)

    @property
    def untold_tax(self) -> int:
        """What the taxes lack of `tax`."""
        return untold(self.tax, self.taxes)


class InvoiceVoided(Fact, frozen=True, tag="invoice-voided"):
    """An issued invoice was cancelled: `open` was still owed before the customer's credit, which comes back
    as `to_balance`."""

    invoice: str
    currency: str
    open: int
    to_balance: int = 0
    customer: str | None = None


class InvoiceWrittenOff(Fact, frozen=True, tag="invoice-written-off"):
    """An invoice was marked uncollectible with `open` still owed; a later payment needs no special case."""

    invoice: str
    currency: str
    open: int
    customer: str | None = None


class InvoiceOverpaid(Fact, frozen=True, tag="invoice-overpaid"):
    """`amount` more than an invoice asked for was paid on it in all, and became the customer's credit. The
    provider tells the sum: a larger one takes the place of what was told before (`corrections.outgrown`)."""

    invoice: str
    currency: str
    amount: int
    customer: str | None = None


class Stage(Struct, frozen=True, gc=False):
    """An invoice was as in `terms` from `start` to `end` (half-open, None: still)."""

    start: datetime
    end: datetime | None
    terms: Invoice
    sure: bool = True
    deleted: bool = False


def rank(invoice: Invoice) -> int:
    """Which of two states of one second came later, when the messages do not say."""
    return RANK.get(invoice.status, 1)


def stages(course: Course[Invoice]) -> tuple[Stage, ...]:
    """The life of an invoice: each status from the time that the invoice itself gives for it, every other
    change from the provider's message. It begins at `created_at`, as the first message says it was."""
    contents, steps = course.contents, course.steps
    first = contents[steps[0].value]
    born = min(first.created_at, steps[0].at)
    marks = [Stage(born, None, course.before or first)]
    for step in steps:
        terms = contents[step.value]
        start = _effective(step.at, terms, marks[-1].terms)
        while len(marks) > 1 and marks[-1].start > start:
            marks.pop()
        marks.append(Stage(start if start > born else born, None, terms, step.sure, step.ended))
    ends = [*[mark.start for mark in marks[1:]], None]
    return tuple(
        [
            Stage(stage.start, end, stage.terms, stage.sure)
            for stage, end in zip(marks, ends)  # noqa: B905 (as long as each other, and asked often)
            if not stage.deleted and (end is None or stage.start < end)
        ]
    )


def _effective(at: datetime, terms: Invoice, held: Invoice) -> datetime:
    """When a state began that a message showed: when it says so itself, if that was before."""
    field = None if terms.status == held.status else SINCE.get(terms.status)
    since: datetime | None = None if field is None else getattr(terms, field)
    return since if since is not None and since < at else at
