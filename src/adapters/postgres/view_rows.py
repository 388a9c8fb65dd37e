"""Which rows did a view's table show at a position? Streamed, so that memory does not grow with them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_compare import DAMAGED
from ledgerstone.adapters.postgres.view_swap import standings
from ledgerstone.adapters.postgres.view_tables import Table

WINDOW = 2_000
KNOWN = (
    "select book, key, known_from{columns} from {table} where known_from <= %(position)s"
    " and (known_to is null or known_to > %(position)s){only} order by book, key, known_from, place"
)


def known_there(dsn: str, table: Table, book: str | None, position: int) -> Iterator[Sequence[Any]] | None:
    """As `known`, of one book or all, in the tables that are read; None where they are not that far, or are
    damaged."""
    with psycopg.connect(dsn) as connection, suppress(*DAMAGED):
        if standings(connection, [table], "").get(table.name, -1) >= position:
            rows = known(dsn, table, "", position, book and (book,))
            first = list(islice(rows, 1))  # where a table or a column is gone, it is said here
            return chain(first, rows)
    return None


def known(
    dsn: str, table: Table, suffix: str, position: int, of: Sequence[str] | None = None
) -> Iterator[Sequence[Any]]:
    """Book, key, since when it is known, and the columns of each row (`of` one book, or one book's key) as
    known at a position."""
    asked = dict(zip(("book", "key"), of or (), strict=False))
    query = sql.SQL(KNOWN).format(
        columns=sql.SQL("".join(f', "{name}"' for name, _ in table.columns)),
        table=sql.Identifier("views", table.name + suffix),
        only=sql.SQL("".join(f" and {name} = %({name})s" for name in asked)),
    )
    with (
        psycopg.connect(dsn, options="-c TimeZone=UTC") as connection,
        connection.cursor("known", binary=True) as rows,
    ):
        rows.itersize = WINDOW
        rows.execute(query, {"position": position, **asked})
        for row in rows:
            yield [tuple(value) if isinstance(value, list) else value for value in row]
