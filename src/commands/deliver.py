"""How does Stripe deliver? Each event signed just before it is sent, several at once over connections that
stay open, and again a little later when it is asked to."""

import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Lock

import msgspec
from msgspec import Struct

ROUTE = "/api/webhooks/stripe"
CONNECTIONS = 32
PATIENCE = 60.0
"""Seconds for which one event is sent again."""


class Refused(Exception):
    """The service answered something else than yes or later; the message is its own."""


class Answer(Struct, frozen=True):
    """What the service answers to a webhook."""

    position: int = 0
    duplicate: bool = False
    parked: bool = False
    ignored: str | None = None


class Delivered(Struct):
    """What came of all deliveries; `position` is the last that was answered."""

    sent: int = 0
    duplicate: int = 0
    parked: int = 0
    ignored: int = 0
    position: int = 0

    def add(self, answer: Answer) -> None:
        self.sent += 1
        self.duplicate += answer.duplicate
        self.parked += answer.parked
        self.ignored += answer.ignored is not None
        self.position = max(self.position, answer.position)


def deliver(
    events: Iterable[bytes], port: int, secret: str, told: Callable[[int], None] = lambda sent: None
) -> Delivered:
    """Send every event to the service on this machine; `told` hears how many were. Raises Refused."""
    total, lock, waiting = Delivered(), Lock(), iter(events)

    def work() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        for event in _shared(waiting, lock):
            answer = _sent(connection, event, secret)
            with lock:
                total.add(answer)
                told(total.sent)
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for ended in [pool.submit(work) for _ in range(CONNECTIONS)]:
            ended.result()
    return total


def signature(body: bytes, secret: str, now: float) -> str:
    """The `Stripe-Signature` header of a body that is sent now (docs.stripe.com/webhooks)."""
    stamp = int(now)
    digest = hmac.digest(secret.encode(), b"%d." % stamp + body, "sha256").hex()
    return f"t={stamp},v1={digest}"


def _shared(events: Iterator[bytes], lock: Lock) -> Iterator[bytes]:
    """What several threads take from one stream."""
    while True:
        with lock:
            event = next(events, None)
        if event is None:
            return
        yield event


def _sent(connection: HTTPConnection, event: bytes, secret: str) -> Answer:
    patient_until = time.monotonic() + PATIENCE
    while True:
        header = {
            "Stripe-Signature": signature(event, secret, time.time()),
            "Content-Type": "application/json",
        }
        connection.request("POST", ROUTE, event, header)
        response = connection.getresponse()
        said = response.read()
        if response.status == 200:
            return msgspec.json.decode(said, type=Answer)
        if response.status != 503 or time.monotonic() > patient_until:
            raise Refused(f"a webhook was answered {response.status}: {said.decode(errors='replace')}")
        time.sleep(float(response.headers.get("Retry-After", 1)))
