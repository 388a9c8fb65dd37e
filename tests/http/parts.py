"""The parts of a service that tests turn by hand, and messages to send to it."""

import asyncio
import hmac
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.http.app import create_app
from ledgerstone.http.connections import configuration
from ledgerstone.http.database import reading_pool
from ledgerstone.http.services import Services
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.views import VIEWS
from tests.stripe_objects import NOW

SECRET = "whsec_test"
WEBHOOK = "/api/webhooks/stripe"
PROBLEM = "application/problem+json"


class Service:
    """A log, an engine that folds it when a test says so, and the web over both. Its clock stands still, at
    2026-11-05T12:00:00Z."""

    def __init__(self, database: Database, queue: int = 10_000, **settings: Any) -> None:
        self.database = database
        self.journal = Journal(environment(database.app_dsn, queue))
        self.store = PostgresViews(database.app_dsn)
        self.engine = Engine(VIEWS, self.journal, self.store)
        self.now = float(NOW)
        self.services = Services(
            journal=self.journal,
            dsn=database.app_dsn,
            pool=reading_pool(database.app_dsn),
            livemode=True,
            webhook_secrets=("whsec_of_last_year", SECRET),
            clock=lambda: self.now,
            **settings,
        )
        self.app = create_app(self.services)

    def hear(self, messages: Sequence[Any]) -> None:
        """Record messages, and bring the views up to them."""
        self.journal.append_many(messages)
        self.engine.catch_up()

    def close(self) -> None:
        self.store.close()
        self.journal.close()


def signed(payload: bytes, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    """The headers of a message of Stripe's."""
    mac = hmac.new(secret.encode(), b"%d.%s" % (at, payload), "sha256").hexdigest()
    return {"Stripe-Signature": f"t={int(at)},v1={mac}", "Content-Type": "application/json"}


def deliver(client: TestClient, said: Any, **signing: Any) -> Any:
    """Send a message, signed; the answer."""
    payload = said if isinstance(said, bytes) else json.dumps(said, indent=2).encode()
    return client.post(WEBHOOK, content=payload, headers=signed(payload, **signing))


def every(client: TestClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    rows: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = client.get(path, params={**query, **after}).json()
        rows += page["data"]
        if page["next"] is None:
            return rows
        assert page["next"] != after.get("after"), "the list does not go on"
        after = {"after": page["next"]}


@contextmanager
def served(service: Service) -> Iterator[tuple[str, int]]:
    """The service on loopback, as it is run; where."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configuration(service.app))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()
