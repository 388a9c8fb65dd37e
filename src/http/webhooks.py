"""How does a message of Stripe's become rows of the log? It is answered with 200 after they are committed,
and never before; what is wrong with it is said in a status that makes Stripe try again, or not."""

from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from time import perf_counter

from starlette.types import Receive, Scope, Send

from ledgerstone.adapters.stripe.faults import BadSignature, Unreadable
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.adapters.stripe.verify import verify
from ledgerstone.http.errors import RETRY, Problem
from ledgerstone.http.intake import Gone, Intake, turn_away
from ledgerstone.http.metrics import Metrics
from ledgerstone.http.patience import Patience
from ledgerstone.http.services import Services
from ledgerstone.ledger.evidence import MessageRefused
from ledgerstone.ledger.journal import Receipt, Recorded, Tell
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.ledger.recorded import Book

NOT_READ = {408: "too_slow", 413: "too_large", 503: "unavailable"}
IGNORED = b'{"ignored":"livemode"}'
HEADERS = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"))


class StripeWebhook:
    """`POST /api/webhooks/stripe`, straight on ASGI: this is the path that all traffic comes by."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._services, self._metrics = services, metrics
        self._book = Book("", services.livemode)
        self._intake = Intake(services.webhook_bytes, services.webhook_seconds)
        self._patience = Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, signature, expects = _headers(scope)
        with self._intake.arrival() as arrival:
            try:
                body = await arrival.read(length, receive)
            except Gone:
                return
            except Problem as problem:
                problem.__traceback__ = problem.__context__ = None  # their frames hold parts of the body
                self._counted(NOT_READ[problem.status], problem)
                await turn_away(problem, arrival.unread and not expects, receive, send)
                return
            answer = await self._answer(body, signature)
        headers = [*HEADERS, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, body: bytes, header: bytes) -> bytes:
        now = self._services.clock()
        try:
            verify(body, header, self._services.webhook_secrets, now)
            signature = header.decode()
        except (BadSignature, UnicodeDecodeError) as error:
            raise self._counted("unsigned", Problem(400, f"Not accepted as Stripe's: {error}.")) from None
        try:
            receipt = await self._append(partial(_read, body, signature, self._services.livemode))
        except Unreadable as error:
            refused = _refused(body, str(error), self._book, now)
            await self._append(lambda: (refused,))
            raise self._counted("unreadable", Problem(400, f"Not an event: {error}.")) from None
        except OfTheOtherMode:
            self._metrics.webhooks["ignored"].inc()
            return IGNORED
        outcome = "duplicate" if receipt.duplicate else "parked" if receipt.parked else "new"
        self._metrics.webhooks[outcome].inc()
        return _told(receipt)

    async def _append(self, tell: Tell) -> Receipt:
        start = perf_counter()
        promise = self._services.journal.post(tell)
        self._patience.wait(promise)
        try:
            receipt = await promise
        except LogUnavailable as error:
            raise self._counted("unavailable", Problem(503, str(error), RETRY)) from None
        finally:
            self._patience.end(promise)
            del promise  # which knows its error, which knows this frame: a circle that holds the message
        self._metrics.append.observe(perf_counter() - start)
        return receipt

    def _counted(self, outcome: str, problem: Problem) -> Problem:
        self._metrics.webhooks[outcome].inc()
        return problem


class OfTheOtherMode(Exception):
    """A test event, of a service that keeps live books, or the other way round."""


def _read(body: bytes, signature: str, livemode: bool) -> tuple[Recorded, ...]:
    """What a message tells. Raises Unreadable, and OfTheOtherMode."""
    message = read_message(body, source="webhook", signature=signature, livemode=livemode)
    if message.ignored is not None:
        raise OfTheOtherMode
    return message.rows


def _headers(scope: Scope) -> tuple[bytes, bytes, bool]:
    """The length of the body, its signature, and whether its sender waits to be told that it may send it."""
    length = signature = b""
    expects = False
    for name, value in scope["headers"]:
        if name == b"stripe-signature":
            signature = value
        elif name == b"content-length":
            length = value
        elif name == b"expect":
            expects = True
    return length, signature, expects


def _told(receipt: Receipt) -> bytes:
    flags = {False: b"false", True: b"true"}
    return b'{"position":%d,"duplicate":%s,"parked":%s}' % (
        receipt.position,
        flags[receipt.duplicate],
        flags[receipt.parked],
    )


def _refused(body: bytes, reason: str, book: Book, now: float) -> Recorded:
    """What is kept of a message that is no event: enough to find it at Stripe, who keeps it 30 days."""
    digest = sha256(body).hexdigest()
    fact = MessageRefused(sha256=digest, reason=reason, size=len(body))
    return Recorded(f"refused/{digest}", book, datetime.fromtimestamp(now, UTC), fact)
