"""What is in force of a fact that was told wrongly, or in part? Corrections are new rows: each undoes what
was in force, says what is, and leaves the rows before it as they are."""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from msgspec.structs import replace

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import Correctable, Superseded
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceOverpaid
from ledgerstone.ledger.payments import PaidElsewhere
from ledgerstone.ledger.posting import Movement, movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales_tax import Tax


def correction_of(first: str, number: int) -> str:
    """The name of a fact's first, second … correction."""
    return f"{first}/corrected/{number}"


def superseding(held: Recorded, told: Recorded, number: int) -> Recorded:
    """The row that puts `told` in the place of `held`, which is in force under the same name."""
    undoing = undone(held.movements)
    body = Superseded(
        first=held.name,
        was=cast(Correctable, held.body),  # evidence is not read from evidence
        was_at=held.happened_at,
        now=cast(Correctable, told.body),
        undone=len(undoing),
    )
    name = correction_of(held.name, number)
    return Recorded(name, told.book, told.happened_at, body, told.cause, told.actor, undoing + told.movements)


def outgrown(held: Fact, told: Fact) -> bool:
    """Whether `told` says more under the name of `held` and takes its place, whoever tells it: a sum that has
    grown, the whole told in parts, all lines where some were missing, rates of tax or the platform's part of
    a fee that were not told. The other way round nothing is new, so the order in which the two are heard does
    not matter."""
    match held, told:
        case InvoiceOverpaid(), InvoiceOverpaid():
            return (held.invoice, held.currency) == (
                told.invoice,
                told.currency,
            ) and held.amount < told.amount
        case PaidElsewhere(), PaidElsewhere():
            return held.invoice == told.invoice and not held.in_parts and told.in_parts
        case BalanceTransactionSeen(platform_fee=0), BalanceTransactionSeen(platform_fee=part) if part:
            return replace(told, platform_fee=0, fee=told.fee + part) == held
        case InvoiceIssued(), InvoiceIssued():
            return joined(told, held) == told and joined(held, told) != held
    return False


def joined(held: Fact, told: Fact) -> Fact | None:
    """What two tellings of an issued invoice say together, as `held` says it where the other says no more:
    all lines, if one has them, and those taxes of which the rate of more is known. None where they contradict
    each other, and for other facts."""
    if not isinstance(held, InvoiceIssued) or not isinstance(told, InvoiceIssued):
        return None
    vague, other = abs(held.untold_tax), abs(told.untold_tax)
    if _bare(held) != _bare(told) or (vague == other and _owed(held) != _owed(told)):
        return None
    lines = told.lines if held.untold and not told.untold else held.lines
    return replace(held, lines=lines, taxes=told.taxes if other < vague else held.taxes)


def _bare(invoice: InvoiceIssued) -> InvoiceIssued:
    return replace(invoice, lines=(), taxes=())


def _owed(invoice: InvoiceIssued) -> set[Tax]:
    return {tax for tax in invoice.taxes if tax.amount}


def grown(held: Recorded, told: Recorded) -> Recorded | None:
    """What takes the place of `held` when `told` is heard: that, where it says all and more, or both together
    where each says what the other does not. None where nothing is new, or the two contradict each other."""
    if outgrown(held.body, told.body):
        return told
    both = joined(held.body, told.body)
    if both is None or both == held.body:
        return None
    return replace(told, body=cast(Correctable, both), movements=movements(both))


def undone(movements: Iterable[Movement]) -> tuple[Movement, ...]:
    """The same amounts back to where they came from."""
    return tuple(
        Movement(move.credit, move.credit_of, move.debit, move.debit_of, move.amount, move.currency)
        for move in movements
    )


def was(row: Recorded) -> Recorded:
    """The fact that a correction ends, under its own name."""
    body = _correction(row)
    moved = undone(row.movements[: body.undone])
    return Recorded(body.first, row.book, body.was_at, body.was, row.cause, row.actor, moved)


def now(row: Recorded) -> Recorded:
    """The fact that a correction puts in force, under its own name."""
    body, moved = _correction(row), row.movements[_correction(row).undone :]
    return Recorded(body.first, row.book, row.happened_at, body.now, row.cause, row.actor, moved)


def in_force(first: str, known: Mapping[str, Recorded]) -> tuple[Recorded, int]:
    """The fact of a name as its last correction tells it, and how many there are of these."""
    number, held = 0, known[first]
    while correction := known.get(correction_of(first, number + 1)):
        number, held = number + 1, now(correction)
    return held, number


def corrected(rows: Iterable[Recorded]) -> list[Recorded]:
    """Rows of a log, in order, as if each fact had been told at first as it is told last. Where a fact is not
    among them, its first correction holds its place."""
    facts: dict[str, Recorded] = {}
    for row in rows:
        told = now(row) if isinstance(row.body, Superseded) else row
        facts[told.name] = told
    return list(facts.values())


def faults(row: Recorded, before: Recorded | None) -> Iterator[str]:
    """What is wrong with a correction, given the row whose fact it ends: the fact itself or the correction
    before, None where the log has neither."""
    if before is None:
        yield f"it corrects {_correction(row).first!r}, which does not stand before it, or not as often"
        return
    held, ended = now(before) if isinstance(before.body, Superseded) else before, was(row)
    if (held.body, held.happened_at) != (ended.body, ended.happened_at):
        yield f"what it ends is not what was in force of {held.name!r}"
    if held.movements != ended.movements:
        yield f"what it undoes is not what {held.name!r} moved"
    others = held.cause != row.cause and not outgrown(held.body, _correction(row).now)
    if held.book != row.book or others:
        yield f"it corrects {held.name!r} of {held.cause}, and its cause is {row.cause}"


def _correction(row: Recorded) -> Superseded:
    assert isinstance(row.body, Superseded)
    return row.body
