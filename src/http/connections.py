"""How are requests taken from the wire? By uvicorn, with a limit for what it would wait for without end."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS, HEAD_BYTES = 10.0, 1 << 16
"""For the head of a request: from the connection, or from its first byte, to the empty line."""
GRACE = 5
"""Seconds for requests that are being answered when we are told to end."""
BACKLOG = 2048
RECEIVE = 1 << 15
"""Bytes that the system keeps for us of a connection: as much as one reading takes."""
HEAD_TOO_LONG = f"The head of the request is longer than {HEAD_BYTES} bytes."


class Connection(HttpToolsProtocol):
    """uvicorn's, which ends when the head of a request does not come, and which reads of a body what the
    application asks for, a part at a time: else it holds up to five parts of each that nobody asked for."""

    _due: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._due
        super().data_received(data)
        if self.cycle is not None and self.cycle.body and self.cycle.more_body:
            self.flow.pause_reading()
        if before is not None and self._due is before:  # nothing but a part of a head
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(HEAD_TOO_LONG)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._due is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head = 0
        self._due = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_came(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


def configuration(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """An application as the service serves it."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
        **options,
    )
