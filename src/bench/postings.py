"""What do postings add to the cost of a webhook?

Each message takes the way of `POST /api/webhooks/stripe` from its bytes to its commit: verified, read,
translated, posted, named, encoded, written. The network is left out: it costs the same with postings as
without, and would make their part look smaller. The peer is the same code with a posting table that has no
rules."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import time
from unittest.mock import patch

import msgspec
from stripe import WebhookSignature

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.adapters.stripe.verify import verify
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.demo.history import generate
from ledgerstone.ledger.journal import Journal, Recorded

SECRET = "whsec_bench"
SENDERS, MESSAGES = 64, 8_000
MOST = 1.2
"""Postings add less than a fifth to what a webhook costs without."""


def added(journal: Journal) -> Result:
    """Webhooks a second with the posting table and without its rules."""
    seeds = iter(range(20_000, 30_000))

    def webhooks(table: AbstractContextManager[object]) -> float:
        some = list(signed(next(seeds)))
        with table:
            return rate(len(some), lambda: asyncio.run(_told(journal, some)))

    return paired(
        f"webhooks with postings, beside none, {SENDERS} at a time",
        lambda: webhooks(nullcontext()),
        lambda: webhooks(no_rules()),
        round(1 / MOST, 3),
        "webhooks/s",
        rounds=7,
    )


def no_rules() -> AbstractContextManager[object]:
    """Facts move nothing while it lasts."""
    return patch.dict("ledgerstone.ledger.posting._COMPILED", clear=True)


def signed(seed: int, number: int = MESSAGES) -> Iterator[tuple[bytes, bytes]]:
    """The first messages of a business, and the header of each."""
    events = generate(seed=seed, customers=60, months=24).events
    for _, event in zip(range(number), events, strict=False):
        body = msgspec.json.encode(event)
        header = WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time()))
        yield body, header.encode()


async def _told(journal: Journal, some: Iterable[tuple[bytes, bytes]]) -> None:
    waiting = iter(some)
    await asyncio.gather(*(_send(journal, waiting) for _ in range(SENDERS)))


async def _send(journal: Journal, waiting: Iterator[tuple[bytes, bytes]]) -> None:
    for body, header in waiting:
        verify(body, header, (SECRET,), time())
        await journal.post(partial(_read, body, header.decode()))


def _read(body: bytes, signature: str) -> Sequence[Recorded]:
    return read_message(body, source="webhook", signature=signature, livemode=True).rows
