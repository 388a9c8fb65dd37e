"""One row of the log: what happened, in whose books, when, why, and what it moved."""

from datetime import datetime

import msgspec
from msgspec import Struct

from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.posting import Movement


class Book(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Whose books: a provider's account (empty: our own) in live or test mode. Nothing of one book is ever
    in another."""

    account: str = ""
    livemode: bool = True

    def __str__(self) -> str:
        return f"{self.account}:{'live' if self.livemode else 'test'}"


class Recorded(Struct, frozen=True, omit_defaults=True, gc=False):
    """A fact as the log keeps it. `name` is recorded once; `happened_at` is the provider's or the actor's
    time (which day's books); `cause` names the evidence; `actor` is None for facts."""

    name: str
    book: Book
    happened_at: datetime
    body: AnyFact
    cause: str | None = None
    actor: str | None = None
    movements: tuple[Movement, ...] = ()


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Recorded).decode


HEAD = 512
"""Bytes of a state that hold all of an evidence but its payload, as long as nobody writes novels."""
_PAYLOAD, _EMPTY = b"\xa7payload", b"\xc4\x00"


def decode_head(beginning: bytes) -> Recorded | None:
    """An evidence without its payload, from the first `HEAD` bytes of its state; None when they do not reach
    so far. Half of the log's rows are evidence, and their payloads are most of its bytes."""
    end = beginning.find(_PAYLOAD) + len(_PAYLOAD)
    while end >= len(_PAYLOAD):
        try:
            return decode(beginning[:end] + _EMPTY)
        except msgspec.DecodeError:  # a text may hold these bytes: "çpayload" does
            end = beginning.find(_PAYLOAD, end) + len(_PAYLOAD)
    return None
