"""Are the rows of a view streamed, however many there are?"""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_rows import known
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.projections.money import Money
from ledgerstone.projections.view import table

MANY = 20_000
ROWS = """
    insert into views.{} (book, key, place, known_from, known_to, at, kind, id, payment, amount, currency)
    select ':live', 'pi_' || n, 0, 5, case when n % 2 = 0 then 9 end, now(), 'received', 'ch_' || n,
        'pi_' || n, n, 'usd' from generate_series(1, {}) n
"""


def peak(work: Callable[[], object]) -> int:
    """The most memory that is held while something is done."""
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_the_rows_of_a_view_are_not_held(database: Database) -> None:
    shape, store = table(Money()), PostgresViews(database.app_dsn)
    store.position([shape])
    store.close()
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(ROWS.format(shape.name, MANY).encode())

    def read(position: int = 7) -> Iterator[Sequence[Any]]:
        return known(database.app_dsn, shape, "", position)

    streamed, held = peak(lambda: counted(read())), peak(lambda: list(read()))

    assert (counted(read()), counted(read(9))) == (MANY, MANY // 2)
    assert streamed < held / 4


def counted(rows: Iterator[Sequence[Any]]) -> int:
    return sum(1 for _ in rows)
