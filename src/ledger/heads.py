"""How is a message read without its payload? Half of the log is messages, and payloads are most of its bytes.

Beside a sound message stands in `brief` what it is counted by: most of the others' bytes lie out of line, and
it costs ten times as much to fetch the first of them as to read what stands in the row."""

from datetime import UTC, datetime
from functools import lru_cache

from msgspec import DecodeError

from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.recorded import Book, Recorded, decode

HEAD = 512
"""Bytes of a state that hold all of an evidence but its payload, as long as nobody writes novels."""
_PAYLOAD, _EMPTY = b"\xa7payload", b"\xc4\x00"
_NEVER = datetime.fromtimestamp(0, UTC)


def brief(row: Recorded) -> bytes:
    """What a sound message (it could be read, and its type is known) is counted by: how it came, in whose
    book, its API version and its type, with `|` between them. Empty for all other rows, which have to be
    read."""
    heard = row.body
    if type(heard) is not StripeEventHeard or heard.parked is not None or heard.unknown:
        return b""
    mode = "live" if row.book.livemode else "test"
    told = "|".join((heard.source, mode, row.book.account, heard.api_version or "", heard.event_type))
    return told.encode() if told.count("|") == 4 else b""


def is_brief(beginning: bytes) -> bool:
    """Whether that is a brief, and not a state: no state begins like one."""
    return beginning < b"\x80"


def decode_head(beginning: bytes) -> Recorded | None:
    """An evidence without its payload, from the first `HEAD` bytes of its state; None when they do not reach
    so far. From its `brief` only what it is counted by: the rest is empty."""
    if is_brief(beginning):
        return _counted(beginning)
    end = beginning.find(_PAYLOAD) + len(_PAYLOAD)
    while end >= len(_PAYLOAD):
        try:
            return decode(beginning[:end] + _EMPTY)
        except DecodeError:  # a text may hold these bytes: "çpayload" does
            end = beginning.find(_PAYLOAD, end) + len(_PAYLOAD)
    return None


@lru_cache(4096)
def _counted(told: bytes) -> Recorded:
    """Of thousands of messages a few hundred kinds."""
    try:
        source, mode, account, version, kind = told.decode().split("|")
    except ValueError as error:
        raise DecodeError(f"neither a message nor what it is counted by: {error}") from None
    book = Book(account, mode == "live")
    heard = StripeEventHeard(
        id="",
        event_type=kind,
        created=_NEVER,
        source=source,
        api_version=version or None,
        account=account or None,
        livemode=book.livemode,
        payload=b"",
    )
    return Recorded("", book, _NEVER, heard)
