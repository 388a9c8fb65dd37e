"""What a change of a customer's lines adds to the sums is what the whole lives differ by."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.growth import (
    GRAINS,
    amounts,
    closings,
    history,
    minus,
    movements,
    stood,
    with_customers,
)
from ledgerstone.projections.mrr import Mrr, MrrRow
from ledgerstone.projections.mrr_sums import DIMENSIONS
from ledgerstone.projections.reads.movements import between
from ledgerstone.projections.view import Cell

START = datetime(2026, 1, 30, tzinfo=UTC)
Sums = dict[tuple[str, Cell], tuple[int, ...]]

lines = st.builds(
    lambda start, length, which, plan, country, currency, mrr: MrrRow(
        customer="cus_1",
        subscription=f"sub_{which}",
        item="si_1",
        price="price_1",
        plan=plan,
        quantity=1,
        currency=currency,
        mrr=mrr,
        country=country,
        tenant="cus_1",
        valid_from=START + timedelta(hours=start),
        valid_to=START + timedelta(hours=start + length) if length else None,
    ),
    st.integers(0, 24 * 90),
    st.integers(0, 24 * 40),
    st.integers(1, 3),
    st.sampled_from(["free", "pro"]),
    st.sampled_from(["", "SE"]),
    st.sampled_from(["usd", "usd", "eur"]),
    st.sampled_from([None, 0, 1000, 2500]),
)
lives = st.lists(st.lists(lines, max_size=5), min_size=2, max_size=5)


def tallied(before: list[MrrRow], after: list[MrrRow]) -> Sums:
    """What the view says that a change adds."""
    found = Mrr().tally(before, after) if before != after else {}
    return {
        (name, cell): amounts
        for name, cells in found.items()
        for cell, amounts in cells.items()
        if any(amounts)
    }


def in_full(rows: list[MrrRow]) -> Sums:
    """What a whole life adds to the movements, straight from its history."""
    return {
        ("movement", (grain, period, currency, dimension, group)): with_customers(movement)
        for dimension, grouping in DIMENSIONS.items()
        for grain in GRAINS
        for period, currency, moved in history(stood(closings(rows), grouping), grain)
        for group, movement in moved.items()
        if any(movement)
    }


def less(now: Sums, before: Sums) -> Sums:
    """The difference of two sums, where there is one."""
    width = {"standing": 5, "movement": 14}
    cells = {
        cell: minus(now.get(cell, (0,) * width[cell[0]]), before.get(cell, (0,) * width[cell[0]]))
        for cell in {**now, **before}
    }
    return {cell: amounts for cell, amounts in cells.items() if any(amounts)}


@given(lives)
def test_by_any_way_the_additions_come_to_the_same(life: list[list[MrrRow]]) -> None:
    for before, after in pairwise(life):
        assert tallied(before, after) == less(tallied([], after), tallied([], before))


@given(st.lists(lines, max_size=5))
def test_from_nothing_a_life_adds_all_its_movements(rows: list[MrrRow]) -> None:
    found = {cell: amounts for cell, amounts in tallied([], rows).items() if cell[0] == "movement"}

    assert found == in_full(rows)


@given(st.lists(lines, min_size=1, max_size=3), st.lists(lines, max_size=2), st.integers(1, 900))
def test_a_line_that_ends_later_or_now_adds_no_more_than_that(
    past: list[MrrRow], then: list[MrrRow], hours: int
) -> None:
    opened = replace(past[-1], valid_to=None)
    ended = replace(opened, valid_to=opened.valid_from + timedelta(hours=hours))
    before, after = [*past[:-1], opened], [*past[:-1], ended, *then]

    assert tallied(before, after) == less(tallied([], after), tallied([], before))


@given(st.lists(lines, min_size=1, max_size=5), st.integers(0, 900), st.integers(1, 900))
def test_what_moved_in_a_window_asks_for_the_time_before_only_where_that_matters(
    own: list[MrrRow], start: int, length: int
) -> None:
    since = START + timedelta(hours=start)
    until, found = since + timedelta(hours=length), {}
    for currency in {line.currency for line in own}:
        some = [line for line in own if line.currency == currency]
        held, now = (amounts(some, at, DIMENSIONS["plan"]) for at in (since, until))
        was = any(first < since.date() for first, _, _ in history(stood(closings(some), lambda _: ""), "day"))
        for group, movement in movements(held, now, was).items() if held != now else ():
            found[currency, group] = with_customers(movement)

    assert between(own, since, until, "day", DIMENSIONS["plan"]) == found  # type: ignore[arg-type]
