"""What only a real server shows: bytes on the wire, and a database that goes away and comes back."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psycopg
import pytest

from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, WEBHOOK, Service, served, signed
from tests.worlds import messages

PRODUCT = json.dumps(
    stripe.event("product.created", {"id": "prod_1", "object": "product", "name": "Pro"})
).encode()

READS = ["/sys/billing/mrr", "/sys/invoices", "/sys/invoices.csv", "/sys/sync/stripe", "/readyz"]


@pytest.fixture
def address(service: Service) -> Iterator[tuple[str, int]]:
    """Where the service listens, on loopback."""
    with served(service) as address:
        yield address


@pytest.fixture
def http(address: tuple[str, int]) -> Iterator[httpx2.Client]:
    """Asks it, as any client would."""
    with httpx2.Client(base_url=f"http://{address[0]}:{address[1]}", timeout=10) as client:
        yield client


def sent(address: tuple[str, int], *lines: bytes) -> bytes:
    """What a server answers to raw bytes, until it closes the connection or has said enough."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"POST /api/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\n" + b"".join(lines))
        return connection.recv(65_536)


def test_a_webhook_comes_in_over_the_wire(service: Service, http: httpx2.Client) -> None:
    answer = http.post(WEBHOOK, content=PRODUCT, headers=signed(PRODUCT))

    assert answer.json() == {"position": 1, "duplicate": False, "parked": False}


def test_a_header_that_is_not_utf_8_is_refused(service: Service, address: tuple[str, int]) -> None:
    signature = signed(PRODUCT)["Stripe-Signature"].encode()
    length = b"Content-Length: %d\r\n\r\n" % len(PRODUCT)
    answer = sent(address, b"Stripe-Signature: " + signature + b",x=\xff\r\n", length, PRODUCT)

    assert answer.startswith(b"HTTP/1.1 400")
    assert service.journal.head() == 0


def test_a_large_message_is_refused_while_its_body_is_still_to_come(address: tuple[str, int]) -> None:
    answer = sent(address, b"Content-Length: 1048577\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_chunks_are_counted(address: tuple[str, int]) -> None:
    chunk = b"%x\r\n" % (1 << 19) + b" " * (1 << 19) + b"\r\n"
    answer = sent(address, b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk)

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_file_is_streamed_whole(service: Service, http: httpx2.Client) -> None:
    service.hear(messages(1))
    rows = http.get("/sys/invoices", params={"limit": 1000}).json()["data"]
    answer = http.get("/sys/invoices.csv")

    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.text.splitlines()) == len(rows) + 1


def test_when_the_database_is_gone_everybody_hears_it_and_then_it_is_back(
    server: EmbeddedServer, service: Service, http: httpx2.Client
) -> None:
    service.hear(messages(1))
    assert http.get("/sys/billing/mrr").status_code == 200

    with gone(server, service), ThreadPoolExecutor() as together:
        until(http, "/sys/billing/mrr", 503)
        start = time.monotonic()
        answers = list(together.map(http.get, READS))
        assert time.monotonic() - start < 5
        answers.append(http.post(WEBHOOK, content=PRODUCT, headers=signed(PRODUCT)))
        assert http.get("/healthz").status_code == 200

    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM), answer.url
        assert answer.headers["retry-after"]
    until(http, "/sys/billing/mrr", 200)
    assert http.post(WEBHOOK, content=PRODUCT, headers=signed(PRODUCT)).json()["duplicate"] is False


@contextmanager
def gone(server: EmbeddedServer, service: Service) -> Iterator[None]:
    """Nobody can connect, and who was connected is not any more."""
    name = psycopg.conninfo.conninfo_to_dict(service.services.dsn)["dbname"]
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false")
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f"alter database {name} allow_connections true")


def until(http: httpx2.Client, path: str, status: int) -> None:
    """Ask until the answer has this status; fails after five seconds, which is the promise."""
    deadline = time.monotonic() + 5
    while http.get(path).status_code != status:
        assert time.monotonic() < deadline, f"{path} is not {status} yet"
        time.sleep(0.02)
