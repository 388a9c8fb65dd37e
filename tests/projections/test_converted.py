"""Figures in one currency add up to the cent, whatever the rates and the histories; what they should be is
worked out from the lines, in plain fractions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.fx import Published
from ledgerstone.ledger.growth import counted
from ledgerstone.projections.reads import converted, movements, mrr
from ledgerstone.projections.reads.converted import Conversion
from ledgerstone.projections.reads.movements import MovementFigure
from ledgerstone.projections.reads.mrr import Line, MrrFigure
from ledgerstone.projections.reads.periods import Period, periods

START = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=35, hours=9)
DECIMALS = {"eur": 100, "usd": 100, "jpy": 1, "kwd": 1000}
CURRENCIES = sorted(DECIMALS)

days = st.integers(0, 34)
amounts = st.sampled_from([0, 0, 1, 333, 9_999, 9_999, 123_456, None])
rates = st.dictionaries(
    st.sampled_from(["usd", "jpy", "kwd"]), st.sampled_from(["0.5", "1.0872", "3", "161.37"]), min_size=2
)


@st.composite
def tables(draw: Any) -> tuple[Published, ...]:
    """A table on most days, and not of every currency."""
    few = draw(st.lists(st.none() | rates, min_size=3, max_size=9))
    found = [few[place % len(few)] for place in range(43)]
    first = date(2025, 12, 26)
    return tuple(Published(first + timedelta(days=n), told) for n, told in enumerate(found) if told)


@st.composite
def customers(draw: Any) -> list[list[Line]]:
    """Some customers, each with items in one currency or several."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        lines = draw(st.lists(items(f"cus_{number}"), min_size=1, max_size=4))
        found.append(lines)
    return found


@st.composite
def items(draw: Any, customer: str) -> Line:
    begun, lasts = draw(days), draw(st.none() | st.integers(1, 30))
    since = START + timedelta(days=begun, hours=draw(st.sampled_from([0, 7])))
    return Line(
        customer=customer,
        subscription=f"sub_{draw(st.integers(0, 99))}",
        currency=draw(st.sampled_from(CURRENCIES)),
        mrr=draw(amounts),
        plan=draw(st.sampled_from(["pro", "team"])),
        country="",
        tenant=customer,
        valid_from=since,
        valid_to=None if lasts is None else since + timedelta(days=lasts),
    )


Shown = tuple[tuple[Period, ...], list[MrrFigure], list[MovementFigure]]


def shown(
    payers: Sequence[Sequence[Line]], by: Conversion, grain: str, group: str = "", name: str | None = None
) -> Shown:
    """The tables that are shown of these customers."""
    wanted, grouping = periods(START, UNTIL, grain, UNTIL, 400), mrr.GROUPINGS[group]
    at = mrr.instants(wanted)
    native: mrr.Grid = {}
    moved: movements.Moved = {}
    for own in payers:
        mrr.add_customer(native, own, at, grouping)
        movements.add_customer(moved, own, wanted, grain, grouping)
        movements.add_part(moved, own, wanted[-1], grain, grouping)
    several = [own for own in payers if len({line.currency for line in own}) > 1]
    grid = converted.grid(native, several, at, grouping, by)
    into = converted.moved(moved, several, wanted, grain, grouping, by)
    return (
        wanted,
        mrr.figures(grid, wanted, name, by.into),
        movements.figures(grid, into, wanted, name, by.into, converted=True),
    )


def factor(currency: str, at: datetime, by: Conversion) -> Fraction | None:
    """What a minor unit is worth, in plain words."""
    if currency == by.into:
        return Fraction(1)
    earlier = [t for t in by.tables if t.day < at.date() and (at.date() - t.day).days <= 7]
    table = {"eur": "1", **earlier[-1].rates} if earlier else {"eur": "1"}
    if currency not in table or by.into not in table:
        return None
    rate = Fraction(table[by.into]) / Fraction(table[currency])
    return rate * DECIMALS[by.into] / DECIMALS[currency]


def worth(lines: Sequence[Line], at: datetime, rated: datetime, by: Conversion) -> Fraction | None:
    """What lines that count at an instant come to by the rates before another."""
    total = Fraction(0)
    for line in lines:
        if counted(line, at) and line.mrr != 0:
            rate = factor(line.currency, rated, by)
            if line.mrr is None or rate is None:
                return None
            total += line.mrr * rate
    return total


def identity(row: MovementFigure) -> bool:
    """opening + new + … + fx = closing."""
    if None in (row.opening, row.closing, row.new):
        return row.fx is None
    gained = [row.new, row.reactivation, row.expansion, row.entering, row.fx]
    lost = [row.contraction, row.churn, row.leaving]
    return (row.opening or 0) + sum(v or 0 for v in gained) - sum(v or 0 for v in lost) == row.closing


conversions = st.builds(Conversion, st.sampled_from(CURRENCIES), tables())


@given(customers(), conversions, st.sampled_from(["day", "month"]))
def test_figures_are_what_their_lines_are_worth_and_customers_count_once(
    payers: list[list[Line]], by: Conversion, grain: str
) -> None:
    _, figures, _ = shown(payers, by, grain)
    for row in figures:
        exact = worth([line for own in payers for line in own], row.at, row.at, by)
        assert row.mrr == (None if exact is None else round(exact))
        live = [[line for line in own if counted(line, row.at)] for own in payers]
        assert row.active_customers == sum(map(bool, live))
        if row.mrr is not None:
            assert row.paying_customers == sum(any(line.mrr for line in own) for own in live)


@given(customers(), conversions, st.sampled_from(["day", "month"]), st.sampled_from(["", "plan", "tenant"]))
def test_what_moved_leads_from_one_figure_to_the_next_to_the_cent(
    payers: list[list[Line]], by: Conversion, grain: str, group: str
) -> None:
    _, figures, rows = shown(payers, by, grain, group, group or None)
    assert all(map(identity, rows))
    closing = {(row.period, row.group): row.mrr for row in figures}
    for row in rows:
        assert row.closing == closing.get((row.period, row.group), 0)


@given(customers(), conversions, st.sampled_from(["day", "month"]))
def test_fx_is_what_the_opening_gained_by_the_rates_but_for_rounding(
    payers: list[list[Line]], by: Conversion, grain: str
) -> None:
    wanted, _, rows = shown(payers, by, grain)
    everything = [line for own in payers for line in own]
    for period, row in zip(wanted, rows, strict=True):
        if row.fx is not None:
            then = worth(everything, period.start, period.start, by)
            held = worth(everything, period.start, period.end, by)
            if then is not None and held is not None:
                assert abs(row.fx - (held - then)) <= Fraction(9, 2)


@given(customers(), conversions, st.sampled_from(["day", "month"]))
def test_a_customer_moves_as_its_sum_does(payers: list[list[Line]], by: Conversion, grain: str) -> None:
    wanted, _, rows = shown(payers, by, grain)
    for period, row in zip(wanted, rows, strict=True):
        if row.churn is None:
            continue
        ends = [
            (worth(own, period.start, period.end, by), worth(own, period.end, period.end, by))
            for own in payers
        ]
        known = [(one, other) for one, other in ends if one is not None and other is not None]
        lost = [one for one, other in known if one and not other]
        if len(known) == len(ends):
            assert row.customers.churn == len(lost)
            assert row.churn == round(sum(lost, Fraction(0)))
            come = [other for one, other in known if other and not one]
            assert (row.new or 0) + (row.reactivation or 0) - round(sum(come, Fraction(0))) in (-1, 0, 1)
            assert (row.customers.new or 0) + (row.customers.reactivation or 0) == len(come)


@given(customers(), tables(), st.sampled_from(["day", "month"]))
def test_in_one_currency_nothing_is_converted(
    payers: list[list[Line]], told: tuple[Published, ...], grain: str
) -> None:
    euros = [[line for line in own if line.currency == "eur"] for own in payers]
    _, _, rows = shown(euros, Conversion("eur", told), grain)
    assert all(row.fx in (0, None) for row in rows)
    assert all((row.fx is None) == (row.opening is None or row.closing is None) for row in rows)


@given(customers(), conversions)
def test_by_currency_each_stands_for_itself(payers: list[list[Line]], by: Conversion) -> None:
    apart = Conversion(by.into, by.tables, apart=True)
    _, figures, rows = shown(payers, apart, "month", name="native currency")
    assert all(map(identity, rows))
    for row in figures:
        own = [line for payer in payers for line in payer if line.currency == row.group]
        exact = worth(own, row.at, row.at, by)
        assert (row.currency, row.mrr) == (by.into, None if exact is None else round(exact))
