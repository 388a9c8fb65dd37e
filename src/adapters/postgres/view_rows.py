"""Which rows did a view's table show at a position? Streamed, so that memory does not grow with them."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_tables import Table

WINDOW = 2_000
KNOWN = (
    "select book, key, known_from{columns} from {table} where known_from <= %(position)s"
    " and (known_to is null or known_to > %(position)s){only} order by book, key, known_from, place"
)


def known(
    dsn: str, table: Table, suffix: str, position: int, key: tuple[str, str] | None = None
) -> Iterator[Sequence[Any]]:
    """Book, key, since when it is known, and the columns of each row (of one key only) as known at a
    position."""
    query = sql.SQL(KNOWN).format(
        columns=sql.SQL("".join(f', "{name}"' for name, _ in table.columns)),
        table=sql.Identifier("views", table.name + suffix),
        only=sql.SQL(" and book = %(book)s and key = %(key)s" if key else ""),
    )
    asked = {"position": position, "book": key and key[0], "key": key and key[1]}
    with (
        psycopg.connect(dsn, options="-c TimeZone=UTC") as connection,
        connection.cursor("known", binary=True) as rows,
    ):
        rows.itersize = WINDOW
        rows.execute(query, asked)
        for row in rows:
            yield [tuple(value) if isinstance(value, list) else value for value in row]
