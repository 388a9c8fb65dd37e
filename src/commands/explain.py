"""Why does a row of a view say what it says? Its versions, one after the other, and the bytes of one message
behind them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.http.database import BATCH, reading_pool, snapshot
from ledgerstone.http.moments import known
from ledgerstone.http.parameters import exclusive_end
from ledgerstone.http.reads.explain import Telling, about, chosen, told
from ledgerstone.ledger.evidence import StripeObjectListed
from ledgerstone.ledger.recorded import Book, decode
from ledgerstone.projections.reads.asked import Moment
from ledgerstone.projections.reads.explain import WITH_BYTES, Explained

Show = Callable[[Iterator[Explained]], None]
"""Given the versions."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be explained: the rows of a key in the book of `account` (empty: our own), as known at a
    position or time (None: the head); only what changed in a `column`, or of rows that were true just before
    the end of `as_of`."""

    view: str
    key: str
    column: str | None = None
    account: str = ""
    known_at: str | None = None
    as_of: str | None = None


class NoEvidence(Exception):
    """There is no such message behind a key; what it says is for people."""


class Evidence(Struct, frozen=True):
    """The exact bytes of a message, how it came, and what signed it (None: nothing did)."""

    payload: bytes
    source: str
    signature: str | None
    sha256: str


class Line(Struct, frozen=True):
    """A version as people read it."""

    position: int
    change: str
    valid_from: datetime | None
    valid_to: datetime | None
    recorded_at: datetime
    happened_at: datetime
    fact: str
    name: str
    through: tuple[str, ...]
    evidence: int | None
    message: str | None
    source: str | None
    verified: bool | None
    what: str


def explain(settings: Settings, asked: Asked, show: Show) -> None:
    """Show the versions of the rows of a key. Raises a Problem for what cannot be asked, before anything is
    shown."""
    with migrated(settings) as database, asyncio.Runner() as runner:
        pages = _pages(database, settings.stripe_livemode, asked)
        first = runner.run(_next(pages))
        rest = iter(lambda: runner.run(_next(pages)), None)
        show(chain(first or (), chain.from_iterable(page for page in rest if page is not None)))


def evidence(settings: Settings, asked: Asked, position: int) -> Evidence:
    """The message at a position, or behind the row at it, that has to do with a key. Raises NoEvidence where
    none of its versions has, and a Problem as `explain`."""
    found: list[Explained] = []

    def pick(lines: Iterator[Explained]) -> None:
        found.extend(line for line in lines if position in (line.position, line.evidence_position))

    explain(settings, asked, pick)
    behind = next((line for line in found if line.evidence_position is not None), None)
    if behind is None or behind.evidence_position is None:
        raise NoEvidence(
            f"no version of {asked.view} {asked.key} was caused by row {position} of the log, or by a message"
            " there: the columns `position` and `evidence` of `ledgerstone explain` have those that did"
        )
    with migrated(settings) as database, journal_of(database) as journal:
        ((_, state),) = journal.picked([behind.evidence_position])
    body = decode(state).body
    assert isinstance(body, WITH_BYTES)
    signature = None if isinstance(body, StripeObjectListed) else body.signature
    return Evidence(body.payload, body.source, signature, behind.sha256 or "")


def print_evidence(found: Evidence, echo: Callable[..., None]) -> None:
    """The bytes alone to standard output, so that a digest or a signature of them can be checked."""
    echo(found.payload, nl=False)
    signed = f"Stripe-Signature: {found.signature}" if found.signature else "it came without a signature"
    echo(f"{signed}\nsource: {found.source}\nsha256: {found.sha256}", err=True)


def line(version: Explained) -> Line:
    """A version, on a line that a person can take in."""
    return Line(
        position=version.position,
        change=version.change,
        valid_from=version.valid_from or version.at,
        valid_to=version.valid_to,
        recorded_at=version.recorded_at,
        happened_at=version.happened_at,
        fact=version.fact,
        name=version.name,
        through=version.through,
        evidence=version.evidence_position,
        message=version.evidence_type,
        source=version.source,
        verified=version.verified,
        what="; ".join(f"{name}: {_step(sides)}" for name, sides in version.changed.items()),
    )


def _step(sides: Mapping[str, Any]) -> str:
    return " → ".join(_said(sides[side]) for side in ("before", "after"))


def _said(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or "–"
    return msgspec.json.encode(value).decode().strip('"')


async def _pages(database: Database, livemode: bool, asked: Asked) -> AsyncIterator[list[Explained]]:
    until = exclusive_end("as_of", asked.as_of) if asked.as_of else None
    subject = about(asked.view, asked.key, asked.column, until)
    views = chosen({"view": asked.view})
    async with reading_pool(database.app_dsn, 1) as pool, snapshot(pool, views) as seen:
        moment = Moment(str(Book(asked.account, livemode)), datetime.now(UTC), seen.positions[views[0]])
        if asked.known_at is not None:
            moment = (await known(seen, "known_at", asked.known_at, moment)).moment
        async for page in await told(Telling(seen, moment, subject), None, BATCH):
            yield [version for _, version in page]


async def _next(pages: AsyncIterator[list[Explained]]) -> list[Explained] | None:
    return await anext(pages, None)
