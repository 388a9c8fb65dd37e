"""When is an index over the log brought up to date? When somebody asks for it, and else while the log is
quiet, so that it takes nothing from those who write."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Protocol, TypeVar

import psycopg
from msgspec import Struct

from ledgerstone.adapters.postgres.event_index import EventIndex
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.stripe.about import about
from ledgerstone.http.errors import Problem, unavailable
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.projections import events, postings

PAUSE = 2.0
"""Seconds between two looks at the log."""
QUIET = 200
"""Rows that may come in a pause of a log that has time for this."""
PATIENCE = 3.0
"""Seconds that somebody who asks waits for the rest of the log to be indexed."""
GLANCE = 0.2
"""Seconds for which an answer that needs only a part of it is held up."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Index(Protocol):
    """The tables of an index."""

    def position(self) -> int: ...
    def close(self) -> None: ...


class Kept(Struct, frozen=True):
    """An index: what `views.tracking` calls it, `what` it is to people, how its tables are reached (by a
    DSN), and how it goes on by one window."""

    name: str
    what: str
    tables: Callable[[str], Any]
    advance: Callable[[Journal, Any], bool]


MESSAGES = Kept(
    events.NAME,
    "index of messages",
    lambda dsn: EventIndex(dsn, events.NAME),
    lambda journal, index: events.advance(journal, index, about),
)
POSTINGS = Kept(
    postings.NAME,
    "index of postings",
    lambda dsn: PostingIndex(dsn, postings.NAME, postings.SPANS),
    postings.advance,
)


class History:
    """Keeps an index. One thread works on it at a time; any number of processes may."""

    def __init__(self, journal: Journal, dsn: str, kept: Kept = MESSAGES) -> None:
        self._journal, self._kept = journal, kept
        self._index: Index = kept.tables(dsn)
        self._aside = ThreadPoolExecutor(1, "ledgerstone-history")

    async def reach(self) -> None:
        """Bring the index up to the log. Raises a Problem (503) when that takes longer than somebody waits:
        who asks again finds it further."""
        if not await self._work(lambda: self._catch_up(PATIENCE)):
            at = await self._work(self._index.position)
            raise unavailable(
                f"The {self._kept.what} is at row {at} of the log, and goes on. Try again soon."
            )

    async def glance(self) -> None:
        """Work on it for a moment, for an answer that can be given without."""
        await self._work(lambda: self._catch_up(GLANCE))

    async def follow(self) -> None:
        """Work on the index while the log is quiet, until cancelled."""
        seen = 0
        while True:
            await asyncio.sleep(PAUSE)
            try:
                head = await self._work(self._journal.head)
                if head - seen <= QUIET:
                    await self._work(lambda: self._catch_up(GLANCE))
                seen = head
            except (psycopg.Error, LogUnavailable, Problem) as error:
                logger.info("the %s waits: %s", self._kept.what, error)

    def close(self) -> None:
        """Let go of the database."""
        self._aside.shutdown()
        self._index.close()

    def _catch_up(self, seconds: float) -> bool:
        """Index window after window; whether all is done in time."""
        end = monotonic() + seconds
        while self._kept.advance(self._journal, self._index):
            if monotonic() > end:
                return False
        return True

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)
