"""How does a message of Stripe's become rows of the log? It is answered with 200 after they are committed,
and never before; what is wrong with it is said in a status that makes Stripe try again, or not."""

from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter

from starlette.types import Receive, Scope, Send

from ledgerstone.adapters.stripe.faults import BadSignature, Unreadable
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.adapters.stripe.verify import verify
from ledgerstone.http.errors import RETRY, Problem
from ledgerstone.http.metrics import Metrics
from ledgerstone.http.services import Services
from ledgerstone.ledger.evidence import MessageRefused
from ledgerstone.ledger.journal import Receipt, Recorded
from ledgerstone.ledger.log import LogUnavailable
from ledgerstone.ledger.recorded import Book

LARGEST = 1 << 20
"""Bytes of a message; Stripe's own are some kilobytes."""
TOO_LARGE = f"The message is larger than {LARGEST} bytes. Stripe's are not."
IGNORED = b'{"ignored":"livemode"}'
HEADERS = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"))


class Gone(Exception):
    """The sender went away before the end of its message."""


class StripeWebhook:
    """`POST /api/webhooks/stripe`, straight on ASGI: this is the path that all traffic comes by."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._services, self._metrics = services, metrics
        self._book = Book("", services.livemode)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, signature = _headers(scope)
        try:
            body = await self._body(length, receive)
            answer = await self._answer(body, signature)
        except Gone:
            return
        headers = [*HEADERS, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _body(self, length: bytes, receive: Receive) -> bytes:
        """The body, never more of it than is allowed: by what it says of itself, or else counted."""
        if length.isdigit() and (len(length) > 15 or int(length) > LARGEST):
            raise self._counted("too_large", Problem(413, TOO_LARGE, {"Connection": "close"}))
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            size, more = size + len(part), message.get("more_body", False)
            if size > LARGEST:
                raise self._counted("too_large", Problem(413, TOO_LARGE, {"Connection": "close"}))
            parts.append(part)
        return b"".join(parts)

    async def _answer(self, body: bytes, header: bytes) -> bytes:
        now = self._services.clock()
        try:
            verify(body, header, self._services.webhook_secrets, now)
            signature = header.decode()
        except (BadSignature, UnicodeDecodeError) as error:
            raise self._counted("unsigned", Problem(400, f"Not accepted as Stripe's: {error}.")) from None
        try:
            livemode = self._services.livemode
            message = read_message(body, source="webhook", signature=signature, livemode=livemode)
        except Unreadable as error:
            await self._append((_refused(body, str(error), self._book, now),))
            raise self._counted("unreadable", Problem(400, f"Not an event: {error}.")) from None
        if message.ignored is not None:
            self._metrics.webhooks["ignored"].inc()
            return IGNORED
        receipt = await self._append(message.rows)
        outcome = "duplicate" if receipt.duplicate else "parked" if receipt.parked else "new"
        self._metrics.webhooks[outcome].inc()
        return _told(receipt)

    async def _append(self, rows: tuple[Recorded, ...]) -> Receipt:
        start = perf_counter()
        try:
            receipt = await self._services.journal.post(rows)
        except LogUnavailable as error:
            raise self._counted("unavailable", Problem(503, str(error), RETRY)) from None
        self._metrics.append.observe(perf_counter() - start)
        return receipt

    def _counted(self, outcome: str, problem: Problem) -> Problem:
        self._metrics.webhooks[outcome].inc()
        return problem


def _headers(scope: Scope) -> tuple[bytes, bytes]:
    length = signature = b""
    for name, value in scope["headers"]:
        if name == b"stripe-signature":
            signature = value
        elif name == b"content-length":
            length = value
    return length, signature


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
