"""Are two builds of a view's tables the same? By count and digest; where those differ, row by row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.view_blocks import Check, checks, heads
from ledgerstone.adapters.postgres.view_tables import Table, contents

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
    where a head or a block is not the sum of its deltas: a line a row, at most `NAMED` of a kind."""
    with connection.transaction():
        connection.execute(WHOLE)
        for table in tables:
            for name, query in contents(table):
                here, there = (sql.SQL(query).format(sql.Identifier("views", name + s)) for s in suffixes)
                if _digest(connection, here, position) != _digest(connection, there, position):
                    yield from _unlike(connection, name + suffixes[0], here, there, {"p": position})
            # Their blocks and deltas are alike by now: what is the sum in the one is so in the other.
            yield from _unsummed(connection, checks(table, suffixes[0], position))
            yield from _unsummed(connection, heads(table, suffixes[1]))


def _unsummed(connection: psycopg.Connection[Any], checks: Iterable[Check]) -> Iterator[str]:
    """What is kept of summaries, each beside what it must be as of one snapshot: an engine may be at work."""
    for check in checks:
        kept, summed = sql.SQL(check.kept), sql.SQL(check.summed)
        query = sql.SQL(
            "select k.rows = s.rows and k.digest is not distinct from s.digest from ({}) k, ({}) s"
        ).format(_digested(kept), _digested(summed))
        if connection.execute(query, check.given).fetchone() != (True,):
            yield from _unlike(connection, check.name, summed, kept, check.given)


def _digest(
    connection: psycopg.Connection[Any], contents: sql.Composable, position: int
) -> tuple[Any, ...] | None:
    """How many rows, and the sum of a hash of each: equal for equal rows in any order. That others give the
    same sum is one chance in 2^64; sorting both sides to be sure would double a rebuild's time."""
    return connection.execute(_digested(contents), {"p": position}).fetchone()


def _digested(contents: sql.Composable) -> sql.Composed:
    query = "select count(*) as rows, sum(hash_record_extended(d, 0)::numeric) as digest from ({}) d"
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
