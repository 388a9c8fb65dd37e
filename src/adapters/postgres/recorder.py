"""The log as a persistence module of the eventsourcing library: its applications, repositories, notification
logs, subscriptions and tracking work on our table, and share our commits."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Any, Never, TypeVar, cast
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import Environment, EnvType
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from ledgerstone.adapters.postgres.append import Statements, connect
from ledgerstone.adapters.postgres.commits import GroupCommit
from ledgerstone.adapters.postgres.halving import POSITION_AT
from ledgerstone.adapters.postgres.line import Line
from ledgerstone.ledger.heads import HEAD
from ledgerstone.ledger.log import Call, Key, Known, LogUnavailable, Posted, Row, Unit

T = TypeVar("T")
CONNECTION = "dbname", "host", "port", "user", "password"
DSN, QUEUE = "LEDGER_DSN", "LEDGER_QUEUE"

CREATE_TABLE = """
create table if not exists {log} (
    originator_id uuid not null, originator_version bigint not null,
    topic text not null, state bytea not null,
    notification_id bigint not null, recorded_at timestamptz not null, brief bytea,
    primary key (originator_id, originator_version)
)
"""
CREATE_INDEX = "create unique index if not exists {index} on {log} (notification_id)"
WINDOW = "from {log} where notification_id > %b order by notification_id limit %b"
AMONG = (
    "from {log} where notification_id > %b and notification_id <= %b and (topic = any(%b::text[])"
    " or notification_id = (select max(notification_id) from {log} where notification_id <= %b))"
    " order by notification_id"
)
"""Rows of some topics between two positions, and the last row in any case: positions have no gaps, so that it
tells how many there are."""
PICKED = (
    "select notification_id, state from {log} where notification_id = any(%b::bigint[])"
    " order by notification_id"
)
FOUND = (
    "select log.originator_id, log.originator_version, log.notification_id, log.state"
    " from unnest(%b::uuid[], %b::bigint[]) as asked (id, version)"
    " join {log} as log on log.originator_id = asked.id and log.originator_version = asked.version"
)
HEARD = (
    f"case when topic = any(%b::text[]) then coalesce(brief, substring(state for {HEAD}))"
    " when topic = any(%b::text[]) then state end"
)


def environment(dsn: str, queue: int = 10_000) -> dict[str, str]:
    """What configures an application of the library to keep its log in the database at `dsn` as the service
    does: in tables made by our migrations, with few connections, and `queue` messages waiting at most."""
    named = conninfo_to_dict(dsn)
    asked_for = {f"POSTGRES_{key.upper()}": str(named.get(key) or "") for key in CONNECTION}
    return {
        "PERSISTENCE_MODULE": f"{__name__}:LedgerFactory",
        "CREATE_TABLE": "no",
        "POSTGRES_POOL_SIZE": "1",
        "POSTGRES_CONNECT_TIMEOUT": "2",
        "POSTGRES_PRE_PING": "yes",
        **asked_for,
        DSN: dsn,
        QUEUE: str(queue),
    }


class LedgerRecorder(PostgresApplicationRecorder):
    """The library's recorder with our numbering, our lock and group commit; for the journal it is the `Log`.

    Of the library's ways to write none is left: table lock, sequence, composite types, database functions."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events") -> None:
        if datastore.originator_id_type != "uuid" or datastore.enable_db_functions:
            raise NotSupportedError("the log has uuid streams and does without database functions")
        _keep_to_indexes(datastore)
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements = [self._sql(CREATE_TABLE), self._sql(CREATE_INDEX)]
        sql = Statements(datastore.schema, events_table_name, self.channel_name)
        self.commits = GroupCommit(partial(_writer, datastore, sql), sql)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events of aggregates, all or none; their positions, after the commit.

        Raises IntegrityError when a version is taken: then the command has to decide again."""
        return self.submit(decided(stored_events)).result() if stored_events else None

    def submit(self, unit: Unit[T]) -> Future[T]:
        """Append a unit soon, with whatever else waits."""
        return self.commits.submit(unit)

    def enqueue(self, posted: Sequence[Posted], call: Call) -> None:
        """As `submit`, for several units, and promises of other kinds, kept by `call`."""
        self.commits.enqueue(posted, call)

    def window(
        self, after: int, limit: int, topics: Sequence[str] | None = None, heads: Sequence[str] = ()
    ) -> list[tuple[int, str, bytes | None]]:
        """Position, topic and state of the `limit` rows after a position, or of those of `topics` and the
        last, which has no state if it is another; where `heads` has the topic, its brief or else its first
        `HEAD` bytes: what is stored out of line is not fetched whole."""
        if topics is None:
            return self._select(f"select notification_id, topic, state {WINDOW}", after, limit)
        upto, wanted = after + limit, list(topics)
        heard = f"select notification_id, topic, {HEARD} {AMONG}"
        return self._select(heard, list(heads), wanted, after, upto, wanted, upto)

    def timed_window(
        self, after: int, limit: int, topics: Sequence[str] | None = None
    ) -> list[tuple[int, datetime, bytes | None]]:
        """Position, time of recording (UTC) and state, as `window`."""
        if topics is None:
            return self._select(f"select notification_id, recorded_at, state {WINDOW}", after, limit)
        heard = f"select notification_id, recorded_at, {HEARD} {WINDOW}"
        return self._select(heard, [], list(topics), after, limit)

    def picked(self, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        """Position and state of the rows at some positions, in order."""
        return self._select(PICKED, list(positions))

    def find(self, keys: Sequence[Key]) -> dict[Key, Known]:
        """What the log has of some keys."""
        if not keys:
            return {}
        streams, versions = [UUID(bytes=stream) for stream, _ in keys], [version for _, version in keys]
        found = self._select(FOUND, streams, versions)
        return {(stream.bytes, version): Known(at, state) for stream, version, at, state in found}

    def head(self) -> int:
        """The last position; 0 while there is none. (`max_notification_id` would retry for 20 seconds.)"""
        return cast(int, self._select("select coalesce(max(notification_id), 0) from {log}")[0][0])

    def position_at(self, time: datetime) -> int:
        """The position of the last row recorded at or before a time; 0 when there is none."""
        return cast(int, self._select(POSITION_AT.replace("%(time)s", "%b"), time)[0][0])

    def recorded_at(self, position: int) -> datetime | None:
        """When a row was recorded (UTC); None when there is no such row."""
        found = self._select("select recorded_at from {log} where notification_id = %b", position)
        return found[0][0] if found else None

    def close(self) -> None:
        """Write what waits; then nothing more is taken."""
        self.commits.close()

    def _select(self, query: str, *parameters: Any) -> list[Any]:
        try:
            with self.datastore.get_connection() as connection:
                cursor = connection.cursor(row_factory=tuple_row, binary=True)
                return cursor.execute(self._sql(query), parameters, prepare=True).fetchall()
        except (OperationalError, InterfaceError) as error:
            raise LogUnavailable(f"the log cannot be read now: {error}") from error

    def _sql(self, text: str) -> Composed:
        table = Identifier(self.datastore.schema, self.events_table_name)
        return SQL(text).format(log=table, index=Identifier(self.notification_id_index_name))


class LedgerFactory(PostgresFactory):
    """Name it as PERSISTENCE_MODULE; `environment` says what else it needs."""

    application_recorder_class = LedgerRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        if dsn := self.env.get(DSN):  # all of it: the library would drop its TLS settings, say
            parameters = _parameters(self.datastore)
            for key in CONNECTION:
                parameters.pop(key)
            parameters.update(conninfo_to_dict(dsn))
        self._recorders: list[LedgerRecorder] = []

    def application_recorder(self) -> LedgerRecorder:
        recorder = cast(LedgerRecorder, super().application_recorder())
        recorder.commits.limit = int(self.env.get(QUEUE) or recorder.commits.limit)
        self._recorders.append(recorder)
        return recorder

    def process_recorder(self) -> Never:
        raise NotSupportedError(
            "a process application tracks one event a transaction, in the log's own lock; views are folded by"
            " the engine instead, in batches"
        )

    def close(self) -> None:
        for recorder in self._recorders:
            recorder.close()
        super().close()


def decided(events: Sequence[StoredEvent]) -> Unit[Sequence[int]]:
    """What a command decided: written as it is, or refused whole if a version is taken. Never skipped."""
    rows = [Row((_stream(e), e.originator_version), e.topic, e.state) for e in events]
    return Unit([row.key for row in rows], partial(_insert_or_refuse, rows), sum(len(r.state) for r in rows))


def _stream(event: StoredEvent) -> bytes:
    return cast(UUID, event.originator_id).bytes


def _insert_or_refuse(
    rows: Sequence[Row], known: Mapping[Key, Known], position: int
) -> tuple[Sequence[Row], Sequence[int]]:
    seen = set[Key]()
    for row in rows:
        if row.key in known or row.key in seen:
            stream, version = row.key
            taken = f"version {version} of {UUID(bytes=stream)}"
            raise IntegrityError(f"{taken} is recorded: load it and decide again")
        seen.add(row.key)
    return rows, list(range(position, position + len(rows)))


def _parameters(datastore: PostgresDatastore) -> dict[str, Any]:
    """How the pool connects. It opens with the first use, so until then this can be changed."""
    return cast(dict[str, Any], datastore.pool.kwargs)


def _keep_to_indexes(datastore: PostgresDatastore) -> None:
    """Statements prepared while the log is small must not scan it for ever after."""
    parameters = _parameters(datastore)
    settings = "-c TimeZone=UTC -c enable_seqscan=off -c enable_bitmapscan=off"
    parameters["options"] = f"{parameters.get('options') or ''} {settings}"


def _writer(datastore: PostgresDatastore, sql: Statements) -> Line:
    parameters = _parameters(datastore)
    if datastore.pool.get_password_func:
        parameters = {**parameters, "password": datastore.pool.get_password_func()}
    return connect(parameters, sql)
