"""A service on a database of its own, asked through its web; and one that holds a business of a year."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
import schemathesis
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from tests.http.parts import Service, served


@pytest.fixture(scope="session", autouse=True)
def _jitter_of_its_own() -> Iterator[None]:
    """A pool that opens a connection in its thread draws a random number; Hypothesis, which watches `random`
    while it makes up an example, would take that for the strategy's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("psycopg_pool.base.random", Random(0).random)
        yield


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    """A service with an empty log."""
    service = Service(database)
    yield service
    service.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    """Asks that service."""
    with TestClient(service.app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def year(server: EmbeddedServer, template: str) -> Iterator[tuple[Service, dict[str, Any]]]:
    """A service that heard of a business from November 2025 to October 2026, and the truth about it."""
    service = Service(create_database(server, "year_of_business", template))
    history = generate(seed=7, customers=25, months=12, start="2025-11")
    service.journal.append_many(
        read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True).rows
        for event in history.events
    )
    service.engine.catch_up()
    yield service, history.truth()
    service.close()


@pytest.fixture(scope="session")
def business(year: tuple[Service, dict[str, Any]]) -> Iterator[TestClient]:
    """Asks the service of that year."""
    with TestClient(year[0].app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def truth(year: tuple[Service, dict[str, Any]]) -> dict[str, Any]:
    """The figures of that year, from the business's own books."""
    return year[1]


@pytest.fixture(scope="session")
def described(year: tuple[Service, dict[str, Any]]) -> Iterator[Any]:
    """A service over the same year, on loopback, by its own description."""
    service = Service(year[0].database)
    with served(service) as (host, port), pytest.MonkeyPatch.context() as patch:
        patch.setattr("ledgerstone.http.answering.WAIT", 0.01)
        yield schemathesis.openapi.from_url(f"http://{host}:{port}/openapi.json")
    service.close()
