"""Small businesses for tests: the rows that a generated history leaves in a log, in any order."""

from collections.abc import Iterable, Sequence
from functools import cache
from random import Random

import msgspec

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from ledgerstone.ledger.recorded import Recorded

Message = tuple[Recorded, ...]


@cache
def messages(seed: int, customers: int = 6, months: int = 5) -> tuple[Message, ...]:
    """The messages of a small business, in the order of their making; each is its evidence and facts."""
    history = generate(seed=seed, customers=customers, months=months)
    return tuple(_read(msgspec.json.encode(event)) for event in history.events)


def shuffled(told: Sequence[Message], seed: int, twice: float = 0.2) -> list[Message]:
    """The same messages in another order, some of them twice."""
    random = Random(seed)
    again = [message for message in told if random.random() < twice]
    mixed = [*told, *again]
    random.shuffle(mixed)
    return mixed


def log_of(told: Iterable[Message]) -> list[tuple[int, Recorded]]:
    """The rows of a log that heard these messages: each name once, positions from 1."""
    first: dict[str, Recorded] = {}
    for message in told:
        if message[0].name not in first:
            for row in message:
                first.setdefault(row.name, row)
    return list(enumerate(first.values(), start=1))


def _read(body: bytes) -> Message:
    return read_message(body, source="import", signature=None, livemode=True).rows
