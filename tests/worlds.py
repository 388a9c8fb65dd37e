"""Small businesses for tests: the rows that a generated history leaves in a log, in any order."""

from collections.abc import Iterable, Sequence
from functools import cache
from random import Random

import msgspec

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from ledgerstone.demo.versions import VERSIONS
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.folder import fold
from ledgerstone.projections.view import Row, chains
from ledgerstone.projections.views import VIEWS

Message = tuple[Recorded, ...]


@cache
def messages(seed: int, customers: int = 6, months: int = 5, shape: str = VERSIONS[0]) -> tuple[Message, ...]:
    """The messages of a small business, in the order of their making; each is its evidence and facts."""
    history = generate(seed=seed, customers=customers, months=months, shape=shape)
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


def shown(rows: list[tuple[int, Recorded]]) -> dict[str, set[str]]:
    """What every view shows at the head, whenever it came to know it."""
    return {
        view.name: {repr((v.key, v.row)) for v in meaning[view.name] if v.known_to is None}
        for group in chains(VIEWS)
        for meaning in [fold(group, rows)]
        for view in group
    }


def at_the_head(told: Sequence[Recorded]) -> dict[str, list[Row]]:
    """What every view shows of rows at the head, by the view's name."""
    meanings = [fold(group, list(enumerate(told, start=1))) for group in chains(VIEWS)]
    return {
        name: [version.row for version in versions if version.known_to is None]
        for meaning in meanings
        for name, versions in meaning.items()
    }


def _read(body: bytes) -> Message:
    return read_message(body, source="import", signature=None, livemode=True).rows
