"""What a page of an explanation costs, of a key with thousands of versions."""

from typing import Any

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.reads.asked import Moment, Query
from ledgerstone.projections.reads.explain import Subject, edge, edges
from ledgerstone.projections.view import table
from tests.examples import AT, BOOK

VERSIONS, PAGE = 3_000, 40
SUBJECT = Subject(Customers(), "cus_1")


@pytest.fixture
def connection(database: Database, store: PostgresViews) -> Any:
    """A customer who changed at every third position, and two rows of whom never ended; and others."""
    store.positions([table(Customers())])
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute(
            "insert into views.customers_v2 (book, key, place, known_from, known_to, tenant)"
            " select %(book)s, key, 0, 3 * n, 3 * n + 3, 't' || n"
            " from generate_series(1, %(n)s) n, unnest(array['cus_0', 'cus_1', 'cus_2']) key"
            " union all select %(book)s, 'cus_1', n, 3, null, 'lasting' from generate_series(1, 2) n",
            {"book": str(BOOK), "n": VERSIONS},
        )
        connection.execute("analyze views.customers_v2")
        yield connection


@pytest.mark.parametrize("start", [0, 3 * VERSIONS // 2, 3 * VERSIONS - 3 * PAGE])
def test_a_page_looks_at_each_version_three_times_at_most(connection: psycopg.Connection, start: int) -> None:
    query = _page(start)
    found = connection.execute(query.text.encode(), query.parameters).fetchall()
    assert PAGE <= len(found) <= PAGE + 2

    assert _rows_read(connection, query) <= 3 * (VERSIONS + 2) + 4 * PAGE


def test_pages_are_all_that_began_and_ended_each_once(connection: psycopg.Connection) -> None:
    start, read = 0, list[tuple[int, bool, str]]()
    while rows := connection.execute((query := _page(start)).text.encode(), query.parameters).fetchall():
        read += [(each.at, each.opened, each.values[1]) for each in map(edge, rows)]
        start = rows[-1][0] + 1

    began = [(3 * n, True, f"t{n}") for n in range(1, VERSIONS + 1)]
    ended = [(3 * n + 3, False, f"t{n}") for n in range(1, VERSIONS)]
    assert sorted(read) == sorted([*began, *ended, (3, True, "lasting"), (3, True, "lasting")])


def _page(start: int) -> Query:
    """As known when the last version had begun, and had not ended."""
    return edges(Moment(str(BOOK), AT, 3 * VERSIONS + 2), SUBJECT, start, PAGE)


def _rows_read(connection: psycopg.Connection, query: Query) -> int:
    """How many rows all scans gave or threw away."""
    explain = f"explain (analyze, format json, costs off, timing off) {query.text}"
    ((plan,),) = connection.execute(explain.encode(), query.parameters).fetchall()
    return sum(_scanned(plan[0]["Plan"]))


def _scanned(node: Any) -> Any:
    if "Relation Name" in node:
        thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield (node["Actual Rows"] + thrown) * node["Actual Loops"]
    for each in (*node.get("Plans", ()),):
        yield from _scanned(each)
