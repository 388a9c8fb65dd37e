"""Facts of every kind that moves money, in any order, some of them twice or first in part, with months closed
and opened between: the balances are the same once every month is closed."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, get_args, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.payments import PaidElsewhere, PaymentApplied
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened, in_force
from ledgerstone.ledger.posting import TABLE, movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales_tax import Tax
from ledgerstone.ledger.transfers import Share
from tests.books import Books
from tests.closes import MONTHS, Log
from tests.sold import DAY, START, sold, told

KINDS = sorted(TABLE.keys() - {PeriodClosed, PeriodReopened}, key=tag)
OF_TWO = (PaymentApplied, PaidElsewhere)
"""Facts that are named by two objects; the others by their first field."""
MONTHS_OF_FACTS = 300 * DAY


def of_every_kind(random: Random, each: int = 3) -> Iterator[Recorded]:
    """A few facts of each kind, about objects that they share, each name once."""
    for kind in KINDS:
        for n in range(each):
            fact = made(random, kind, n)
            known_by = (getattr(fact, name) for name in kind.__struct_fields__[: 1 + (kind in OF_TWO)])
            at = START + random.randint(0, MONTHS_OF_FACTS // timedelta(minutes=1)) * timedelta(minutes=1)
            yield told("/".join(["some", tag(kind), *map(str, known_by)]), at, fact)


def made(random: Random, kind: type[Fact], n: int) -> Any:
    """A fact with anything in its fields: no rule may need two of them to agree."""
    hints = get_type_hints(kind)
    said = {name: field(random, name, hints[name]) for name in kind.__struct_fields__}
    first = kind.__struct_fields__[0]
    return kind(**(said | {first: f"{first}_{n}"}))


def field(random: Random, name: str, kind: Any) -> Any:
    options = get_args(kind)
    if kind is bool:
        return False
    if kind is int:
        return random.choice(
            [0, random.randint(1, 9_999), random.randint(1, 9_999), random.randint(-999, -1)]
        )
    if "currency" in name:
        return random.choice(["eur", "sek"])
    if ... in options:
        return tuple(OF_EACH[options[0]](random) for _ in range(random.randint(0, 2)))
    if kind is str or str in options:
        return f"{name}_{random.randint(0, 2)}"
    return random.choice(options) if options and isinstance(options[0], str) else None


def line(random: Random) -> ServiceLine:
    net, plan = random.randint(-99, 999), random.choice("ab")
    start = START.date() + random.randint(-30, 200) * DAY
    return random.choice([ServiceLine(net, plan), ServiceLine(net, plan, start, start + 90 * DAY)])


OF_EACH: dict[Any, Any] = {
    Share: lambda random: Share(f"of_{random.randint(0, 2)}", random.randint(-99, 999)),
    Tax: lambda random: Tax(random.choice(["SE 25", "SE 6", "DE 19"]), random.randint(-9, 99)),
    ServiceLine: line,
    str: lambda random: f"refund_{random.randint(0, 2)}",
}


class Told(Log):
    """A log that admits facts as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()

    def hear(self, row: Recorded) -> None:
        before = len(self.books.rows)
        self.books.append((row,))
        self.tell(*self.books.rows[before:])


def in_part(random: Random, row: Recorded) -> Recorded:
    """The same fact from a message that shows less of it, where it can."""
    if not isinstance(row.body, InvoiceIssued) or row.body.untold or row.body.untold_tax:
        return row
    less: Any = random.choice([{"lines": ()}, {"taxes": ()}, {"lines": (), "taxes": ()}])
    body = replace(row.body, **less)
    return replace(row, body=body, movements=movements(body))


def heard(random: Random, facts: Sequence[Recorded]) -> list[Recorded]:
    """The facts in any order, some of them again, and some before in part or again in part."""
    again = [in_part(random, row) for row in facts if random.random() < 0.3]
    return random.sample([*facts, *again], len(facts) + len(again))


def in_the_end(rows: Sequence[Recorded]) -> dict[tuple[str, str], int]:
    log = Told()
    for row in rows:
        log.hear(row)
    log.close(MONTHS[-1])
    return log.balances()


def test_they_are_of_every_kind_that_moves_money() -> None:
    rows = list(of_every_kind(Random(1), each=8))
    assert {type(row.body) for row in rows} == TABLE.keys() - {PeriodClosed, PeriodReopened}
    moved = {type(row.body) for row in rows if row.movements}
    assert moved == {kind for kind, rules in TABLE.items() if rules} - {PeriodClosed, PeriodReopened}


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_in_any_order_and_however_often_the_balances_are_the_same_in_the_end(seed: int) -> None:
    random = Random(seed)
    facts = [*sold(seed, 6), *of_every_kind(random)]
    expected = in_the_end(sorted(facts, key=lambda row: row.happened_at))
    log, months = Told(), list(MONTHS)
    for row in heard(random, facts):
        log.hear(row)
        if random.random() < 0.06 and len(months) > 1:
            log.close(months.pop(0))
        if random.random() < 0.02 and (closes := in_force([each.body for each in log.rows])):
            period = random.choice(list(closes))
            log.reopen(period)
            months = [month for month in MONTHS if month >= period]
    log.close(*months)
    assert not log.books.bodies(FactConflict)
    assert log.balances() == expected


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_while_no_month_is_closed_every_day_s_balances_are_the_same_in_any_order(seed: int) -> None:
    """A booking date is then that of its fact, also of what was told in part at first."""
    random = Random(seed)
    facts = [*sold(seed, 4), *of_every_kind(random, each=2)]
    told_in_order, mixed = Told(), Told()
    for row in facts:
        told_in_order.hear(row)
    for row in heard(random, facts):
        mixed.hear(row)
    for day in (START.date() + n * 30 * DAY for n in range(12)):
        assert mixed.balances(day) == told_in_order.balances(day)
