"""How do rows get into the log? One transaction for all that waits, in two round trips, under one lock.

Either the log is asked first what it knows, then written (`propose`, `write`); or what is remembered is taken
for all there is to know, and the log's own keys say if it was not (`insert_first`, `commit`).

The lock is held through the commit, so the order of positions is the order of commits and a follower can miss
nothing. Positions are counted on from the head under that lock, so there is never a gap."""

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct as Layout
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.pq.abc import PGresult
from psycopg.sql import SQL, Identifier, Literal

from ledgerstone.adapters.postgres.arrays import bigints, byteas, texts, uuids
from ledgerstone.adapters.postgres.line import Asked, Line, Statement
from ledgerstone.ledger.log import Key, Known, Row, Unit, decide_all

ROWS, BYTES = 2_000, 4_000_000
"""Of one statement."""

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

_BIGINT = Layout("!q")

_HEAD = (
    "select coalesce(last.notification_id, 0) as position,"
    " greatest(clock_timestamp(), last.recorded_at) as now"
    " from (select 1) as one left join lateral ("
    " select notification_id, recorded_at from {log} order by notification_id desc limit 1"
    ") as last on true"
)
_INSERT = (
    "insert into {log}"
    " (originator_id, originator_version, topic, state, brief, notification_id, recorded_at)"
    " select id, version, topic, state, nullif(brief, ''),"
)
_NEW = (
    "unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])"
    " with ordinality as new (id, version, topic, state, brief, n)"
)


def connect(parameters: dict[str, Any], sql: "Statements") -> Line:
    """The writer's line to the database."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    connection = psycopg.connect(
        **{
            **parameters,
            "autocommit": True,
            "connect_timeout": 2,
            "options": f"{parameters.get('options') or ''} {options}",
        }
    )
    return Line(connection, sql.all)


class Statements:
    """The SQL for one table. Columns go as arrays: the library's composite arrays cost three times that."""

    def __init__(self, schema: str, table: str, channel: str) -> None:
        self.all: list[Statement] = []
        self._names = {
            "log": Identifier(schema, table),
            "lock": Literal(f"{schema}.{table}"),
            "channel": Identifier(channel),
        }
        self.begin = self._named("begin", "begin isolation level read committed")
        self.lock = self._named("lock", "select pg_advisory_xact_lock(hashtextextended({lock}, 0))")
        self.head = self._named("head", _HEAD)
        self.known = self._named(
            "known",
            "select asked.n, log.notification_id, log.state"
            " from unnest($1::uuid[], $2::bigint[]) with ordinality as asked (id, version, n)"
            " join {log} as log on log.originator_id = asked.id and log.originator_version = asked.version",
        )
        self.insert = self._named(
            "insert",
            f"{_INSERT} $6::bigint + n, $7::timestamptz from {_NEW}",
        )
        self.insert_next = self._named(
            "insert_next",
            f"with head as materialized ({_HEAD}), written as ({_INSERT} position + n, now from head, {_NEW})"
            " select position, now from head",
        )
        self.landed = self._named(
            "landed",
            "select from {log} where notification_id = $1::bigint and recorded_at = $2::timestamptz"
            " and originator_id = $3::uuid and originator_version = $4::bigint",
        )
        self.notify = self._named("notify", "notify {channel}")
        self.commit = self._named("commit", "commit")
        self.rollback = self._named("rollback", "rollback")

    def _named(self, name: str, text: str) -> Statement:
        statement = Statement(f"log_{name}".encode(), SQL(text).format(**self._names).as_bytes())
        self.all.append(statement)
        return statement


class Proposal(Struct, frozen=True):
    """What a transaction that holds the lock writes after position `head`, what of its units was `known`
    before, and what each unit will be answered when it is committed. `recorded_at` is in binary."""

    head: int
    recorded_at: bytes
    known: Mapping[Key, Known]
    rows: Sequence[Row]
    answers: Sequence[Any]


def propose(line: Line, sql: Statements, units: Sequence[Unit[Any]]) -> Proposal:
    """Take the lock, look up what is known, and decide: the first round trip.

    Units may decide for a row that nobody looked up (a conflict, say, which is rare): then that is looked
    up, and everything is decided again."""
    keys = [key for unit in units for key in unit.keys]
    _, _, head, found = line.ask((sql.begin, ()), (sql.lock, ()), (sql.head, ()), _look_up(sql, keys))
    position, recorded_at = _position(head)
    known, asked = dict(_known(keys, found)), set(keys)
    while True:
        rows, answers = decide_all(units, known, position + 1)
        keys = [row.key for row in rows if row.key not in asked]
        keys += [key for row in rows for key in row.unless if key not in asked]
        if not keys:
            return Proposal(position, recorded_at, known, rows, answers)
        known.update(_known(keys, line.ask(_look_up(sql, keys))[0]))
        asked.update(keys)


def write(line: Line, sql: Statements, proposal: Proposal) -> None:
    """Insert, notify and commit: the second round trip, unless there are too many rows for one."""
    head, inserts = proposal.head, list[Asked]()
    for rows in _slices(proposal.rows):
        inserts.append((sql.insert, (*_columns(rows), _BIGINT.pack(head), proposal.recorded_at)))
        head += len(rows)
    for insert in inserts[:-1]:
        line.ask(insert)
    line.ask(*inserts[-1:], (sql.notify, ()), (sql.commit, ()))


def insert_first(
    line: Line, sql: Statements, units: Sequence[Unit[Any]], known: Mapping[Key, Known], head: int
) -> Proposal | None:
    """Decide by what is remembered, take the lock and insert: the first round trip. `commit` is the second.

    None, and nothing is done, where the log knows more than we: it refuses a key that it has. The rows are
    numbered from its head, whatever was thought to be that."""
    rows, answers = decide_all(units, known, head + 1)
    if len(list(_slices(rows))) > 1 or [row for row in rows if row.unless]:
        return None
    insert = (sql.insert_next, _columns(rows))
    try:
        _, _, inserted, _ = line.ask((sql.begin, ()), (sql.lock, ()), insert, (sql.notify, ()))
    except psycopg.errors.UniqueViolation:
        line.ask((sql.rollback, ()))
        return None
    position, recorded_at = _position(inserted)
    if position != head:  # another process wrote in between: the answers tell other positions
        answers = decide_all(units, known, position + 1)[1]
    return Proposal(position, recorded_at, known, rows, answers)


def commit(line: Line, sql: Statements, proposal: Proposal) -> None:
    """Commit what was inserted."""
    line.ask((sql.commit, ()))


def landed(line: Line, sql: Statements, proposal: Proposal) -> bool:
    """Whether a proposal was committed, after a connection died that should have told.

    Asked under the lock: its transaction may still be at work. The first row stands for all."""
    if not proposal.rows:
        return True
    stream, version = proposal.rows[0].key
    first = (_BIGINT.pack(proposal.head + 1), proposal.recorded_at, stream, _BIGINT.pack(version))
    _, _, found, _ = line.ask((sql.begin, ()), (sql.lock, ()), (sql.landed, first), (sql.commit, ()))
    return found.ntuples == 1


def _look_up(sql: Statements, keys: Sequence[Key]) -> Asked:
    return sql.known, (uuids([key[0] for key in keys]), bigints([key[1] for key in keys]))


def _known(keys: Sequence[Key], found: PGresult) -> Iterator[tuple[Key, Known]]:
    for row in range(found.ntuples):
        n, position, state = (_value(found, row, column) for column in range(3))
        yield keys[_bigint(n) - 1], Known(_bigint(position), state)


def _position(head: PGresult) -> tuple[int, bytes]:
    return _bigint(_value(head, 0, 0)), _value(head, 0, 1)


def _bigint(value: bytes) -> int:
    return int.from_bytes(value, signed=True)


def _value(answer: PGresult, row: int, column: int) -> bytes:
    """A value of a column that is never null."""
    return answer.get_value(row, column) or b""


def _columns(rows: Sequence[Row]) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    return (
        uuids([row.key[0] for row in rows]),
        bigints([row.key[1] for row in rows]),
        texts([row.topic for row in rows]),
        byteas([row.state for row in rows]),
        byteas([row.brief for row in rows]),
    )


def _slices(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = size = 0
    for end, row in enumerate(rows):
        if end > start and (end - start == ROWS or size + len(row.state) > BYTES):
            yield rows[start:end]
            start, size = end, 0
        size += len(row.state)
    yield rows[start:]
