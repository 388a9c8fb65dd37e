"""How much of what is being sent to us do we hold, and for how long? A body is read within a time and a
budget; where that is spent, who has been sending longest gives way: a slow sender never delays another."""

import asyncio
from contextlib import suppress
from typing import Self

from starlette.types import Receive, Send

from ledgerstone.http.errors import MEDIA_TYPE, RETRY, Problem, document

LARGEST = 1 << 20
"""Bytes of a message; Stripe's own are some kilobytes."""
BYTES, SECONDS = 64 << 20, 10.0
"""Of all messages that are not answered yet, and for the body of one, unless a setting says otherwise."""
LINGER = 5.0
"""Seconds for which we let a sender finish who was answered before the end of his message."""
TOO_LARGE = f"The message is larger than {LARGEST} bytes. Stripe's are not."
TOO_SLOW = "The message did not come to its end in time. Send it again."
TOO_MANY = "More messages are on their way than we can hold. Send it again in a moment."
CLOSE = {"Connection": "close"}


class Gone(Exception):
    """The sender went away before the end of its message."""


class Intake:
    """Holds at most `budget` bytes of messages, each from its first byte until it is answered; `seconds` is
    the time for the body of one."""

    def __init__(self, budget: int = BYTES, seconds: float = SECONDS) -> None:
        self.budget, self.seconds = budget, seconds
        self.held = 0
        self.coming: dict[Arrival, None] = {}

    def arrival(self) -> "Arrival":
        """A message is about to come."""
        return Arrival(self)

    def make_room(self) -> None:
        """Let go of those that have been coming longest, which may be the one that asks for room. Others are
        complete, and wait for their commit."""
        while self.held > self.budget and self.coming:
            next(iter(self.coming)).give_way()


class Arrival:
    """A message on its way in: what came of it is held until the end of the `with`. `unread` tells whether
    there is more to come."""

    def __init__(self, intake: Intake) -> None:
        self._intake, self._size, self._gave_way = intake, 0, False
        self._body = bytearray()
        self._deadline: asyncio.Timeout | None = None
        self.unread = True

    def __enter__(self) -> Self:
        self._intake.coming[self] = None
        return self

    def __exit__(self, *_: object) -> None:
        self._intake.coming.pop(self, None)
        self._release()

    async def read(self, length: bytes, receive: Receive) -> bytes:
        """The body; `length` is what its header says, if anything. Raises Gone, or the Problem (413, 408,
        503) for which it is not read to its end."""
        if length.isdigit() and (len(length) > 15 or int(length) > LARGEST):
            raise Problem(413, TOO_LARGE, CLOSE)
        try:
            async with asyncio.timeout(self._intake.seconds) as self._deadline:
                body = await self._parts(receive)
        except TimeoutError:
            raise self._refusal() from None
        del self._intake.coming[self]
        return body

    def give_way(self) -> None:
        """Be refused, in favour of others; what came is let go."""
        self._gave_way = True
        self._intake.coming.pop(self, None)
        self._release()
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def _parts(self, receive: Receive) -> bytes:
        """Most come in one part. Of more, an array is made: a list of parts of two bytes takes twenty times
        what it says."""
        while self.unread:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part: bytes = message.get("body", b"")
            self.unread = message.get("more_body", False)
            self._take(len(part))
            if not self.unread and not self._body:
                return part
            self._body += part
        return bytes(self._body)

    def _take(self, size: int) -> None:
        if not self._gave_way:
            self._size += size
            self._intake.held += size
            self._intake.make_room()
        if self._gave_way:
            raise self._refusal()
        if self._size > LARGEST:
            raise Problem(413, TOO_LARGE, CLOSE)

    def _refusal(self) -> Problem:
        return Problem(503, TOO_MANY, CLOSE | RETRY) if self._gave_way else Problem(408, TOO_SLOW, CLOSE)

    def _release(self) -> None:
        self._intake.held -= self._size
        self._size = 0
        self._body.clear()


async def turn_away(problem: Problem, unread: bool, receive: Receive, send: Send) -> None:
    """Answer, and close the connection, though a message is perhaps `unread`.

    What is still being sent is then thrown away for a while: to close at once would reset the connection, and
    the sender might never see why."""
    body = document(problem)
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **problem.headers}
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": told})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while unread:
                unread = (await receive()).get("more_body", False)
    await send({"type": "http.response.body", "body": b""})
