"""What do the lines of a file of Stripe's events tell? They are parsed and translated a chunk at a time, in
other processes, while the chunks before are written: that is two thirds of an import's work."""

import gc
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import cast

import click
import msgspec
from msgspec import Struct

from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.ledger.admission import Telling, telling
from ledgerstone.ledger.evidence import StripeEventHeard

LONGEST = 1_048_576
"""Bytes of one message, as for a webhook."""
CHUNK_LINES, CHUNK_BYTES = 500, 1_000_000
WORKERS = 2
"""One would be the slowest part of an import, and three have more to give than the log takes."""
AHEAD = 8
"""Chunks that are translated, or wait for it, while others are written."""

Line = tuple[int, bytes]
"""A line's number, from 1, and its bytes without the end."""


class Translated(Struct, array_like=True, gc=False):
    """What a chunk of lines tells: its messages as rows, how many are of unknown type or of the other mode,
    and which lines were refused, and why."""

    tellings: list[Telling] = []
    unknown: int = 0
    ignored: int = 0
    refused: list[tuple[int, str]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Translated).decode


def translate(lines: Sequence[Line], livemode: bool) -> Translated:
    """Lines as rows for a log of the given mode, by the webhook's rules save the signature."""
    found = Translated()
    for number, line in lines:
        if len(line) > LONGEST:
            found.refused.append((number, f"longer than {LONGEST:,} bytes"))
            continue
        try:
            message = read_message(line, source="import", signature=None, livemode=livemode)
        except Unreadable as error:
            found.refused.append((number, str(error)))
            continue
        if message.ignored:
            found.ignored += 1
        else:
            found.unknown += cast(StripeEventHeard, message.rows[0].body).unknown
            found.tellings.append(telling(message.rows))
    return found


def chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """Lines, many at a time, but never many bytes."""
    chunk, size = list[Line](), 0
    for line in lines:
        chunk.append(line)
        size += len(line[1])
        if len(chunk) == CHUNK_LINES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def translated(some: Iterator[list[Line]], livemode: bool) -> Iterator[Translated]:
    """Chunks translated, in order, and only so far ahead. For one chunk no process is started."""
    first, second = next(some, None), next(some, None)
    if first is None:
        return
    if second is None:
        yield translate(first, livemode)
        return
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _begin) as workers:
        waiting = deque[Future[bytes]]()
        for chunk in chain((first, second), some):
            with _whole():
                waiting.append(workers.submit(_translate, chunk, livemode))
            if len(waiting) == AHEAD:
                yield _decoded(waiting.popleft())
        while waiting:
            yield _decoded(waiting.popleft())


def _decoded(translated: "Future[bytes]") -> Translated:
    with _whole():
        return _decode(translated.result())


@contextmanager
def _whole() -> Iterator[None]:
    """What it says when a worker is gone, which is noticed when one gives them more as well."""
    try:
        yield
    except BrokenProcessPool:
        raise click.ClickException(
            "a process that reads lines was ended from outside (was there too little memory?):"
            " import the file again, and it goes on from here"
        ) from None


def _translate(lines: Sequence[Line], livemode: bool) -> bytes:
    return _encode(translate(lines, livemode))


def _begin() -> None:
    """Workers end with their parent, who may be killed and then tells nobody. Ctrl-C is for him."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000, 50, 100)  # values have no circles, as where the service runs
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
