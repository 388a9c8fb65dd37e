"""How are months closed and opened again over HTTP? In a thread, by the code of the command. Whoever asks
waits for a while; what takes longer goes on, and whoever asks the same again hears what came of it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.view_rows import known_there
from ledgerstone.http.answering import ACCOUNTS
from ledgerstone.http.database import snapshot
from ledgerstone.http.errors import RETRY, Problem
from ledgerstone.http.history import LOST
from ledgerstone.http.parameters import Booked, read_query
from ledgerstone.http.reads.periods import named
from ledgerstone.http.services import Services
from ledgerstone.ledger.journal import LogBusy, NameTaken
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.recorded import Book
from ledgerstone.projections.closes import LOCK, Decided, close_in, decided, over, reopen_in
from ledgerstone.projections.open_books import SHOWN
from ledgerstone.projections.postings import NAME, SPANS
from ledgerstone.projections.reads import closes, sync

LOOK = "/sys/periods"
SECONDS = 4.0
"""That whoever asks waits for a close; what takes longer is answered with 202."""
KEPT = 60.0
"""Seconds for which what went wrong when nobody waited any more is kept; later it may have been mended."""
MOST = 8
"""Decisions on their way at a time: one alone is made, and the others hear so."""
PATIENCE = 10.0
"""Seconds for the body of a request."""
LARGEST = 16_384
"""Bytes of a body, in which somebody says why."""
RUNNING = "Months are being closed or opened again just now. Try again when that has ended."
logger = logging.getLogger(__name__)
T = TypeVar("T")
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]


class Close(Struct, frozen=True, forbid_unknown_fields=True):
    """Who closes a month, and why, if there is anything to say of it."""

    actor: Text
    reason: Annotated[str, Meta(max_length=500)] = ""


class Reopen(Struct, frozen=True, forbid_unknown_fields=True):
    """Who opens a month again, and why."""

    actor: Text
    reason: Text


class Closed(Struct, frozen=True):
    """A month is closed, by the row at `position`; `duplicate` when it was already, by the same person for
    the same reason. `waiting`: what was not told yet when it was closed, the first few of `waiting_count`
    sentences; null where the process that closed it has ended since, or closed others. The rest is as
    `/sys/periods/{period}` tells it."""

    period: str
    position: int
    duplicate: bool
    known_at: int
    number: int
    digest: str
    moved: tuple[closes.Moved, ...]
    balances: tuple[closes.Held, ...]
    waiting: tuple[str, ...] | None = None
    waiting_count: int | None = None


class Reopened(Struct, frozen=True):
    """Months are open again, from `period` on, by the rows up to `position`."""

    period: str
    position: int
    duplicate: bool
    reopened: tuple[str, ...]


class Undecided(Struct, frozen=True):
    """It takes longer than whoever asks waits, and goes on: where to `look` what comes of it."""

    period: str
    look: str


class Act(Struct, frozen=True):
    """What is asked: of which book and month, by whom and why."""

    did: str
    book: Book
    period: str
    actor: str
    reason: str


Work = Callable[[Services, Act], Closed | Reopened]


class Going(Struct, eq=False):
    """A decision on its way. `late`: somebody stopped waiting for it; `ended`: when it did, Unix seconds."""

    outcome: asyncio.Future[Closed | Reopened]
    late: bool = False
    ended: float | None = None


class Deciding:
    """`POST /sys/periods/{period}/close` and `…/reopen`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.going: dict[Act, Going] = {}
        self.closed: dict[int, Closed] = {}  # by position, the last that were closed here

    async def close(self, request: Request) -> Response:
        """Close a month and all before it: 200 with what that moved, also where it was done already by the
        same person for the same reason; 202 where it takes long."""
        act = await self._asked(request, "closed", Close)
        self._over(act.period)
        return await self._answer(act, close)

    async def reopen(self, request: Request) -> Response:
        """Open a month and all later ones again: 200 with their names."""
        return await self._answer(await self._asked(request, "reopened", Reopen), reopen)

    async def _asked(self, request: Request, did: str, kind: type[Close | Reopen]) -> Act:
        period = request.path_params["period"]
        named(period)
        account = read_query(request.scope["query_string"], Booked).account or ""
        said = await _body(request, kind)
        book = Book(account, self._services.livemode)
        if account:
            async with snapshot(self._services.pool, (ACCOUNTS,)) as seen:
                if not await seen.fetch(sync.heard_of(str(book))):
                    raise Problem(
                        404, f"Nothing was ever heard of an account {account!r}.", parameter="account"
                    )
        return Act(did, book, period, said.actor, said.reason)

    def _over(self, period: str) -> None:
        try:
            over(period, datetime.fromtimestamp(self._services.clock(), UTC))
        except ValueError as error:
            raise Problem(409, f"{error}.") from None

    async def _answer(self, act: Act, work: Work) -> Response:
        """Join those who asked the same, or begin. What went wrong a little while ago, when nobody waited any
        more, is told once, and then tried again; what went well is asked again, for it may have been taken
        back since."""
        self._forget()
        going = self.going.get(act) or self._begin(act, work)
        await asyncio.wait([going.outcome], timeout=SECONDS)
        if not going.outcome.done():
            going.late = True
            look = f"{LOOK}/{act.period}"
            headers = {"Location": look, "Cache-Control": "no-store", **RETRY}
            return Response(
                msgspec.json.encode(Undecided(act.period, look)), 202, headers, "application/json"
            )
        self._drop(act, going)
        done = self._with_what_waited(going.outcome.result())
        headers = {"Ledger-Position": str(done.position), "Cache-Control": "no-store"}
        return Response(msgspec.json.encode(done), 200, headers, "application/json")

    def _begin(self, act: Act, work: Work) -> Going:
        if sum(not each.outcome.done() for each in self.going.values()) >= MOST:
            raise Problem(409, RUNNING, RETRY)
        going = self.going[act] = Going(in_a_thread(partial(work, self._services, act)))
        going.outcome.add_done_callback(lambda _: self._ended(act, going))
        return going

    def _ended(self, act: Act, going: Going) -> None:
        """Keep what went wrong for whoever asks again, if trying again would not help."""
        error, going.ended = going.outcome.exception(), self._services.clock()
        if error is None:
            self._keep(going.outcome.result())
        if error is None or (isinstance(error, Problem) and RETRY.keys() <= error.headers.keys()):
            self._drop(act, going)
        if error is not None and going.late:
            logger.warning("%s of %s is not %s: %s", act.period, act.book, act.did, error)

    def _keep(self, done: Closed | Reopened) -> None:
        """The log does not hold what waited for a close, and who heard 202 has still to hear it."""
        if isinstance(done, Closed) and not done.duplicate:
            self.closed[done.position] = done
            for position in sorted(self.closed)[:-MOST]:
                del self.closed[position]

    def _with_what_waited(self, done: Closed | Reopened) -> Closed | Reopened:
        if isinstance(done, Closed) and done.duplicate and (first := self.closed.get(done.position)):
            return replace(first, duplicate=True)
        return done

    def _drop(self, act: Act, going: Going) -> None:
        if self.going.get(act) is going:
            del self.going[act]

    def _forget(self) -> None:
        """What nobody asked for again while it was kept."""
        since = self._services.clock() - KEPT
        for act, going in list(self.going.items()):
            if going.ended is not None and going.ended < since:
                self._drop(act, going)


def in_a_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """What comes of work in a thread that ends with the process. When a service is to end, asyncio waits for
    its own, however long they take; what is half done here is rolled back by the database."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(say: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(say)

    def run() -> None:
        try:
            tell(partial(outcome.set_result, work()))
        except Exception as error:
            tell(partial(outcome.set_exception, error))

    Thread(target=run, name="ledgerstone-deciding", daemon=True).start()
    return outcome


def close(services: Services, act: Act) -> Closed:
    """Close a month, or find that it is. Raises a Problem."""
    dsn = make_conninfo(services.dsn, **LOST)
    words = partial(known_there, dsn, SHOWN, str(act.book))
    with closing(PostingIndex(dsn, NAME, SPANS)) as index:
        about = act.book, act.period, act.actor, act.reason, index, services.functional_currency, words
        work = partial(close_in, services.journal, *about)
        return _closed(act.book, *_decided(services, act, lambda: [work()]))


def reopen(services: Services, act: Act) -> Reopened:
    """Open months again, or find that they are. Raises a Problem."""
    work = partial(reopen_in, services.journal, act.book, act.period, act.actor, act.reason)
    found, duplicate = _decided(services, act, work)
    return Reopened(
        period=act.period,
        position=found[-1].position,
        duplicate=duplicate,
        reopened=tuple(sorted({one.fact.period for one in found})),
    )


def _decided(services: Services, act: Act, work: Callable[[], list[Decided]]) -> tuple[list[Decided], bool]:
    """What was decided, and whether that was before."""
    try:
        with alone(services.dsn, LOCK):
            if found := done_before(decided(services.journal, act.book), act):
                return found, True
            return work(), False
    except AlreadyRunning:
        raise Problem(409, RUNNING, RETRY) from None
    except (LogBusy, NameTaken) as error:
        raise Problem(503, f"{error}.", RETRY) from None
    except ValueError as error:
        raise Problem(409, f"{error}.") from None


def done_before(told: Sequence[Decided], act: Act) -> list[Decided]:
    """What answers a request that was answered before: the last that was decided of its month, if that is
    what it asks for, by the same person and for the same reason; a reopening with those of later months."""
    kind = PeriodClosed if act.did == "closed" else PeriodReopened
    own = [one for one in told if one.fact.period == act.period]
    last = own[-1] if own else None
    if last is None or not isinstance(last.fact, kind):
        return []
    if (last.fact.actor, last.fact.reason) != (act.actor, act.reason):
        return []
    if kind is PeriodClosed:
        return [last]
    until = [one for one in told if one.position <= last.position]
    first = len(until)
    while first and _of_one(until[first - 1].fact, last.fact):
        first -= 1
    return until[first:]


def _of_one(fact: PeriodClosed | PeriodReopened, last: PeriodClosed | PeriodReopened) -> bool:
    """One decision opens months from the last to the first, in rows that stand together."""
    same = (fact.actor, fact.reason) == (last.actor, last.reason)
    return isinstance(fact, PeriodReopened) and same and fact.period >= last.period


def _closed(book: Book, found: Sequence[Decided], duplicate: bool) -> Closed:
    (one,) = found
    fact = one.fact
    assert isinstance(fact, PeriodClosed)
    return Closed(
        period=fact.period,
        position=one.position,
        duplicate=duplicate,
        known_at=fact.known_at,
        number=fact.number,
        digest=fact.digest,
        moved=tuple(closes.moves(fact, one.position, book.account)),
        balances=closes.balances(fact),
        waiting=None if one.waited is None else one.waited.said,
        waiting_count=None if one.waited is None else one.waited.count,
    )


async def _body(request: Request, kind: type[Close | Reopen]) -> Any:
    """What is said in a body. Raises a Problem: 415 where it is no JSON by its type, 408, 413, and 422 where
    it does not say what it must."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem(415, "The body is JSON: send it with `Content-Type: application/json`.")
    try:
        async with asyncio.timeout(PATIENCE):
            return _read(await _whole(request), kind)
    except TimeoutError:
        raise Problem(408, "The body did not come in time.") from None
    except ClientDisconnect:
        raise Problem(400, "The body did not come to its end.") from None


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for some in request.stream():
        body += some
        if len(body) > LARGEST:
            raise Problem(413, f"The body is larger than {LARGEST} bytes.")
    return bytes(body)


def _read(body: bytes, kind: type[Close | Reopen]) -> Any:
    wanted = ", ".join(f"`{name}`" for name in kind.__struct_fields__)
    try:
        said = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(422, f"The body is a JSON object with {wanted}: {error}.") from None
    for name in kind.__struct_fields__:
        if not getattr(said, name).isprintable():
            raise Problem(422, f"`{name}` holds characters that cannot be printed.")
    return said
