"""What lines of invoices came to, on any day, as known at any position: as a close works it out."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledgerstone.ledger.closing import Line, told, whole
from ledgerstone.ledger.recognition import Standing, part
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales import sales
from ledgerstone.projections.folder import fold
from ledgerstone.projections.recognition import Recognition, RecognitionRow
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import Row, chains
from ledgerstone.projections.views import VIEWS
from tests.exchanged import exchanged
from tests.sold import doubted, shared, sold

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
            line = Line(row.currency, row.plan, version.key[1], row.line, row.rate)
            assert line not in found
            found[line] = _standing(row, day)
    return found


def _standing(row: RecognitionRow, day: date) -> Standing:
    now = 0
    if row.spread_from is not None and row.spread_to is not None:
        whole = (row.spread_to - row.spread_from).days
        now = part(row.deferred, (day - row.spread_from).days + 1, whole)
    earned, deferred = row.earned + now, row.deferred - now
    of_no_line = row.taxed, row.recovered, row.relieved
    return Standing(earned, row.returned, row.lost, row.freed, deferred, *of_no_line)


def expected(rows: Sequence[Recorded], position: int, day: date) -> dict[Line, Standing]:
    """The same, as a close adds it up; a line of no figure need not be shown."""
    found = whole(told(rows[:position]), day)
    return {line: stood for line, stood in found.items() if line.place >= -1 or stood != Standing()}


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_lines_stand_as_a_close_works_them_out_on_any_day_as_known_at_any_position(seed: int) -> None:
    random = Random(seed)
    facts = sold(seed, 10) + shared(seed, 5) + exchanged(seed, 8)
    rows = doubted(random.sample(facts, len(facts)), seed)
    shown = versions(rows)
    for _ in range(25):
        position, day = random.randint(1, len(rows)), date(2026, 1, 1) + timedelta(random.randint(0, 500))
        found = told_at(shown, position, day)
        assert found == expected(rows, position, day), (position, day)


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
    rows = sold(3, 40) + exchanged(3, 10)
    shown = [(each.key, each.row) for each in versions(rows) if each.known_to is None]
    changes = sum(len(sale.reductions) * 2 + len(sale.ended) for sale in sales(rows).values())
    lines = sum(len(sale.issued.lines) + 1 for sale in sales(rows).values())
    assert len(shown) <= lines + 4 * changes
    spans = {(key, _without_span(row)): list[RecognitionRow]() for key, row in shown}
    for key, row in shown:
        assert isinstance(row, RecognitionRow)
        spans[key, _without_span(row)].append(row)
    for alike in spans.values():
        assert not {row.valid_to for row in alike} & {row.valid_from for row in alike}


def _without_span(row: Row) -> str:
    assert isinstance(row, RecognitionRow)
    return repr(replace(row, valid_from=datetime.min, valid_to=None))
