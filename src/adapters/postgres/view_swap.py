"""How do new tables of views come into the place of those that are read? By their names, in one transaction;
the old ones are put aside, and go after a while.

A reader locks the tables of its views before it takes its snapshot, in the order of their names (see
`http.database`). So it never finds a table whose rows its snapshot does not know. We lock the same in the
same order, and never wait long: those who come behind us wait as long."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_tables import Table, relations

WAITS = (0.2, 0.4, 0.8, 1.5)
"""Seconds that we wait for the locks, again and again: readers behind us wait as long, and must not for two.
The longest is more than `deadlock_timeout`, after which a vacuum gives way."""
PAUSES = (0.5, 0.5, 1, 5)
"""Seconds in which readers go on after each attempt."""
ATTEMPTS = 14
"""A minute's."""
GRACE = 600.0
"""Seconds after which tables go that were put aside."""
OUTLIVED = 86_400.0
"""Seconds after which tables of an older version go that nobody serves any more."""
SERVES = "ledgerstone serves "
"""What is locked for each table that a service serves, by all who do, as long as they live. The log may be
quiet for days, so how long ago it moved a table says nothing."""
BRIEFLY = "set local lock_timeout = '200ms'"
REBUILDING, VERIFYING, REPLAYING = "rebuild", "verification", "replay"
"""Work beside the tables that are read, as it is locked (see `lock`)."""
BESIDE = {REBUILDING: "_new_[0-9]+", VERIFYING: "_verify", REPLAYING: "_replay"}
"""What the names of its tables end with: those of rebuilds have a number each."""
BEGINNING = "_begin"
"""What the names of tables end with while a service begins a view."""


class TablesBusy(Exception):
    """Somebody reads the tables for so long that they cannot be swapped."""


def swap(
    connection: psycopg.Connection[Any],
    tables: Sequence[Table],
    suffixes: tuple[str, str],
    ready: Callable[[Mapping[str, int]], None],
) -> None:
    """Put tables with the first suffix in the place of those with the second, in one transaction. The
    positions of these are locked first, so that no engine moves them while `ready` catches up and compares;
    whoever waits to move them then finds them gone, and begins again."""
    new, read = suffixes
    _analyze(connection, tables, new)
    with connection.transaction():
        _interrupt(connection, tables, suffixes)
        ready(standings(connection, tables, read, "for update"))
        _lock(connection, tables, suffixes)
        for table in tables:
            _put_aside(connection, table, read)
            _take_place(connection, table, new, read)
            connection.execute(RETIRE_OLDER, {"name": table.name})
        connection.execute("notify views")


def _analyze(connection: psycopg.Connection[Any], tables: Sequence[Table], suffix: str) -> None:
    """Have statistics before the first question: PostgreSQL would look in a minute, and until then plans are
    made for tables of which nothing is known."""
    if names := _there(connection, [name + suffix for table in tables for name in relations(table)]):
        connection.execute(sql.SQL("analyze {}").format(_all(names)))


def _interrupt(
    connection: psycopg.Connection[Any], tables: Sequence[Table], suffixes: tuple[str, str]
) -> None:
    """Have no vacuum at work on the tables, nor begin. An automatic one gives way after a second
    (`deadlock_timeout`), for which nobody else waits: who reads and who writes go on. One that somebody
    started is not waited for here."""
    if names := _there(connection, _relations(tables, suffixes)):
        with suppress(psycopg.errors.LockNotAvailable), connection.transaction():
            _lock_within(connection, 5, names, "share update exclusive")


def standings(
    connection: psycopg.Connection[Any], tables: Sequence[Table], suffix: str, hold: str = ""
) -> Mapping[str, int]:
    """How far the tables with a suffix are that there are, by the names without it; nobody moves them in this
    transaction any more where they are to be on `hold` (`for update`)."""
    query = f"select name, position from views.tracking where name = any(%s) order by name {hold}"
    names = {table.name + suffix: table.name for table in tables}
    found = connection.execute(query.encode(), (list(names),)).fetchall()
    return {names[name]: position for name, position in found}


RETIRE_OLDER = (
    "insert into views.retired (name) select name from views.tracking"
    " where name ~ ('^' || regexp_replace(%(name)s, '[0-9]+$', '') || '[0-9]+$')"
    " and regexp_replace(name, '^.*_v', '')::bigint < regexp_replace(%(name)s, '^.*_v', '')::bigint"
    " on conflict (name) do nothing"
)


def _lock(connection: psycopg.Connection[Any], tables: Sequence[Table], suffixes: tuple[str, str]) -> None:
    """Have all tables for us alone, so that their names can change hands: first those that readers lock."""
    first = sorted(table.name + suffixes[1] for table in tables)
    names = _there(connection, [*first, *_relations(tables, suffixes)])
    if not names:
        return
    for attempt in range(ATTEMPTS):
        try:
            with connection.transaction():
                _lock_within(connection, WAITS[min(attempt, 3)], names, "access exclusive")
                return
        except psycopg.errors.LockNotAvailable:
            connection.execute("select pg_sleep(%s)", (PAUSES[min(attempt, 3)],))
    raise TablesBusy(
        f"{', '.join(first)} could not be swapped, since somebody reads them without an end (pg_stat_activity"
        " tells who). Those that are read were kept: rebuild them again"
    )


def _relations(tables: Sequence[Table], suffixes: tuple[str, str]) -> list[str]:
    new, read = suffixes
    return [name + suffix for table in tables for name in relations(table) for suffix in (read, new)]


def _lock_within(
    connection: psycopg.Connection[Any], seconds: float, names: Sequence[str], mode: str
) -> None:
    """Lock tables. What is waited for afterwards, the engine's own window, say, has its time."""
    connection.execute(f"set local lock_timeout = {seconds * 1000:.0f}".encode())
    connection.execute(sql.SQL(f"lock table {{}} in {mode} mode").format(_all(names)))
    connection.execute("set local lock_timeout to default")


def _all(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("views", name) for name in names)


def _put_aside(connection: psycopg.Connection[Any], table: Table, suffix: str) -> None:
    """Give tables another name, under which they go later."""
    connection.execute("delete from views.tracking where name = %s", (table.name + suffix,))
    names = _there(connection, [name + suffix for name in relations(table)])
    if not names:
        return
    query = (
        "insert into views.retired (name) select %(name)s || n from (select"
        " coalesce(max(substring(name from '_old_([0-9]+)$')::bigint), 0) + 1 as n from views.retired"
        " where starts_with(name, %(name)s)) last returning substring(name from '_old_[0-9]+$')"
    )
    (aside,) = connection.execute(query, {"name": f"{table.name}{suffix}_old_"}).fetchone() or ("",)
    for name in names:
        _rename(connection, name, name + aside)


def _take_place(connection: psycopg.Connection[Any], table: Table, new: str, read: str) -> None:
    for name in relations(table):
        _rename(connection, name + new, name + read)
    connection.execute(
        "update views.tracking set name = %s where name = %s", (table.name + read, table.name + new)
    )


def abandoned(connection: psycopg.Connection[Any], work: str = REBUILDING) -> list[str]:
    """Drop what killed work has left; of which views. Whoever calls must be the only one who does it."""
    for name in _named(connection, _beside(work)):
        connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("views", name)))
    gone = connection.execute("delete from views.tracking where name ~ %s returning name", (_beside(work),))
    return [name for (name,) in gone.fetchall()]


def _beside(work: str) -> str:
    return f"^[a-z_]+_v[0-9]+(_[a-z_]+)?{BESIDE[work]}$"


SERVED = (
    "update views.retired r set at = clock_timestamp() where exists (select from pg_locks l"
    " join pg_database d on d.oid = l.database where d.datname = current_database()"
    " and l.locktype = 'advisory' and l.objsubid = 1 and l.granted"
    " and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s || r.name, 0))"
)
"""What is served has only now begun to be read no more."""
MOVED = "update views.retired r set at = t.at from views.tracking t where t.name = r.name and t.at > r.at"
"""And what is still moved: services of before this code lock nothing for what they serve."""
UNFINISHED = "select name from views.tracking where right(name, length(%s)) = %s order by 1"


def sweep(
    connection: psycopg.Connection[Any],
    served: Sequence[str],
    grace: float = GRACE,
    outlived: float = OUTLIVED,
) -> list[str]:
    """Drop tables that are read no more, but those `served`, and what killed work has left; their names.
    Those that are in use stay until the next time."""
    connection.execute(SERVED, [SERVES])
    connection.execute(MOVED)
    over = connection.execute(
        "select name from views.retired where name <> all(%s) and at <= clock_timestamp() - make_interval("
        "secs => case when name ~ '_old_[0-9]+$' then %s::float8 else %s::float8 end) order by at, name",
        (list(served), grace, outlived),
    ).fetchall()
    begun = connection.execute(UNFINISHED, [BEGINNING, BEGINNING]).fetchall()
    left = [name for work in BESIDE for name in _left(connection, work)]
    return left + [name for (name,) in (*begun, *over) if _gone(connection, name)]


def _left(connection: psycopg.Connection[Any], work: str) -> list[str]:
    """Drop what work has left that runs no more: else it would hold its lock. Who begins it now waits until
    we are through, which is why the lock is asked for only where there is something."""
    if not any(_named(connection, _beside(work))):
        return []
    query = "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
    try:
        with connection.transaction():
            connection.execute(BRIEFLY)
            alone = connection.execute(query, [work]).fetchone() == (True,)
            return abandoned(connection, work) if alone else []
    except psycopg.errors.LockNotAvailable:
        return []


def _gone(connection: psycopg.Connection[Any], name: str) -> bool:
    """Drop all tables of a view that are called so, unless somebody serves it, or begins to make it."""
    _, table, aside = re.split("(^[a-z_]+_v[0-9]+)", name, maxsplit=1)
    lock = SERVES + (table if aside == BEGINNING else name)
    try:
        with connection.transaction():
            connection.execute(BRIEFLY)
            query = "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
            if connection.execute(query, [lock]).fetchone() != (True,):
                return False
            for each in _named(connection, f"^{table}(_[a-z_]+)?{aside}$"):
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier("views", each)))
            connection.execute("delete from views.tracking where name = %s", (name,))
            connection.execute("delete from views.retired where name = %s", (name,))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _named(connection: psycopg.Connection[Any], pattern: str) -> Iterator[str]:
    query = "select tablename from pg_tables where schemaname = 'views' and tablename ~ %s order by 1"
    return (name for (name,) in connection.execute(query, (pattern,)).fetchall())


def _there(connection: psycopg.Connection[Any], names: Sequence[str]) -> list[str]:
    query = "select tablename from pg_tables where schemaname = 'views' and tablename = any(%s)"
    there = {name for (name,) in connection.execute(query, (list(names),)).fetchall()}
    return [name for name in names if name in there]


def _rename(connection: psycopg.Connection[Any], name: str, to: str) -> None:
    rename = sql.SQL("alter table {} rename to {}")
    connection.execute(rename.format(sql.Identifier("views", name), sql.Identifier(to)))
