"""How is the database read? In one snapshot for each answer, which changes nothing and waits for nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg import AsyncConnection, IsolationLevel, sql
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool

from ledgerstone.http.errors import unavailable
from ledgerstone.projections.reads.asked import Query
from ledgerstone.projections.reads.projections import NAMES

CONNECTIONS = 8
PATIENCE = 2.0
"""Seconds to wait for a connection; all of an answer must come within five when the database is gone."""
BATCH = 500
"""Rows fetched at a time where many are read; other requests go on in between."""

OPTIONS = "-c TimeZone=UTC -c jit=off -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
Rows = list[TupleRow]


def reading_pool(dsn: str, connections: int = CONNECTIONS) -> Pool:
    """Connections for reading, as the app's role. Open it in the event loop that uses it."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=connections,
        timeout=PATIENCE,
        open=False,
        configure=_for_reading,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True, "options": OPTIONS, "connect_timeout": 2, "row_factory": tuple_row},
        reconnect_timeout=30,
        name="reading",
    )


async def _for_reading(connection: AsyncConnection[Any]) -> None:
    """Statements are planned each time: a plan kept from when a table was empty would scan it for ever."""
    connection.prepare_threshold = None
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)


class Snapshot:
    """The database as it was at one moment. `positions` tells how far the views of the answer are, and
    `tables` which tables they are in: others at the same position, once they were swapped."""

    def __init__(
        self, connection: AsyncConnection[TupleRow], positions: dict[str, int], tables: Sequence[int]
    ) -> None:
        self._connection = connection
        self.positions, self.tables = positions, tables

    async def fetch(self, query: Query) -> Rows:
        """All rows of a query."""
        cursor = await self._connection.execute(query.text.encode(), query.parameters)
        return await cursor.fetchall()

    async def stream(self, query: Query) -> AsyncIterator[Rows]:
        """The rows of a query, `BATCH` at a time, so that memory does not grow with them."""
        async with self._connection.cursor("rows") as cursor:
            await cursor.execute(query.text.encode(), query.parameters)
            while rows := await cursor.fetchmany(BATCH):
                yield rows


@asynccontextmanager
async def snapshot(pool: Pool, views: Sequence[str]) -> AsyncIterator[Snapshot]:
    """A snapshot for an answer from these views (their names in `views.tracking`). Raises a Problem (503)
    when one of them has no tables yet, and psycopg's errors when the database is gone."""
    async with pool.connection() as connection, connection.transaction():
        standings = await _in_time(_standings(connection, views))
        positions = {view: position for view, position, _ in standings}
        if missing := [view for view in views if view not in positions]:
            raise unavailable(f"The view {missing[0]} has not been built yet. Try again when it is.")
        yield Snapshot(connection, positions, sorted(table for _, _, table in standings))


async def _in_time(standings: Awaitable[Rows]) -> Rows:
    """A server that hangs is as good as gone."""
    try:
        return await asyncio.wait_for(standings, PATIENCE)
    except TimeoutError:
        raise unavailable("The database does not answer. Try again in a moment.") from None


async def _standings(connection: AsyncConnection[TupleRow], views: Sequence[str]) -> Rows:
    try:
        cursor = await connection.execute(_beginning(tuple(views)))
    except psycopg.errors.UndefinedTable:
        if not views:
            raise unavailable("No view has been built yet. Try again when one is.") from None
        return []
    while cursor.nextset():
        pass
    return await cursor.fetchall()


@cache
def _beginning(views: tuple[str, ...]) -> bytes:
    """Lock the tables of views, so that they are not swapped under us, and only then take the snapshot: names
    are looked up as of now, and rows as of then, so a table that came later would look empty. A lock takes no
    snapshot, the first query does; and a swap locks in the order of names too, see `postgres.view_swap`."""
    tables = [sql.Identifier("views", view) for view in sorted(views) if view in NAMES]
    lock = sql.SQL("lock table {} in access share mode;").format(sql.SQL(", ").join(tables))
    names = sql.Literal(list(views))
    query = sql.SQL(
        "select name, position, coalesce(to_regclass(format('views.%I', name))::oid::bigint, 0)"
        " from views.tracking where name = any({}::text[])"
    ).format(names)
    return (lock.as_bytes() if tables else b"") + query.as_bytes()
