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
