"""How does an answer go out? As JSON or CSV, with its position and a tag by which it is not sent twice."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from starlette.types import Send

from ledgerstone.http import csv_lines

JSON = b"application/json"
Headers = tuple[tuple[bytes, bytes], ...]

_encode = msgspec.json.Encoder().encode


class Meta(Struct, frozen=True):
    """What an answer is of: the first `position` rows of the log, and what was true just before the instant
    `as_of`. `known_at` is when the last of these rows was recorded. `incomplete` counts figures that are null
    because something is not known yet; `notes` are for people."""

    position: int
    as_of: datetime
    known_at: datetime | None
    policy: str
    incomplete: int = 0
    notes: tuple[str, ...] = ()


class Rendered(Struct, frozen=True):
    """An answer, ready to be sent any number of times."""

    body: bytes
    headers: Headers
    etag: bytes


class File(Struct, frozen=True):
    """A file that is too long to be held in memory: what its rows are, and of which position."""

    name: str
    row: type[Struct]
    etag: bytes
    position: int


def as_json(data: Any, next: str | None, meta: Meta, listed: bool) -> Rendered:
    """`{"data": …, "next": …, "meta": …}`; a single object has no `next`. The tag is over data and policy, so
    that a position that changes nothing is no new answer."""
    body = _encode(data)
    etag = tag(body, meta.policy.encode(), JSON)
    after = b',"next":' + _encode(next) if listed else b""
    return _rendered(
        b'{"data":' + body + after + b',"meta":' + _encode(meta) + b"}", JSON, etag, meta.position
    )


def as_csv(kind: type[Struct], found: Sequence[Struct], meta: Meta, name: str) -> Rendered:
    """The same rows as a file."""
    body = csv_lines.header(kind) + csv_lines.rows(found)
    etag = tag(body, meta.policy.encode(), b"csv")
    return _rendered(body, csv_lines.MEDIA_TYPE.encode(), etag, meta.position, _named(name))


def tag(*parts: bytes) -> bytes:
    """A weak validator (RFC 9110, section 8.8.1)."""
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return b'W/"' + digest.hexdigest().encode() + b'"'


def is_held(etag: bytes, if_none_match: bytes | None) -> bool:
    """Does the caller have it already?"""
    if if_none_match is None:
        return False
    held = [one.strip().removeprefix(b"W/") for one in if_none_match.split(b",")]
    return etag.removeprefix(b"W/") in held or b"*" in held


async def send_rendered(send: Send, rendered: Rendered, if_none_match: bytes | None) -> None:
    """Send an answer, or say that the caller has it."""
    if is_held(rendered.etag, if_none_match):
        await _send_unchanged(send, rendered.headers)
        return
    await send({"type": "http.response.start", "status": 200, "headers": rendered.headers})
    await send({"type": "http.response.body", "body": rendered.body})


async def send_stream(
    send: Send, file: File, pages: AsyncIterator[Sequence[Struct]], if_none_match: bytes | None
) -> None:
    """Send a file page by page; what goes wrong on the way breaks the connection, so that a part is not
    taken for the whole."""
    headers = _headers(csv_lines.MEDIA_TYPE.encode(), file.etag, file.position) + _named(file.name)
    if is_held(file.etag, if_none_match):
        await _send_unchanged(send, headers)
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": csv_lines.header(file.row), "more_body": True})
    async for page in pages:
        await send({"type": "http.response.body", "body": csv_lines.rows(page), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_unchanged(send: Send, headers: Headers) -> None:
    kept = [header for header in headers if not header[0].startswith(b"content-")]
    await send({"type": "http.response.start", "status": 304, "headers": kept})
    await send({"type": "http.response.body", "body": b""})


def _rendered(body: bytes, media_type: bytes, etag: bytes, position: int, more: Headers = ()) -> Rendered:
    length = (b"content-length", str(len(body)).encode())
    return Rendered(body, (*_headers(media_type, etag, position), length, *more), etag)


def _headers(media_type: bytes, etag: bytes, position: int) -> Headers:
    return (
        (b"content-type", media_type),
        (b"etag", etag),
        (b"ledger-position", str(position).encode()),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"accept"),
        (b"x-content-type-options", b"nosniff"),
    )


def _named(name: str) -> Headers:
    return ((b"content-disposition", f'attachment; filename="{name}.csv"'.encode()),)
