"""When is an index over the log brought up to date? When somebody asks for it, and else while the log is
quiet, so that it takes nothing from those who write."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Protocol, TypeGuard, TypeVar

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

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
"""Seconds for which the thread is taken at a time."""
LOOK = 1.0
"""Seconds for which an answer that can be given without is held up at most."""
OPTIONS = "-c statement_timeout=30s"
"""A statement that hangs gives the thread back, and who asks next begins anew."""
LOST = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
"""A server that is cut off cannot say that a statement took too long."""

T = TypeVar("T")
Task = asyncio.Task[None]
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
    """Keeps an index. One thread works on it at a time, for all who wait; any number of processes may."""

    def __init__(self, journal: Journal, dsn: str, kept: Kept = MESSAGES) -> None:
        self._journal, self._kept = journal, kept
        self._index: Index = kept.tables(_bounded(dsn))
        self._aside = ThreadPoolExecutor(1, "ledgerstone-history")
        self._reaching: Task | None = None
        self._glancing: Task | None = None
        self._at: int | None = None

    async def reach(self) -> None:
        """Bring the index up to the log. Raises a Problem (503) when that takes longer than somebody waits:
        it goes on, and who asks again finds it further."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._reach()
        except TimeoutError:
            at = "behind the log" if self._at is None else f"at row {self._at} of the log"
            raise unavailable(f"The {self._kept.what} is {at}, and goes on. Try again soon.") from None

    async def glance(self) -> None:
        """Work on it for a moment, or let those go on who do, for an answer that can be given without."""
        if _runs(self._reaching):
            await asyncio.wait([self._reaching], timeout=LOOK)
            return
        if not _runs(self._glancing):
            self._glancing = self._begin(self._some())
        await asyncio.wait([self._glancing], timeout=LOOK)

    async def follow(self) -> None:
        """Work on the index while the log is quiet, until cancelled."""
        seen = 0
        while True:
            await asyncio.sleep(PAUSE)
            try:
                head = await self._work(self._journal.head)
                if head - seen <= QUIET:
                    await self.glance()
                seen = head
            except (psycopg.Error, LogUnavailable, Problem) as error:
                logger.info("the %s waits: %s", self._kept.what, error)

    def close(self) -> None:
        """Let go of the database."""
        for task in (self._reaching, self._glancing):
            if _runs(task):
                task.cancel()
        self._aside.shutdown(cancel_futures=True)
        self._index.close()

    async def _reach(self) -> None:
        """What runs already may have looked at the log before there was what we are to see: then once more,
        which is begun by the first of those who waited, and is for all of them."""
        if _runs(self._reaching):
            await asyncio.wait([self._reaching])
        if not _runs(self._reaching):
            self._reaching = self._begin(self._all())
        await asyncio.shield(self._reaching)

    def _begin(self, work: Coroutine[Any, Any, None]) -> Task:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: Task) -> None:
        """Those who waited may be gone."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("the %s waits: %s", self._kept.what, error)

    async def _all(self) -> None:
        """A moment at a time, so that others have the thread in between."""
        while not await self._work(lambda: self._catch_up(GLANCE)):
            pass

    async def _some(self) -> None:
        await self._work(lambda: self._catch_up(GLANCE))

    def _catch_up(self, seconds: float) -> bool:
        """Index window after window; whether all is done in time."""
        end = monotonic() + seconds
        while self._kept.advance(self._journal, self._index):
            if monotonic() > end:
                self._at = self._index.position()
                return False
        return True

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)


def _runs(task: Task | None) -> TypeGuard[Task]:
    return task is not None and not task.done()


def _bounded(dsn: str) -> str:
    """Where an index is reached so that nothing holds it for ever."""
    options = f"{conninfo_to_dict(dsn).get('options') or ''} {OPTIONS}"
    return make_conninfo(dsn, options=options, **LOST)
