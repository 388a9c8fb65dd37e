"""The peer: the eventsourcing library as it comes, on the same server."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

PATIENCE = 600.0
"""Seconds that the runner may take."""
GLANCE = 0.1
"""Seconds between two looks whether it is done: by itself it looks ever more seldom, each 0.8 s at last."""


@dataclass(frozen=True)
class PaymentSettled(DomainEvent):
    """An event of about 300 bytes, as the library stores it."""

    payment: str
    customer: str
    amount: int
    currency: str


class Stock(Application[UUID]):
    """The library's application with all its defaults."""

    name = "peer"


def environment(dsn: str) -> dict[str, str]:
    """The library's own persistence module in the database at `dsn`."""
    named = conninfo_to_dict(dsn)
    keys = ("dbname", "host", "port", "user", "password")
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_SCHEMA": "views",
        **{f"POSTGRES_{key.upper()}": str(named.get(key) or "") for key in keys},
    }


def events(count: int) -> list[PaymentSettled]:
    """Events of as many streams."""
    now = datetime.now(UTC)
    return [
        PaymentSettled(
            originator_id=uuid4(),
            originator_version=1,
            timestamp=now,
            payment=f"pi_{number:024}",
            customer=f"cus_{number % 500:024}",
            amount=4900 + number,
            currency="usd",
        )
        for number in range(count)
    ]


class Upserts(PostgresTrackingRecorder):
    """A view of one table, one upsert an event, as the library's documentation shows."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        table = Identifier(datastore.schema), Identifier("peer_balances")
        self.sql_create_statements.append(
            SQL(
                "create table if not exists {}.{} (customer text primary key, amount bigint not null)"
            ).format(*table)
        )
        self._upsert = SQL(
            "insert into {0}.{1} as b values (%s, %s)"
            " on conflict (customer) do update set amount = b.amount + excluded.amount"
        ).format(*table)

    def add(self, event: PaymentSettled, tracking: Tracking) -> None:
        """One transaction: the row and the position."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._upsert, (event.customer, event.amount), prepare=True)


class Balances(Projection[Upserts]):
    """What the library's runner feeds, event by event."""

    name = "peer_balances"

    def process_event(self, event: Any, tracking: Tracking) -> None:
        self.view.add(event, tracking)


def project(dsn: str, count: int) -> None:
    """Let the stock runner project `count` events that the stock application has."""
    with ProjectionRunner(
        application_class=Stock, projection_class=Balances, view_class=Upserts, env=environment(dsn)
    ) as runner:
        for _ in range(int(PATIENCE / GLANCE)):
            with suppress(TimeoutError):
                return runner.wait(count, timeout=GLANCE)
    raise TimeoutError(f"the stock runner did not project {count:,} events within {PATIENCE:.0f} s")


def fill(stock: Stock, count: int) -> None:
    """Let the stock application have at least `count` events."""
    while (stock.recorder.max_notification_id() or 0) < count:
        stock.save(*events(500))


def forget(dsn: str) -> None:
    """Let the stock view begin again. (Never truncate its tracking table: it holds a row of its own.)"""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in ("peer_balances", "peer_balances_tracking"):
            connection.execute(f"drop table if exists views.{name}")
