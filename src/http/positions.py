"""How far is each view, and in which tables, without asking? One task listens, and everybody reads what it
knows."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection

from ledgerstone.projections.reads.projections import NAMES

POLL = 1.0
"""Seconds after which it looks without having been told."""
PATIENCE = 2.0
"""Seconds after which a server that says nothing is as good as gone."""
PAUSE = 0.5
"""Seconds between attempts to connect."""
LOOK = (
    "select name, position, coalesce(to_regclass(format('views.%I', name))::oid::bigint, 0)"
    " from views.tracking"
)

logger = logging.getLogger(__name__)


class Positions:
    """The positions of all views as last heard; none while the database does not answer, so that nobody
    is served from memory then."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: dict[str, int] = {}
        self._made: dict[str, int] = {}
        self._moved = asyncio.Event()

    def of(self, views: Sequence[str]) -> int | None:
        """The least position of some views; None when one is not known, or none is asked for."""
        known = self._known
        try:
            return min([known[view] for view in views])
        except (KeyError, ValueError):
            return None

    def tables(self, views: Sequence[str]) -> tuple[int, ...]:
        """In which tables some views are: others at the same position, once they were swapped."""
        return tuple([self._made.get(view, 0) for view in views])

    async def reach(self, views: Sequence[str], position: int, seconds: float) -> bool:
        """Wait until all the views have a row of the log; whether they did in time. Without names, all that
        are served: tables of rebuilds and of other versions are nobody's to wait for."""
        try:
            async with asyncio.timeout(seconds):
                while (now := self.of(views or NAMES)) is None or now < position:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def follow(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, TimeoutError) as error:
                logger.info("not listening to the views: %s", error)
            self._tell({})
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        connection = await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=2)
        async with connection:
            await connection.execute("listen views")
            while True:
                async with asyncio.timeout(PATIENCE):
                    self._tell(*await _look(connection))
                async for _ in connection.notifies(timeout=POLL, stop_after=1):
                    pass

    def _tell(self, known: dict[str, int], made: dict[str, int] | None = None) -> None:
        self._made = made or {}
        if known != self._known:
            self._known = known
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()


async def _look(connection: AsyncConnection[Any]) -> tuple[dict[str, int], dict[str, int]]:
    try:
        found = await (await connection.execute(LOOK)).fetchall()
    except psycopg.errors.UndefinedTable:
        return {}, {}
    return {name: position for name, position, _ in found}, {name: made for name, _, made in found}
