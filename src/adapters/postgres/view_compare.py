"""Are two builds of a view's tables the same? By count and digest; where those differ, row by row."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_tables import Table, contents, heads

NAMED = 10
"""Rows that are named of each kind of difference."""
WHOLE = "set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on"
"""For what reads whole tables."""


def differences(
    connection: psycopg.Connection[Any],
    tables: Sequence[Table],
    suffixes: tuple[str, str],
    position: int,
) -> Iterator[str]:
    """How tables with the first suffix differ from those with the second, both as known at `position`, and
    where a head is not the sum of its deltas: a line a row, at most `NAMED` of a kind."""
    with connection.transaction():
        connection.execute(WHOLE)
        for table in tables:
            for name, query in contents(table):
                here, there = (sql.SQL(query).format(sql.Identifier("views", name + s)) for s in suffixes)
                if _digest(connection, here, position) != _digest(connection, there, position):
                    yield from _unlike(connection, name + suffixes[0], here, there, position)
            for suffix in suffixes:
                yield from _unsummed(connection, table, suffix, position)


def _unsummed(connection: psycopg.Connection[Any], table: Table, suffix: str, position: int) -> Iterator[str]:
    for name, head, deltas in heads(table):
        kept = sql.SQL(head).format(sql.Identifier("views", f"{name}_head{suffix}"))
        summed = sql.SQL(deltas).format(sql.Identifier("views", f"{name}_delta{suffix}"))
        if _digest(connection, kept, position) != _digest(connection, summed, position):
            yield from _unlike(connection, f"the deltas of {name}{suffix}", summed, kept, position)


def _digest(
    connection: psycopg.Connection[Any], contents: sql.Composable, position: int
) -> tuple[Any, ...] | None:
    """How many rows, and the sum of a hash of each: equal for equal rows in any order. That others give the
    same sum is one chance in 2^64; sorting both sides to be sure would double a rebuild's time."""
    query = sql.SQL("select count(*), sum(hash_record_extended(d, 0)::numeric) from ({}) d")
    return connection.execute(query.format(contents), {"p": position}).fetchone()


def _unlike(
    connection: psycopg.Connection[Any],
    name: str,
    here: sql.Composable,
    there: sql.Composable,
    position: int,
) -> list[str]:
    """The rows that only one of two queries has."""
    found: list[str] = []
    for mark, one, two in (("only in", here, there), ("missing in", there, here)):
        query = sql.SQL("select * from (({}) except all ({})) d limit {}").format(one, two, NAMED)
        lines = connection.execute(query, {"p": position}).fetchall()
        found += [f"{mark} {name}: {line}" for line in lines]
    return found
