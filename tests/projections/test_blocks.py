"""Sums as known at any position, read from blocks and deltas, are what the log's first rows add up to."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledgerstone.adapters.postgres import view_store
from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.growth import minus, plus
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections import blocks, bulk
from ledgerstone.projections import rebuild as rebuilding
from ledgerstone.projections.blocks import SIZES, Part, parts
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import remembering
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.reads import asked
from ledgerstone.projections.reads.asked import Moment, ask
from ledgerstone.projections.rebuild import build, compare, rebuild, whole_chains
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS
from tests.corrected import Log, positioned, with_corrections
from tests.examples import AT, BOOK
from tests.projections.tables import Line
from tests.projections.test_laws import afresh, world
from tests.worlds import log_of, messages, shuffled

SMALL = (4, 16, 64)
CHAIN = whole_chains(VIEWS, ["mrr"])
SUMMARIES = [summary.name for summary in Mrr.summaries]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks so small that a short log has some of each size."""
    monkeypatch.setattr(blocks, "SIZES", SMALL)
    asked.SHAPES.clear()
    yield
    asked.SHAPES.clear()


@given(st.integers(0, 2**40), st.sampled_from([SIZES, SMALL, (2,), ()]))
def test_parts_tile_the_beginning_of_a_log(position: int, sizes: tuple[int, ...]) -> None:
    found, reached = list(parts(position, sizes)), 0

    for part in found:
        assert part.after == reached
        assert part.after % part.size == part.upto % part.size == 0
        reached = part.upto

    assert reached == position
    assert [part.size for part in found] == sorted({part.size for part in found}, reverse=True)


def test_parts_are_few_where_a_log_is_long() -> None:
    found = list(parts(10_000_000, SIZES))

    assert [part.size for part in found] == [1 << 21, 1 << 14, 1]
    assert sum((part.upto - part.after) // part.size for part in found if part.size > 1) <= 4 + 127


def test_parts_of_a_size_end_where_a_block_does() -> None:
    assert list(parts(16, SMALL)) == [Part(16, 0, 16)]
    assert list(parts(15, SMALL)) == [Part(4, 0, 12), Part(1, 12, 15)]
    assert list(parts(84, SMALL)) == [Part(64, 0, 64), Part(16, 64, 80), Part(4, 80, 84)]


@given(
    st.integers(1, 400),
    st.integers(0, 2**32),
    st.integers(0, 6),
    st.sampled_from([1, 3, 4, 17, 10**6]),
    st.sampled_from([5, 90, 50_000]),
    st.sampled_from([7, 10**6]),
)
@example(234, 288019, 4, 3, 50_000, 7)  # all subscriptions are heard of behind the last whole block of 64
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_as_known_at_every_position_are_those_of_the_log_until_then(
    database: Database, seed: int, order: int, count: int, window: int, rebuilt: int, keys: int
) -> None:
    log = _log(seed, order, count)
    meaning = _in_memory(log)
    with afresh(database), world(database) as (journal, store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuilding, "WINDOW", rebuilt)
        patch.setattr(bulk, "KEYS", keys)
        journal.append_new([row for _, row in log])
        Engine(CHAIN[0], journal, store).catch_up(window)
        live = _blocks(database)

        with psycopg.connect(database.app_dsn, autocommit=True) as connection:
            for position in range(len(log) + 1):
                assert _as_known(connection, position) == meaning[position]
            assert _as_known(connection, len(log), head=True) == meaning[-1]

        beside = PostgresViews(database.app_dsn, "_new")
        rebuild(CHAIN, journal, beside)
        beside.close()
        assert _blocks(database) == live
        assert _moved(live) == _moved_in_memory(meaning)


def test_a_window_that_ends_between_its_deltas_and_its_blocks_leaves_nothing(
    database: Database, journal: Journal, store: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _log(5, 5, 0)
    journal.append_new([row for _, row in log])
    engine = Engine(CHAIN[0], journal, store)
    engine.step(50)
    reached, written = engine.chains[0].position, _blocks(database)
    with monkeypatch.context() as patch:
        patch.setattr(view_store, "completed", lambda *_: iter([(KILL, {})]))
        with pytest.raises(psycopg.OperationalError):
            engine.catch_up(50)
    assert _blocks(database) == written
    assert _known(database) == reached

    engine.restart()
    engine.catch_up(50)

    with psycopg.connect(database.app_dsn) as connection:
        assert _as_known(connection, len(log) - 1) == _in_memory(log)[-2]
    beside = PostgresViews(database.app_dsn, "_check")
    assert compare(CHAIN[0], journal, beside, journal.head()) == []
    beside.close()


SPOIL = [
    ("update views.mrr_v3_{0}_block{2} set {1} = {1} + 1 where size = 4 and after > 12", 4),
    ("delete from views.mrr_v3_{0}_block{2} where size = 4 and after > 12", 4),
    ("insert into views.mrr_v3_{0}_block{2} select * from views.mrr_v3_{0}_block where size = 4", 4),
    ("update views.mrr_v3_{0}_block{2} set {1} = {1} + 1 where size = 64", 64),
]


@pytest.mark.parametrize(("spoil", "size"), SPOIL)
@pytest.mark.parametrize(("summary", "column"), [("standing", "mrr"), ("movement", '"new"')])
@pytest.mark.parametrize("both", [False, True])
def test_a_block_that_is_not_the_sum_of_its_deltas_is_named(
    database: Database,
    journal: Journal,
    store: PostgresViews,
    spoil: str,
    size: int,
    summary: str,
    column: str,
    both: bool,
) -> None:
    """Where it is in the tables that are read, and where two builds are wrong alike."""
    journal.append_new([row for _, row in _log(5, 5, 2)])
    Engine(CHAIN[0], journal, store).catch_up(50)
    beside = PostgresViews(database.app_dsn, "_check")
    build(CHAIN, journal, beside)
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        for suffix in ("_check", "") if both else ("",):
            assert connection.execute(spoil.format(summary, column, suffix).encode()).rowcount

    shapes, head = [table(view) for view in CHAIN[0]], journal.head()
    found = beside.unsummed(shapes, head) + beside.differences(shapes, "", head)

    where = f"blocks of {size} rows of mrr_v3_{summary}_check:" if both else f"mrr_v3_{summary}_block_check:"
    assert any(where in line for line in found)
    assert all(f"mrr_v3_{summary}" in line for line in found)
    beside.close()


@pytest.mark.parametrize("summary", SUMMARIES)
def test_a_read_as_known_in_the_past_takes_its_rows_by_index(
    database: Database, journal: Journal, store: PostgresViews, summary: str
) -> None:
    journal.append_new([row for _, row in _log(5, 5, 2)])
    Engine(CHAIN[0], journal, store).catch_up(50)
    relation = asked.summary(Mrr, summary, Moment(str(BOOK), AT, 94), head=False)
    query = f"explain select * from {relation} where book = 'b' and grain = 'month' and dimension = ''"
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute("set enable_seqscan = off; set enable_bitmapscan = off")
        query = query if summary == "movement" else query.replace(" and grain = 'month'", "")
        plan = "\n".join(line for (line,) in connection.execute(query.encode()))

    assert plan.count("Index Cond: ((book = 'b'::text)") == 3
    assert plan.count('Index Cond: (("position" > 92)') == 1
    assert "Seq Scan" not in plan


KILL = "select pg_terminate_backend(pg_backend_pid())"


def _log(seed: int, order: int, count: int) -> Log:
    rows = [row for _, row in log_of(shuffled(messages(seed, customers=3, months=3), order))]
    return positioned(with_corrections(rows, order, count)[0] if count else rows)


Sums = dict[str, dict[Line, Line]]


def _in_memory(log: Log) -> list[Sums]:
    """The sums of each summary as known at each position, from 0, added up from what a fold says."""
    deltas = remembering(CHAIN[0], log).changes(next(v for v in CHAIN[0] if v.name == "mrr")).deltas
    found: list[Sums] = []
    now: Sums = {name: {} for name in SUMMARIES}
    for position in range(len(log) + 1):
        for name, _, cell, amounts in (delta for delta in deltas if delta[1] == position):
            now[name][cell] = plus(now[name].get(cell, (0,) * len(amounts)), amounts)
        found.append({name: {c: a for c, a in cells.items() if any(a)} for name, cells in now.items()})
    return found


Moved = dict[str, dict[tuple[Any, ...], Line]]
"""By summary, what each cell of each block (of a size, behind a position) moved by, if by anything."""


def _moved_in_memory(meaning: Sequence[Sums]) -> Moved:
    """What whole blocks must say: how far the sums at their ends are from those at their beginnings. There is
    no block where all that a summary knows stands behind the last whole one."""
    found: Moved = {}
    whole = [(size, after) for size in SMALL for after in range(0, len(meaning) - size, size)]
    for summary in Mrr.summaries:
        name, none = summary.name, (0,) * len(summary.amounts)
        said = found[name] = {}
        for size, after in whole:
            start, end = meaning[after][name], meaning[after + size][name]
            moved = {cell: minus(end.get(cell, none), start.get(cell, none)) for cell in {*start, *end}}
            said |= {(size, after, *cell): amounts for cell, amounts in moved.items() if any(amounts)}
    return found


def _moved(blocks: dict[str, list[Line]]) -> Moved:
    """The same from the rows of the tables, of which each is there once."""
    amounts = {summary.name: len(summary.amounts) for summary in Mrr.summaries}
    found = {
        name: [(row[: -amounts[name]], row[-amounts[name] :]) for row in rows]
        for name, rows in blocks.items()
    }
    assert all(len(dict(moved)) == len(moved) for moved in found.values())
    return {name: {block: moved for block, moved in rows if any(moved)} for name, rows in found.items()}


def _as_known(connection: psycopg.Connection[Any], position: int, head: bool = False) -> Sums:
    """The same from the tables, through what reads read."""
    return {summary.name: _read(connection, summary.name, position, head) for summary in Mrr.summaries}


def _read(connection: psycopg.Connection[Any], name: str, position: int, head: bool) -> dict[Line, Line]:
    (summary,) = (one for one in Mrr.summaries if one.name == name)
    cells = ["book", *summary.cells]
    added = ", ".join(f'sum("{amount}")::bigint' for amount in summary.amounts)
    moment = Moment(str(BOOK), AT, position)
    text = (
        f"select {', '.join(cells)}, {added} from {asked.summary(Mrr, name, moment, head)}"
        f" where book = %(book)s group by {', '.join(cells)}"
    )
    query = ask(moment, text)
    rows: Sequence[Line] = connection.execute(query.text.encode(), query.parameters).fetchall()
    return {row[: len(cells)]: row[len(cells) :] for row in rows if any(row[len(cells) :])}


def _blocks(database: Database) -> dict[str, list[Line]]:
    with psycopg.connect(database.app_dsn) as connection:
        return {
            name: sorted(connection.execute(f"select * from views.mrr_v3_{name}_block".encode()))
            for name in SUMMARIES
        }


def _known(database: Database) -> int:
    with psycopg.connect(database.app_dsn) as connection:
        found = connection.execute("select position from views.tracking where name = 'mrr_v3'").fetchone()
    return int(found[0]) if found else -1
