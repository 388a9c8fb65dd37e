"""How does a question become an answer? Resolve one moment, read the views in one snapshot as known there,
and keep the answer for as long as that moment is the latest."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from ledgerstone.http.cache import Cache
from ledgerstone.http.database import Snapshot, snapshot
from ledgerstone.http.errors import Problem, refused, unavailable
from ledgerstone.http.history import History
from ledgerstone.http.moments import Resolved, end_of_second, resolve
from ledgerstone.http.paging import DEFAULT, Cursor, digest, written
from ledgerstone.http.parameters import Paged, exclusive_end, first_instant
from ledgerstone.http.positions import Positions
from ledgerstone.http.questions import (
    Answered,
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
        indexes: Mapping[str, History],
        csv: bool = False,
    ) -> None:
        self.read, self.csv = read, csv
        self.path = f"{read.path}.csv" if csv else read.path
        self._services, self._positions, self._cache = services, positions, cache
        self._indexes = indexes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        question = self._question(scope, headers.get(b"accept", b""))
        if (wanted := headers.get(b"ledger-min-position")) is not None:
            await self._wait_for(self._views(question), wanted)
        await self._prepare()
        at = question.at or end_of_second(self._services.clock())
        if isinstance(self.read, Listed):
            self.read.refuse(question, at)
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
        account = () if question.account is None else (ACCOUNTS,)
        rates = () if getattr(question.query, "convert_to", None) is None else (RATES,)
        return (*views_of(self.read, question), *account, *rates)

    async def _prepare(self) -> None:
        """An index is brought up to date where it is read; that of messages, where it only helps, for a
        moment."""
        read = [self._indexes[name] for name in self.read.views if name in self._indexes]
        for index in read:
            await index.reach()
        if self.read.fresh and not read:
            await self._indexes[EVENTS].glance()

    async def _wait_for(self, views: Sequence[str], wanted: bytes) -> None:
        if not wanted.isdigit() or len(wanted) > 30:
            raise refused("Ledger-Min-Position", "`Ledger-Min-Position` is a position of the log.")
        kept = [view for view in views if view not in self._indexes]
        if views and not kept:
            kept = [ACCOUNTS]  # an index is brought up to the log: all it takes is that there is such a row
        if not await self._positions.reach(kept, int(wanted), WAIT):
            raise unavailable(f"The views have not reached row {int(wanted)} of the log yet.")

    async def _rendered(self, scope: Scope, question: Question, at: datetime) -> Rendered:
        """From memory, when the views have not moved since, or been replaced; else read, once for all who ask
        the same."""
        views = self._views(question)
        position = self._positions.of(views)
        if position is None or self.read.fresh:
            return await self._answer(question, at)
        tables = self._positions.tables(views)
        key = (scope["path"], scope["query_string"], question.csv, at, position, tables)
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
            return as_csv(*_lines(self.read, rows), meta, _file_name(self.read))
        next = self._next(resolved, question, after)
        return as_json(found.data, next, meta, self.read.listed)

    async def _stream(
        self, read: Listed | Walked, question: Question, at: datetime, send: Send, if_none_match: bytes | None
    ) -> None:
        """A whole list as a file, read from the database as fast as it is taken."""
        async with snapshot(self._services.pool, self._views(question)) as seen:
            moment = (await resolve(seen, question, await self._book(seen, question), at)).moment
            row = read.row
            if isinstance(read, Walked):
                asked = Asked(question.query, question.path, moment, seen, self._services)
                rows = _unplaced(await read.begin(asked, _place(question), None))
            else:
                query = read.list.rows(moment, filters(question), _place(question), None)
                rows = _shaped(read, seen.stream(query))
                row = read.file.row if read.file else row
            asked_of = (read.path, question.path, question.query, moment, seen.tables)
            etag = tag(msgspec.json.encode(asked_of), b"csv")
            file = File(_file_name(read), row, etag, moment.position)
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


def views_of(read: AnyRead, question: Question) -> tuple[str, ...]:
    """The views that an answer is made of."""
    if isinstance(read, Walked):
        return read.chosen(question.path, question.query)
    grouped = read.grouped if isinstance(read, Answered) else {}
    return (*read.views, *grouped.get(getattr(question.query, "group_by", None) or "", ()))


def filters(question: Question) -> dict[str, Any]:
    """What a question asks of rows: the parameters that are given, in its path or behind it, times as
    instants (UTC)."""
    given = {
        name: value
        for name, value in msgspec.structs.asdict(question.query).items()
        if value is not None and name not in Paged.__struct_fields__
    }
    return {
        name: INSTANTS[name](name.rstrip("_"), value) if name in INSTANTS else value
        for name, value in (*given.items(), *question.path.items())
    }


async def _page(read: Listed, asked: Asked, question: Question) -> tuple[Found, Place | None]:
    """A page of a list, and the place after which the next one begins, if there is more."""
    limit = question.query.limit or DEFAULT
    query = read.list.rows(asked.moment, filters(question), _place(question), limit + 1)
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
        yield _lines(read, [read.list.shape(row) for row in page])[1]


def _lines(read: AnyRead, rows: Sequence[Any]) -> tuple[type[Struct], Sequence[Any]]:
    """What a file has for these rows: themselves, or the lines that each has."""
    if not isinstance(read, Listed) or read.file is None:
        return read.row, rows
    return read.file.row, [line for row in rows for line in read.file.lines(row)]


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
