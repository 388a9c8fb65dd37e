"""How do rows get into the log? One transaction for all that waits, in two round trips, under one lock.

Either the log is asked first what it knows, then written (`propose`, `write`); or what is remembered is taken
for all there is to know, and the log's own keys say if it was not (`insert_first`, `commit`).

The lock is held through the commit, so the order of positions is the order of commits and a follower can miss
nothing. Positions are counted on from the head under that lock, so there is never a gap."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from ledgerstone.adapters.postgres import arrays
from ledgerstone.adapters.postgres.arrays import Bigints, Byteas, Texts, Uuids
from ledgerstone.ledger.log import Key, Known, Row, Unit, decide_all

ROWS, BYTES = 2_000, 4_000_000
"""Of one statement. Beyond some 9 MB a pipelined message can wait for ever, with the lock in its hand."""

ANSWER = 2.0
"""Seconds to wait for the server's answer to one round trip."""

SETTINGS = {
    # A statement that is prepared while the log is empty keeps its plan when the log has millions of rows:
    # these leave it only the index.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "lock_timeout": "1500ms",
    "idle_in_transaction_session_timeout": "5s",
}


class Connection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: a server that is stopped or unplugged says nothing at all."""

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = ANSWER) -> Any:
        try:
            return super().wait(gen, interval, timeout)
        except _WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer from the database within {ANSWER:.0f} s") from error


def connect(parameters: dict[str, Any]) -> Connection:
    """The writer's connection."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    connection = Connection.connect(
        **{
            **parameters,
            "row_factory": psycopg.rows.tuple_row,
            "autocommit": True,
            "connect_timeout": 2,
            "options": f"{parameters.get('options') or ''} {options}",
        }
    )
    arrays.register(connection)
    return connection


class Statements:
    """The SQL for one table. Columns go as arrays: the library's composite arrays cost three times that."""

    def __init__(self, schema: str, table: str, channel: str) -> None:
        def sql(text: str) -> Composed:
            names = {"log": Identifier(schema, table), "lock": Literal(f"{schema}.{table}")}
            return SQL(text).format(channel=Identifier(channel), **names)

        self.begin = sql("begin isolation level read committed")
        self.lock = sql("select pg_advisory_xact_lock(hashtextextended({lock}, 0))")
        self.head = sql(
            "select coalesce(head.notification_id, 0), greatest(clock_timestamp(), head.recorded_at)"
            " from (select 1) as one left join lateral ("
            " select notification_id, recorded_at from {log} order by notification_id desc limit 1"
            ") as head on true"
        )
        self.known = sql(
            "select asked.n, log.notification_id, log.state"
            " from unnest(%b::uuid[], %b::bigint[]) with ordinality as asked (id, version, n)"
            " join {log} as log on log.originator_id = asked.id and log.originator_version = asked.version"
        )
        self.insert = sql(
            "insert into {log}"
            " (originator_id, originator_version, topic, state, notification_id, recorded_at)"
            " select id, version, topic, state, %b + n, %b"
            " from unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[])"
            " with ordinality as new (id, version, topic, state, n)"
        )
        self.insert_next = sql(
            "with head as materialized (select coalesce(last.notification_id, 0) as position,"
            " greatest(clock_timestamp(), last.recorded_at) as now"
            " from (select 1) as one left join lateral ("
            " select notification_id, recorded_at from {log} order by notification_id desc limit 1"
            ") as last on true"
            "), written as (insert into {log}"
            " (originator_id, originator_version, topic, state, notification_id, recorded_at)"
            " select id, version, topic, state, position + n, now"
            " from head, unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[])"
            " with ordinality as new (id, version, topic, state, n)"
            ") select position, now from head"
        )
        self.landed = sql(
            "select from {log} where notification_id = %b and recorded_at = %b"
            " and originator_id = %b and originator_version = %b"
        )
        self.notify = sql("notify {channel}")


class Proposal(Struct, frozen=True):
    """What a transaction that holds the lock writes after position `head`, what of its units was `known`
    before, and what each unit will be answered when it is committed."""

    head: int
    recorded_at: datetime
    known: Mapping[Key, Known]
    rows: Sequence[Row]
    answers: Sequence[Any]


def propose(connection: Connection, sql: Statements, units: Sequence[Unit[Any]]) -> Proposal:
    """Take the lock, look up what is known, and decide: the first round trip.

    Units may decide for a row that nobody looked up (a conflict, say, which is rare): then that is looked
    up, and everything is decided again."""
    keys = [key for unit in units for key in unit.keys]
    with connection.pipeline():
        connection.execute(sql.begin, prepare=True)
        connection.execute(sql.lock, prepare=True)
        head = connection.cursor(binary=True).execute(sql.head, prepare=True)
        found = _look_up(connection, sql, keys)
    position, recorded_at = head.fetchone() or (0, None)
    known, asked = dict(_known(keys, found)), set(keys)
    while True:
        rows, answers = decide_all(units, known, position + 1)
        keys = [row.key for row in rows if row.key not in asked]
        if not keys:
            return Proposal(position, recorded_at, known, rows, answers)
        known.update(_known(keys, _look_up(connection, sql, keys)))
        asked.update(keys)


def write(connection: Connection, sql: Statements, proposal: Proposal) -> None:
    """Insert, notify and commit: the second round trip."""
    if not proposal.rows:
        connection.execute("commit")
        return
    slices = list(_slices(proposal.rows))
    with connection.pipeline() if len(slices) == 1 else nullcontext():
        head = proposal.head
        for rows in slices:
            _insert(connection, sql, head, proposal.recorded_at, rows)
            head += len(rows)
        connection.execute(sql.notify)
        connection.execute("commit")


def insert_first(
    connection: Connection, sql: Statements, units: Sequence[Unit[Any]], known: Mapping[Key, Known], head: int
) -> Proposal | None:
    """Decide by what is remembered, take the lock and insert: the first round trip. `commit` is the second.

    None, and nothing is done, where the log knows more than we: it refuses a key that it has. The rows are
    numbered from its head, whatever was thought to be that."""
    rows, answers = decide_all(units, known, head + 1)
    if len(list(_slices(rows))) > 1:
        return None
    try:
        with connection.pipeline():
            connection.execute(sql.begin, prepare=True)
            connection.execute(sql.lock, prepare=True)
            inserted = connection.cursor(binary=True).execute(sql.insert_next, _columns(rows), prepare=True)
            connection.execute(sql.notify)
    except psycopg.errors.UniqueViolation:
        connection.execute("rollback")
        return None
    position, recorded_at = inserted.fetchone() or (0, None)
    if position != head:  # another process wrote in between: the answers tell other positions
        answers = decide_all(units, known, position + 1)[1]
    return Proposal(position, recorded_at, known, rows, answers)


def commit(connection: Connection, sql: Statements, proposal: Proposal) -> None:
    """Commit what was inserted."""
    connection.execute("commit")


def landed(connection: Connection, sql: Statements, proposal: Proposal) -> bool:
    """Whether a proposal was committed, after a connection died that should have told.

    Asked under the lock: its transaction may still be at work. The first row stands for all."""
    if not proposal.rows:
        return True
    stream, version = proposal.rows[0].key
    first = (proposal.head + 1, proposal.recorded_at, UUID(bytes=stream), version)
    with connection.transaction():
        connection.execute(sql.lock, prepare=True)
        return connection.execute(sql.landed, first).rowcount == 1


def _look_up(connection: Connection, sql: Statements, keys: Sequence[Key]) -> psycopg.Cursor[TupleRow]:
    columns = Uuids([key[0] for key in keys]), Bigints([key[1] for key in keys])
    return connection.cursor(binary=True).execute(sql.known, columns, prepare=True)


def _known(keys: Sequence[Key], found: psycopg.Cursor[TupleRow]) -> Iterator[tuple[Key, Known]]:
    return ((keys[n - 1], Known(position, state)) for n, position, state in found.fetchall())


def _insert(
    connection: Connection, sql: Statements, head: int, recorded_at: datetime, rows: Sequence[Row]
) -> None:
    values = (head, recorded_at, *_columns(rows))
    connection.cursor(binary=True).execute(sql.insert, values, prepare=True)


def _columns(rows: Sequence[Row]) -> tuple[Uuids, Bigints, Texts, Byteas]:
    return (
        Uuids([row.key[0] for row in rows]),
        Bigints([row.key[1] for row in rows]),
        Texts([row.topic for row in rows]),
        Byteas([row.state for row in rows]),
    )


def _slices(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = size = 0
    for end, row in enumerate(rows):
        if end > start and (end - start == ROWS or size + len(row.state) > BYTES):
            yield rows[start:end]
            start, size = end, 0
        size += len(row.state)
    yield rows[start:]
