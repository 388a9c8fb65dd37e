"""How many webhooks a second are verified, translated and committed, beside the same server when it only
verifies them?"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, perf_counter, sleep, time

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route
from stripe import WebhookSignature

from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.stripe.verify import verify
from ledgerstone.bench.measure import Result, paired
from ledgerstone.bootstrap import tune_interpreter
from ledgerstone.demo.history import generate
from ledgerstone.http.app import create_app
from ledgerstone.http.connections import configuration
from ledgerstone.http.database import reading_pool
from ledgerstone.http.metrics import Metrics
from ledgerstone.http.services import Services
from ledgerstone.http.webhooks import StripeWebhook
from ledgerstone.ledger.journal import Journal

SECRET = "whsec_bench"
CONNECTIONS, MESSAGES = 256, 8_000


def durable(dsn: str) -> Result:
    """Signed webhooks over HTTP, 200 only after the commit. The views are another process's work."""
    seeds = iter(range(1_000, 10_000))
    with _serving("ours", dsn) as ours, _serving("peer", dsn) as theirs:
        return paired(
            f"durable webhooks over HTTP, {CONNECTIONS} connections",
            lambda: asyncio.run(_send(ours, signed(next(seeds)))),
            lambda: asyncio.run(_send(theirs, signed(next(seeds)))),
            0.35,
            "webhooks/s",
            rounds=5,
        )


class Discarding(StripeWebhook):
    """Reads and verifies as the service does, and forgets."""

    async def _answer(self, body: bytes, header: bytes) -> bytes:
        verify(body, header, self._services.webhook_secrets, self._services.clock())
        self._metrics.webhooks["new"].inc()
        return b"{}"


def application(kind: str, dsn: str) -> Starlette:
    """The service without its engine; as the peer, it verifies webhooks and discards them."""
    services = Services(
        journal=Journal(environment(dsn)),
        dsn=dsn,
        pool=reading_pool(dsn),
        livemode=True,
        webhook_secrets=(SECRET,),
    )
    app = create_app(services)
    if kind == "peer":
        route = next(route for route in app.routes if isinstance(route, Route) and "webhooks" in route.path)
        app.routes[app.routes.index(route)] = Route(
            route.path, Discarding(services, Metrics()), methods=["POST"]
        )
    return app


def signed(seed: int, customers: int = 60, number: int = MESSAGES) -> list[bytes]:
    """Requests as they go over the wire, signed now."""
    found: list[bytes] = []
    for event in generate(seed=seed, customers=customers, months=24).events:
        body = msgspec.json.encode(event)
        signature = WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time()))
        head = (
            "POST /api/webhooks/stripe HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
        if len(found) == number:
            break
    return found


class Sender(asyncio.Protocol):
    """Sends one request after another over one connection, and counts what was not answered with 200."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests, self.done = requests, done
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, ended, body = self._answer.partition(b"\r\n\r\n")
        if ended and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]):
            self.refused += not head.startswith(b"HTTP/1.1 200")
            self._next()

    def _next(self) -> None:
        self._answer = b""
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self.done.done():
            self._transport.close()
            self.done.set_result(None)


async def _send(port: int, requests: Sequence[bytes]) -> float:
    loop, queue = asyncio.get_running_loop(), iter(requests)
    senders = [Sender(queue, loop.create_future()) for _ in range(CONNECTIONS)]
    begun = perf_counter()
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(sender.done for sender in senders))
    if refused := sum(sender.refused for sender in senders):
        raise RuntimeError(f"{refused} of {len(requests)} webhooks were not answered with 200")
    return len(requests) / (perf_counter() - begun)


@contextmanager
def _serving(kind: str, dsn: str) -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", __name__, kind, dsn, str(port)])
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Until somebody listens."""
    until = monotonic() + 30
    while monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def run(app: Starlette, port: int) -> None:
    """Serve as the service does."""
    import uvicorn

    tune_interpreter()
    uvicorn.Server(configuration(app, port=port)).run()


def main() -> None:
    """Run one of the two servers."""
    kind, dsn, port = sys.argv[1:]
    run(application(kind, dsn), int(port))


if __name__ == "__main__":
    main()
