"""How does a question become an answer? Resolve one moment, read the views in one snapshot as known there,
and keep the answer for as long as that moment is the latest."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from ledgerstone.http.cache import Cache
from ledgerstone.http.database import BATCH, Snapshot, snapshot
from ledgerstone.http.errors import Problem, refused, unavailable
from ledgerstone.http.history import History
from ledgerstone.http.moments import Resolved, end_of_second, resolve
from ledgerstone.http.paging import DEFAULT, Cursor, digest, written
from ledgerstone.http.parameters import Paged, exclusive_end, first_instant
from ledgerstone.http.positions import Positions
from ledgerstone.http.questions import (
    AnyRead,
    Asked,
    Found,
    Lines,
    Listed,
    Placed,
    Question,
    Walked,
    read_question,
)
from ledgerstone.http.respond import File, Meta, Rendered, as_csv, as_json, send_rendered, send_stream, tag
from ledgerstone.http.services import Services
from ledgerstone.ledger.recorded import Book
from ledgerstone.projections.events import NAME as EVENTS
from ledgerstone.projections.rates import Rates
from ledgerstone.projections.reads import sync
from ledgerstone.projections.reads.asked import Place, tracked
from ledgerstone.projections.sync import Sync

ACCOUNTS = tracked(Sync)
"""The view that knows every account of which anything was heard."""
RATES = tracked(Rates)
WAIT = 4.0
"""Seconds that an answer waits for a position that its caller must see."""
POLICY = "standard_v1"
INSTANTS: Mapping[str, Callable[[str, str], datetime]] = {
    "from_": first_instant,
    "due_from": first_instant,
    "to": exclusive_end,
    "due_to": exclusive_end,
}
"""Filters that are times, and which instant each means."""


class Endpoint:
    """Answers one route; `csv` always as a file."""

    def __init__(
        self,
        read: AnyRead,
        services: Services,
        positions: Positions,
        cache: Cache,
        history: History,
        csv: bool = False,
    ) -> None:
        self.read, self.csv = read, csv
        self.path = f"{read.path}.csv" if csv else read.path
        self._services, self._positions, self._cache = services, positions, cache
        self._history = history

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        question = self._question(scope, headers.get(b"accept", b""))
        if (wanted := headers.get(b"ledger-min-position")) is not None:
            await self._wait_for(self._views(question), wanted)
        await self._prepare()
        at = question.at or end_of_second(self._services.clock())
        if question.csv and isinstance(self.read, Listed | Walked) and question.query.limit is None:
            await self._stream(self.read, question, at, send, headers.get(b"if-none-match"))
        else:
            rendered = await self._rendered(scope, question, at)
            await send_rendered(send, rendered, headers.get(b"if-none-match"))

    def _question(self, scope: Scope, accept: bytes) -> Question:
        csv = self.csv or (self.read.csv and b"text/csv" in accept)
        key = (scope["path"], scope["query_string"], csv)
        question = self._cache.questions.get(key)
        if question is None:
            path = scope["path_params"]
            if not all(map(str.isprintable, path.values())):
                raise Problem(404, "An id has only characters that can be printed.")
            pattern = "/".join([self.read.path, *path.values()])
            question = read_question(self.read, path, scope["query_string"], csv, pattern)
            self._cache.remember(key, question)
        return question

    def _views(self, question: Question) -> tuple[str, ...]:
        """What an answer is made of: where an account is named, also what tells whether there is one, and
        where currencies are converted, the rates."""
        read = self.read
        views = read.chosen(question.path) if isinstance(read, Walked) else read.views
        account = () if question.account is None else (ACCOUNTS,)
        rates = () if getattr(question.query, "convert_to", None) is None else (RATES,)
        return (*views, *account, *rates)

    async def _prepare(self) -> None:
        """The index of messages is brought up to date where it is read; where it only helps, for a moment."""
        if EVENTS in self.read.views:
            await self._history.reach()
        elif self.read.fresh:
            await self._history.glance()

    async def _wait_for(self, views: Sequence[str], wanted: bytes) -> None:
        if not wanted.isdigit() or len(wanted) > 30:
            raise refused("Ledger-Min-Position", "`Ledger-Min-Position` is a position of the log.")
        kept = [view for view in views if view != EVENTS]
        if not await self._positions.reach(kept, int(wanted), WAIT):
            raise unavailable(f"The views have not reached row {int(wanted)} of the log yet.")

    async def _rendered(self, scope: Scope, question: Question, at: datetime) -> Rendered:
        """From memory, when the views have not moved since; else read, once for all who ask the same."""
        position = self._positions.of(self._views(question))
        if position is None or self.read.fresh:
            return await self._answer(question, at)
        key = (scope["path"], scope["query_string"], question.csv, at, position)
        return await self._cache.get(key, lambda: self._answer(question, at))

    async def _answer(self, question: Question, at: datetime) -> Rendered:
        async with snapshot(self._services.pool, self._views(question)) as seen:
            resolved = await resolve(seen, question, await self._book(seen, question), at)
            asked = Asked(question.query, question.path, resolved.moment, seen, self._services)
            after: Place | int | None
            if isinstance(self.read, Listed):
                found, after = await _page(self.read, asked, question)
            elif isinstance(self.read, Walked):
                found, after = await _walked(self.read, asked, question)
            else:
                found, after = _slice(await self.read.find(asked), question)
        meta = _meta(resolved, found)
        if question.csv:
            rows = found.data if self.read.listed else [found.data]
            return as_csv(self.read.row, rows, meta, _file_name(self.read))
        next = self._next(resolved, question, after)
        return as_json(found.data, next, meta, self.read.listed)

    async def _stream(
        self, read: Listed | Walked, question: Question, at: datetime, send: Send, if_none_match: bytes | None
    ) -> None:
        """A whole list as a file, read from the database as fast as it is taken."""
        async with snapshot(self._services.pool, self._views(question)) as seen:
            moment = (await resolve(seen, question, await self._book(seen, question), at)).moment
            if isinstance(read, Walked):
                asked = Asked(question.query, question.path, moment, seen, self._services)
                rows = _unplaced(await read.begin(asked, _place(question), BATCH))
            else:
                query = read.list.rows(moment, filters(question.query), _place(question), None)
                rows = _shaped(read, seen.stream(query))
            etag = tag(msgspec.json.encode((read.path, question.path, question.query, moment)), b"csv")
            file = File(_file_name(read), read.row, etag, moment.position)
            await send_stream(send, file, rows, if_none_match)

    async def _book(self, seen: Snapshot, question: Question) -> str:
        """The books that are asked: an account of which nothing was ever heard has none."""
        account = question.account or ""
        book = str(Book(account, self._services.livemode))
        if account and not await seen.fetch(sync.heard_of(book)):
            raise Problem(404, f"Nothing was ever heard of an account {account!r}.", parameter="account")
        return book

    def _next(self, resolved: Resolved, question: Question, after: Place | int | None) -> str | None:
        if after is None:
            return None
        moment = resolved.moment
        pattern = "/".join([self.read.path, *question.path.values()])
        start = Cursor(moment.position, moment.at, digest(pattern, question.query))
        if isinstance(after, int):
            return written(replace(start, rows=after))
        return written(replace(start, time=after[0], id=after[1]))


def filters(query: Any) -> dict[str, Any]:
    """What a question asks of rows: the parameters that are given, times as instants (UTC)."""
    given = {
        name: value
        for name, value in msgspec.structs.asdict(query).items()
        if value is not None and name not in Paged.__struct_fields__
    }
    return {
        name: INSTANTS[name](name.rstrip("_"), value) if name in INSTANTS else value
        for name, value in given.items()
    }


async def _page(read: Listed, asked: Asked, question: Question) -> tuple[Found, Place | None]:
    """A page of a list, and the place after which the next one begins, if there is more."""
    limit = question.query.limit or DEFAULT
    query = read.list.rows(asked.moment, filters(asked.query), _place(question), limit + 1)
    rows = await asked.snapshot.fetch(query)
    data = [read.list.shape(row) for row in rows[:limit]]
    return Found(data), read.list.place(data[-1]) if len(rows) > limit else None


async def _walked(read: Walked, asked: Asked, question: Question) -> tuple[Found, Place | None]:
    """As `_page`, of a list that is worked out bit by bit: no further than a page needs."""
    limit, rows = question.query.limit or DEFAULT, list[Placed]()
    async for some in await read.begin(asked, _place(question), limit + 1):
        rows += some
        if len(rows) > limit:
            break
    data = [row for _, row in rows[:limit]]
    return Found(data), rows[limit - 1][0] if len(rows) > limit else None


def _place(question: Question) -> Place | None:
    return question.cursor.place if question.cursor else None


def _slice(found: Found, question: Question) -> tuple[Found, int | None]:
    """The rows of a table that are asked for: all of them, unless there is a limit."""
    limit = question.query.limit if isinstance(question.query, Paged) else None
    start = question.cursor.rows if question.cursor else 0
    if limit is None and not start:
        return found, None
    end = start + limit if limit else len(found.data)
    more = end if end < len(found.data) else None
    return replace(found, data=found.data[start:end]), more


async def _shaped(read: Listed, pages: AsyncIterator[Sequence[Any]]) -> AsyncIterator[Sequence[Any]]:
    async for page in pages:
        yield [read.list.shape(row) for row in page]


async def _unplaced(lines: Lines) -> AsyncIterator[Sequence[Any]]:
    async for some in lines:
        yield [row for _, row in some]


def _meta(resolved: Resolved, found: Found) -> Meta:
    moment = resolved.moment
    notes = (*resolved.notes, *found.notes)
    return Meta(moment.position, moment.at, resolved.known_at, POLICY, found.incomplete, notes)


def _file_name(read: AnyRead) -> str:
    return "-".join(
        part for part in read.path.split("/") if part not in ("", "sys", "api") and "{" not in part
    )
