"""Where is the index of postings kept? In tables beside those of the views, at a position of its own.

Legs are copied as they are. Sums are kept by account, currency and day or month: of the whole log (`head`),
and of blocks of positions on three levels, which are made when the log has passed them and never change. What
was known at any position is a few blocks of each level and the legs behind them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Protocol
from uuid import UUID

import psycopg

from ledgerstone.adapters.postgres.event_index import BEGIN, MOVE
from ledgerstone.adapters.postgres.view_layout import LOCK, connect
from ledgerstone.adapters.postgres.view_tables import Column, copy_in

LEGS: tuple[Column, ...] = (
    ("book", "text"),
    ("day", "date"),
    ("position", "bigint"),
    ("line", "bigint"),
    ("account", "text"),
    ("of", "text"),
    ("currency", "text"),
    ("amount", "bigint"),
)
ENTRIES = ("book", "day", "position", "first", "count", "evidence")
CLOSED: tuple[Column, ...] = (("book", "text"), ("position", "bigint"), ("through", "date"))

CREATE = """
    create table views.{name} (book text not null, day date not null, position bigint not null,
        line bigint not null, account text collate "C" not null, "of" text collate "C" not null,
        currency text collate "C" not null, amount bigint not null);
    create unique index on views.{name} (position, line);
    create index on views.{name} (book, account, day, position, line) include (currency, amount);
    create index on views.{name} (book, "of", day, position, line);
    create table views.{name}_entry (book text not null, day date not null, position bigint not null,
        first bigint not null, count bigint not null, evidence bigint);
    create unique index on views.{name}_entry (book, day, position);
    create table views.{name}_closed (book text not null, position bigint not null, through date);
    create unique index on views.{name}_closed (book, position);
    create table views.{name}_head (book text not null, monthly boolean not null, day date not null,
        account text collate "C" not null, currency text collate "C" not null,
        debit bigint not null, credit bigint not null);
    create unique index on views.{name}_head (book, monthly, day, account, currency);
    create table views.{name}_block (book text not null, level bigint not null, monthly boolean not null,
        bucket bigint not null, day date not null,
        account text collate "C" not null, currency text collate "C" not null,
        debit bigint not null, credit bigint not null);
    create unique index on views.{name}_block (book, level, monthly, bucket, day, account, currency)
        include (debit, credit);
    create index on views.{name}_block ((4 * bucket + level));
"""
"""The last index finds the blocks below one, whatever their book. It is over an expression, so that no read
takes it for its own while nothing is known yet of a table that was just filled."""
ENTER = (
    "insert into views.{name}_entry (book, day, position, first, count, evidence)"
    " select u.book, u.day, u.position, u.first, u.count, e.notification_id"
    " from unnest(%s::text[], %s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::uuid[])"
    " u (book, day, position, first, count, stream)"
    " left join stored_events e on e.originator_id = u.stream and e.originator_version = 1"
)
"""The evidence of an entry is looked up by its stream, where it is unique."""
SUMMED = (
    "select book, monthly, case when monthly then date_trunc('month', day)::date else day end,"
    " account, currency, coalesce(sum(amount) filter (where amount > 0), 0)::bigint as debit,"
    " coalesce(-sum(amount) filter (where amount < 0), 0)::bigint as credit"
    " from views.{name} cross join (values (true), (false)) grains (monthly)"
    " where position > %(after)s and position <= %(upto)s group by 1, 2, 3, 4, 5"
)
HEAD = (
    f"insert into views.{{name}}_head as h (book, monthly, day, account, currency, debit, credit) {SUMMED}"
    " on conflict (book, monthly, day, account, currency)"
    " do update set debit = h.debit + excluded.debit, credit = h.credit + excluded.credit"
)
BLOCK = "insert into views.{name}_block (level, bucket, book, monthly, day, account, currency, debit, credit)"
FIRST = f"{BLOCK} select %(level)s, %(bucket)s, * from ({SUMMED}) legs"
HIGHER = (
    f"{BLOCK} select %(level)s, %(bucket)s, book, monthly, day, account, currency, sum(debit), sum(credit)"
    " from views.{name}_block where level = %(level)s - 1"
    " and 4 * bucket + level >= 4 * %(first)s + %(level)s - 1 and 4 * bucket + level < 4 * %(end)s"
    " group by book, monthly, day, account, currency"
)
CLOSED_LAST = "select distinct on (book) book, through from views.{name}_closed order by book, position desc"
TOTALS = (
    "select book, account, currency, day, coalesce(sum(amount) filter (where amount > 0), 0)::bigint,"
    " coalesce(-sum(amount) filter (where amount < 0), 0)::bigint"
    " from views.{name} where position <= %(position)s{of} group by book, account, currency, day"
)
OF_BOOK = " and book = %(book)s"
HELD = (
    "select book, monthly, day, account, currency, debit::numeric, credit::numeric from views.{name}_head"
    " where debit <> 0 or credit <> 0"
)
IN_ALL = (
    "select book, monthly, case when monthly then date_trunc('month', day)::date else day end,"
    " account, currency, coalesce(sum(amount) filter (where amount > 0), 0),"
    " coalesce(-sum(amount) filter (where amount < 0), 0)"
    " from views.{name} cross join (values (true), (false)) grains (monthly) group by 1, 2, 3, 4, 5"
)
IN_BLOCKS = (
    "select book, bucket, monthly, day, account, currency, debit::numeric, credit::numeric"
    " from views.{name}_block where level = {level}"
)
BY_BLOCK = (
    "select book, (position - 1) / {span}, monthly,"
    " case when monthly then date_trunc('month', day)::date else day end, account, currency,"
    " coalesce(sum(amount) filter (where amount > 0), 0),"
    " coalesce(-sum(amount) filter (where amount < 0), 0)"
    " from views.{name} cross join (values (true), (false)) grains (monthly)"
    " where position <= (select position / {span} * {span} from views.tracking where name = '{name}')"
    " group by 1, 2, 3, 4, 5, 6"
)
DIFFER = (
    "with kept as ({kept}), summed as ({summed}) select distinct book, account, currency, day from"
    " ((table kept except all table summed) union all (table summed except all table kept)) differing"
    " ({columns}) order by book, account, currency, day"
)
"""One statement, so that both sides are of one moment."""


class Entry(Protocol):
    """What a row puts into one day's books."""

    @property
    def book(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def position(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def evidence(self) -> UUID | None: ...


class Pages(Protocol):
    """What is added: entries, and rows that have the columns of `LEGS` and `CLOSED`."""

    @property
    def upto(self) -> int: ...
    @property
    def entries(self) -> Sequence[Entry]: ...
    @property
    def legs(self) -> Sequence[Any]: ...
    @property
    def closings(self) -> Sequence[Any]: ...


class PostingIndex:
    """The tables that begin with `name`, over one connection. `spans` are how many positions a block of each
    level has, each a multiple of the one before. Not for several threads at once."""

    def __init__(self, dsn: str, name: str, spans: Sequence[int]) -> None:
        self._dsn, self._name, self._spans = dsn, name, spans
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def position(self) -> int:
        """How far the index is; tables that are missing are made, at 0."""
        connection, query = self._open(), "select position from views.tracking where name = %s"
        if (row := connection.execute(query, [self._name]).fetchone()) is None:
            with connection.transaction():
                connection.execute(LOCK)
                if connection.execute(BEGIN, [self._name]).rowcount:
                    connection.execute(self._said(CREATE))
            row = connection.execute(query, [self._name]).fetchone()
        return int(row[0]) if row else 0

    def reached(self) -> int | None:
        """How far the index is; None where there is none, and then none is made."""
        query = "select position from views.tracking where name = %s"
        row = self._open().execute(query, [self._name]).fetchone()
        return None if row is None else int(row[0])

    def totals(self, position: int, book: str | None = None) -> dict[Any, tuple[int, ...]]:
        """Debits and credits of the legs up to a position, of one book or of all, by book, account, currency
        and day."""
        statement = TOTALS.format(name=self._name, of=OF_BOOK if book is not None else "")
        rows = self._open().execute(statement, {"position": position, "book": book}).fetchall()
        return {tuple(row[:4]): tuple(row[4:]) for row in rows}

    def faults(self) -> Iterator[tuple[str, str, str, str, date]]:
        """Sums that are not those of the legs: what they are, book, account, currency, day (the first of the
        month where they are of a month)."""
        columns = "monthly, day, account, currency, debit, credit"
        asked = [("sums", HELD, IN_ALL, f"book, {columns}")]
        for level, span in enumerate(self._spans):
            numbers = {"name": self._name, "level": level, "span": span}
            kept, summed = IN_BLOCKS.format_map(numbers), BY_BLOCK.format_map(numbers)
            asked.append((f"sums by {span:,} positions", kept, summed, f"book, bucket, {columns}"))
        for kind, kept, summed, named in asked:
            statement = DIFFER.format(kept=kept, summed=summed, columns=named).format(name=self._name)
            for row in self._open().execute(statement).fetchall():
                yield kind, *row

    def closed(self) -> dict[str, date | None]:
        """The last closed day of each book that has closed one, as of the index's position."""
        return dict(self._open().execute(self._said(CLOSED_LAST)).fetchall())

    def write(self, expected: int, pages: Pages) -> bool:
        """Add lines and go from `expected` to `upto`, in one transaction; False, and nothing is done, when it
        is elsewhere by now."""
        connection = self._open()
        with connection.transaction() as transaction:
            # What is lost with the machine is found in the log again, together with the position.
            if not connection.execute(MOVE, [pages.upto, pages.upto, self._name, expected]).rowcount:
                raise psycopg.Rollback(transaction)
            self._copy(connection, self._name, LEGS, pages.legs)
            self._copy(connection, f"{self._name}_closed", CLOSED, pages.closings)
            if pages.entries:
                columns = [[getattr(entry, name) for entry in pages.entries] for name in ENTRIES]
                connection.execute(self._said(ENTER), columns)
            connection.execute(self._said(HEAD), {"after": expected, "upto": pages.upto})
            for statement, given in _blocks(self._spans, expected, pages.upto):
                connection.execute(self._said(statement), given)
            connection.execute("notify views")
            return True
        return False

    def _copy(
        self, connection: psycopg.Connection[Any], table: str, columns: Sequence[Column], rows: Any
    ) -> None:
        with connection.cursor().copy(copy_in(table, tuple(columns))) as copy:
            copy.set_types([kind for _, kind in columns])
            for row in rows:
                copy.write_row([getattr(row, name) for name, _ in columns])

    def _said(self, statement: str) -> str:
        return statement.format(name=self._name)

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = connect(self._dsn)
        return self._connection


def _blocks(spans: Sequence[int], after: int, upto: int) -> Iterable[tuple[str, dict[str, int]]]:
    """How the blocks are made that are complete now and were not before, lower levels first."""
    for level, span in enumerate(spans):
        for bucket in range(after // span, upto // span):
            given = {"level": level, "bucket": bucket}
            if level == 0:
                yield FIRST, {**given, "after": bucket * span, "upto": (bucket + 1) * span}
            else:
                times = span // spans[level - 1]
                yield HIGHER, {**given, "first": bucket * times, "end": (bucket + 1) * times}
