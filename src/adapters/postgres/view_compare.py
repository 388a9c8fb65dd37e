"""Are two builds of a view's tables the same? By count and digest; where those differ, key by key.

All is compared of which it can be said how it was at the position: what is shown, with its places, what was
heard, and what was summed up. States and edges are kept as they are now, and so compared of those keys that
neither side has moved since; and sums without a history, where neither is further. Two builds may part what a
key heard into other rows, and keep cells of a summary at zero, or none."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_blocks import Check, blocks, heads
from ledgerstone.adapters.postgres.view_tables import (
    AMPLE,
    HASH,
    Table,
    added_up,
    added_up_now,
    by_key,
    by_key_now,
)

NAMED = 10
"""Keys or rows that are named of each kind of difference within a version."""
LISTED = 1_000
"""Keys that are listed of a new version's differences."""
DAMAGED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedFile,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
)
"""What somebody, or a disk, has done to a table."""
WHOLE = (
    f"set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on; {AMPLE}"
)
"""For what reads whole tables."""

Key = tuple[str, str]
Line = Mapping[str, Any]
Sides = tuple[Sequence[Line], Sequence[Line]]
"""The rows of a key here and there, in the order in which they became known."""
Pair = tuple[sql.Composable, sql.Composable]
"""The same question to one build and to the other."""


def differences(
    connection: psycopg.Connection[Any],
    tables: Sequence[Table],
    suffixes: tuple[str, str],
    position: int,
) -> Iterator[str]:
    """How tables with the first suffix differ from those with the second, both as known at `position`, and
    where a head is not what its blocks and deltas add up to: a line for a key or a row, at most `NAMED` of a
    kind, and how many there are."""
    with connection.transaction():
        connection.execute(WHOLE)
        for table in tables:
            try:
                with connection.transaction():
                    found = list(_of_table(connection, table, suffixes, position))
            except DAMAGED as error:
                found = [f"{table.name} cannot be compared: {_first_line(error)}"]
            yield from found


def unsummed(
    connection: psycopg.Connection[Any], tables: Sequence[Table], suffix: str, position: int
) -> Iterator[str]:
    """Where a block of tables, up to a position, is not the sum of its deltas: a line a row."""
    with connection.transaction():
        connection.execute(WHOLE)
        for table in tables:
            yield from _unsummed(connection, blocks(table, suffix, position))


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]


def _of_table(
    connection: psycopg.Connection[Any], table: Table, suffixes: tuple[str, str], position: int
) -> Iterator[str]:
    for name, pair, digest in _keys(table, suffixes):
        if not _alike(connection, pair, position, digest):
            yield from _unlike_keys(connection, name, pair, position)
    for name, pair in _sums(table, suffixes):
        if not _alike(connection, pair, position):
            yield from _unlike(connection, name + suffixes[0], *pair, {"p": position})
    for suffix in suffixes:
        yield from _unsummed(connection, heads(table, suffix))


def _keys(table: Table, suffixes: tuple[str, str]) -> Iterator[tuple[str, Pair, str]]:
    """What is compared key by key: names of tables, what to ask of both builds, and a hash of a row of it."""
    for name, query, digest in by_key(table):
        yield name, _of_both(query, name, suffixes), digest
    for name, query in by_key_now(table):
        here, there = _of_both(query, name, suffixes)
        yield name, (_unmoved(here, table, suffixes), _unmoved(there, table, suffixes)), HASH


def _sums(table: Table, suffixes: tuple[str, str]) -> Iterator[tuple[str, Pair]]:
    """The same of what is summed up."""
    for name, query in added_up(table):
        yield name, _of_both(query, name, suffixes)
    for name, query in added_up_now(table):
        is_there = " and ".join(f"({_place(table, suffix)}) = %(p)s" for suffix in suffixes)
        yield name, _of_both(f"select * from ({query}) d where {is_there}", name, suffixes)


def _of_both(query: str, name: str, suffixes: tuple[str, str]) -> Pair:
    here, there = (sql.SQL(query).format(sql.Identifier("views", name + suffix)) for suffix in suffixes)
    return here, there


def _unmoved(query: sql.Composable, table: Table, suffixes: tuple[str, str]) -> sql.Composed:
    """What a query says of those keys that have heard and shown nothing since in either build. Most often
    these are all, and then nothing is joined: the planner cannot know that it would leave nothing out."""
    return sql.SQL(
        "with moved as materialized ({moved} union all {also}) select * from ({query}) d where not {some}"
        " union all select * from ({query}) d where {some}"
        " and not exists (select from moved m where m.book = d.book and m.key = d.key)"
    ).format(
        moved=_moved(table, suffixes[0]),
        also=_moved(table, suffixes[1]),
        query=query,
        some=sql.SQL("(select exists (select from moved))"),
    )


def _moved(table: Table, suffix: str) -> sql.Composed:
    """The keys that have; none are looked for where the table is not further."""
    further = f"({_place(table, suffix)}) > %(p)s"
    return sql.SQL(
        f"select book, key from {{}} where {further} and positions[cardinality(positions)] > %(p)s"
        f" union all select book, key from {{}} where {further} and (known_from > %(p)s or known_to > %(p)s)"
    ).format(*(sql.Identifier("views", table.name + part + suffix) for part in ("_heard", "")))


def _place(table: Table, suffix: str) -> str:
    return f"select position from views.tracking where name = '{table.name}{suffix}'"


def revised(
    connection: psycopg.Connection[Any], tables: Sequence[Table], suffix: str
) -> Iterator[dict[str, Any]]:
    """How what tables of a new version show differs from what the latest version before shows, both as known
    at the first position that both have. For each table `table`, `before`, `position`, `columns` that are
    new (`added`) and no more (`gone`), how many keys are `differing`, and `keys`: the first
    `LISTED` of them, with the columns in which they differ. Where the one before is damaged, and
    cannot be compared, `incomparable` says how."""
    with connection.transaction():
        connection.execute(WHOLE)
        for table in tables:
            if (before := _before(connection, table)) is None:
                continue
            try:
                with connection.transaction():
                    found = _revised(connection, table, table.name + suffix, before)
            except DAMAGED as error:
                found = _incomparable(table, before, _first_line(error))
            yield found


def _incomparable(table: Table, before: str, why: str) -> dict[str, Any]:
    named = {"table": table.name, "before": before, "position": 0}
    return {**named, "columns": {}, "differing": 0, "keys": [], "incomparable": why}


def _before(connection: psycopg.Connection[Any], table: Table) -> str | None:
    """The latest version before this one that has tables, unless this version has some that are read."""
    view, _, version = table.name.rpartition("_v")
    names = connection.execute(
        "select name from views.tracking where name ~ %s", (f"^{re.escape(view)}_v[0-9]+$",)
    ).fetchall()
    versions = [int(name.rpartition("_v")[2]) for (name,) in names]
    older = [one for one in versions if one < int(version)]
    return f"{view}_v{max(older)}" if older and int(version) not in versions else None


def _revised(connection: psycopg.Connection[Any], table: Table, new: str, before: str) -> dict[str, Any]:
    query = "select min(position) from views.tracking where name in (%s, %s)"
    (position,) = connection.execute(query, (new, before)).fetchone() or (0,)
    had, has = _columns(connection, before), [name for name, _ in table.columns]
    shared = [name for name in has if name in had]
    here, there = (_shown(name, shared) for name in (new, before))
    count, keys = _differing(connection, (here, there), position, LISTED)
    sides = _sides(connection, (here, there), position, keys)
    listed = [{"book": key[0], "key": key[1], **_how(sides[key], shared)} for key in keys]
    return {
        "table": table.name,
        "before": before,
        "position": position,
        "columns": {"added": [n for n in has if n not in had], "gone": [n for n in had if n not in has]},
        "differing": count,
        "keys": listed,
    }


def _shown(name: str, columns: Sequence[str]) -> sql.Composable:
    """What a table shows as known at a position."""
    named = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(column)) for column in columns)
    return sql.SQL(
        "select book, key{} from {} where known_from <= %(p)s and (known_to is null or known_to > %(p)s)"
    ).format(named, sql.Identifier("views", name))


def _columns(connection: psycopg.Connection[Any], name: str) -> list[str]:
    """What a view says of itself in its table."""
    found = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'views' and table_name = %s"
        " and column_name not in ('book', 'key', 'place', 'known_from', 'known_to')"
        " order by ordinal_position",
        (name,),
    ).fetchall()
    return [column for (column,) in found]


def _how(sides: Sides, columns: Sequence[str]) -> dict[str, Any]:
    """In what the rows of a key differ from those that there were."""
    here, there = sides
    if not there:
        return {"change": "added"}
    if not here:
        return {"change": "gone"}
    if len(here) != len(there):
        return {"change": "changed", "rows": [len(there), len(here)]}
    differ = [c for c in columns if any(a[c] != b[c] for a, b in zip(here, there, strict=True))]
    return {"change": "changed", "columns": differ}


def _unlike_keys(
    connection: psycopg.Connection[Any],
    name: str,
    queries: Pair,
    position: int,
) -> Iterator[str]:
    """The keys whose rows differ: a line each, with the first column that does."""
    count, keys = _differing(connection, queries, position, NAMED)
    sides = _sides(connection, queries, position, keys)
    for key in keys:
        if any(sides[key]):
            yield f"{name} {' '.join(key)}: {_first_difference(sides[key])}"
    if count > len(keys):
        yield f"{name}: … and {count - len(keys):,} keys more"


def _first_difference(sides: Sides) -> str:
    here, there = sides
    for new, old in zip(here, there, strict=False):
        for column, value in new.items():
            if value != old[column]:
                since = old.get("known_from")
                at = "" if column == "known_from" or since is None else f" (known from {since})"
                return f"{column} is {_said(old[column])}{at}, and was rebuilt as {_said(value)}"
    more, where = (here, "rebuilt") if len(here) > len(there) else (there, "read")
    row = more[min(len(here), len(there))]
    said = {name: _said(value) if isinstance(value, bytes) else value for name, value in row.items()}
    return f"this row is only {where}: {said}"


def _said(value: Any) -> str:
    """A value, or of a state how long it is and which."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes ({blake2b(value, digest_size=4).hexdigest()})"
    return repr(value) if isinstance(value, str) else str(value)


def _differing(
    connection: psycopg.Connection[Any],
    queries: Pair,
    position: int,
    most: int,
) -> tuple[int, list[Key]]:
    """How many keys have rows that only one of two queries has, and the first of them."""
    query = sql.SQL(
        "select book, key, count(*) over () from ((({here}) except all ({there}))"
        " union all (({there}) except all ({here}))) d group by book, key order by book, key limit {most}"
    ).format(here=queries[0], there=queries[1], most=most)
    found = connection.execute(query, {"p": position}).fetchall()
    return (found[0][2] if found else 0), [(book, key) for book, key, _ in found]


def _sides(
    connection: psycopg.Connection[Any],
    queries: Pair,
    position: int,
    keys: Sequence[Key],
) -> Mapping[Key, Sides]:
    """The rows of some keys in each of two queries."""
    found: dict[Key, tuple[list[Line], list[Line]]] = {key: ([], []) for key in keys}
    books, ids = [book for book, _ in keys], [id for _, id in keys]
    for side, rows_of in enumerate(queries):
        query = sql.SQL(
            "select d.* from ({}) d join unnest(%(books)s::text[], %(ids)s::text[]) u (book, key)"
            " on d.book = u.book and d.key = u.key"
        ).format(rows_of)
        with connection.cursor() as cursor:
            cursor.execute(query, {"p": position, "books": books, "ids": ids})
            names = [column.name for column in cursor.description or ()]
            for row in cursor.fetchall():
                found[row[0], row[1]][side].append(dict(zip(names[2:], row[2:], strict=True)))
    for sides in found.values():
        for rows in sides:
            rows.sort(key=lambda row: (row.get("known_from", row.get("at", 0)), repr(row)))
    return found


def _unsummed(connection: psycopg.Connection[Any], checks: Iterable[Check]) -> Iterator[str]:
    """What is kept of summaries, each beside what it must be as of one snapshot: an engine may be at work."""
    for check in checks:
        kept, summed = sql.SQL(check.kept), sql.SQL(check.summed)
        query = sql.SQL(
            "select k.rows = s.rows and k.digest is not distinct from s.digest from ({}) k, ({}) s"
        ).format(_digested(kept), _digested(summed))
        if connection.execute(query, check.given).fetchone() != (True,):
            yield from _unlike(connection, check.name, summed, kept, check.given)


def _alike(connection: psycopg.Connection[Any], pair: Pair, position: int, digest: str = HASH) -> bool:
    """Whether two queries have the same rows, in any order, as of one snapshot: as many, and the sum of a
    hash of each. That others give the same sum is one chance in 2^64; sorting both to be sure would double a
    rebuild's time."""
    query = sql.SQL(
        "select h.rows = t.rows and h.digest is not distinct from t.digest from ({}) h, ({}) t"
    ).format(*(_digested(contents, digest) for contents in pair))
    return connection.execute(query, {"p": position}).fetchone() == (True,)


def _digested(contents: sql.Composable, digest: str = HASH) -> sql.Composed:
    query = f"select count(*) as rows, sum({digest}) as digest from ({{}}) d"
    return sql.SQL(query).format(contents)


def _unlike(
    connection: psycopg.Connection[Any],
    name: str,
    here: sql.Composable,
    there: sql.Composable,
    given: Mapping[str, int],
) -> list[str]:
    """The rows that only one of two queries has."""
    found: list[str] = []
    for mark, one, two in (("only in", here, there), ("missing in", there, here)):
        query = sql.SQL("select * from (({}) except all ({})) d limit {}").format(one, two, NAMED)
        lines = connection.execute(query, given).fetchall()
        found += [f"{mark} {name}: {line}" for line in lines]
    return found
