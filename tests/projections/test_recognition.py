"""What lines of invoices came to, on any day, as known at any position: as a close works it out."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.closing import Line, state
from ledgerstone.ledger.corrections import corrected
from ledgerstone.ledger.recognition import Standing, part
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import sales
from ledgerstone.projections.folder import fold
from ledgerstone.projections.recognition import Recognition, RecognitionRow
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.sold import doubted, of_all_rates, shared, sold

(CHAIN,) = (group for group in chains(VIEWS) if any(isinstance(view, Recognition) for view in group))
seeds = st.integers(0, 2**32)


def versions(rows: Sequence[Recorded]) -> list[Version]:
    """What the view shows of a log, at all times."""
    return fold(CHAIN, enumerate(rows, start=1))["recognition"]


def told_at(shown: Sequence[Version], position: int, day: date) -> dict[Line, Standing]:
    """What stands at the end of a day, by the rows that were known at a position."""
    found = {}
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    for version in shown:
        row = version.row
        assert isinstance(row, RecognitionRow)
        known = version.known_from <= position and (version.known_to is None or version.known_to > position)
        if known and row.valid_from < end and (row.valid_to is None or row.valid_to >= end):
            line = Line(row.currency, row.plan, version.key[1], row.line)
            assert line not in found
            found[line] = _standing(row, day)
    return found


def _standing(row: RecognitionRow, day: date) -> Standing:
    now = 0
    if row.spread_from is not None and row.spread_to is not None:
        whole = (row.spread_to - row.spread_from).days
        now = part(row.deferred, (day - row.spread_from).days + 1, whole)
    return Standing(row.earned + now, row.returned, row.lost, row.freed, row.deferred - now, row.taxed)


def expected(rows: Sequence[Recorded], position: int, day: date) -> dict[Line, Standing]:
    """The same, as a close adds it up."""
    return of_all_rates(state(sales(corrected(rows[:position])).values(), day))


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_lines_stand_as_a_close_works_them_out_on_any_day_as_known_at_any_position(seed: int) -> None:
    random = Random(seed)
    rows = doubted(random.sample(told := sold(seed, 10) + shared(seed, 5), len(told)), seed)
    shown = versions(rows)
    for _ in range(25):
        position, day = random.randint(1, len(rows)), date(2026, 1, 1) + timedelta(random.randint(0, 500))
        assert told_at(shown, position, day) == expected(rows, position, day), (position, day)


@given(seeds, st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_the_order_of_facts_does_not_matter_in_the_end(seed: int, order: int) -> None:
    rows = sold(seed, 8) + shared(seed, 4)
    other = Random(order).sample(rows, len(rows))

    def last(shown: Sequence[Version]) -> Counter[tuple[str, str]]:
        return Counter((each.key[1], repr(each.row)) for each in shown if each.known_to is None)

    assert last(versions(rows)) == last(versions(other))


def test_rows_that_go_on_unchanged_are_one() -> None:
    """A reduction of one line's invoice leaves one more row for each of its lines, and not one a day."""
    rows = sold(3, 40)
    shown = [(each.key, repr(each.row)) for each in versions(rows) if each.known_to is None]
    changes = sum(len(sale.reductions) * 2 + len(sale.ended) for sale in sales(rows).values())
    lines = sum(len(sale.issued.lines) + 1 for sale in sales(rows).values())
    assert len(shown) <= lines + 4 * changes
    assert len(set(shown)) == len(shown)
