"""How the intake and the views stand: as of now, always."""

from msgspec.structs import replace

from ledgerstone.http.metrics import Metrics
from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import projections, rebuilds, sync, verifications


async def intake(asked: Asked) -> Found:
    """What came from the provider, and what waits for a person."""
    fetch, moment = asked.snapshot.fetch, asked.moment
    messages, concerns = await fetch(sync.messages(moment)), await fetch(sync.concerns(moment))
    (standing,) = await fetch(sync.standing(moment))
    health = sync.health(messages, concerns, standing)
    if asked.query.account is None:
        books = await fetch(sync.troubled(moment))
        accounts = tuple(book.rpartition(":")[0] for (book,) in books)
        health = replace(health, accounts=accounts, turned_away=_turned_away(asked.services.metrics))
    return Found(health)


def _turned_away(metrics: Metrics) -> sync.TurnedAway:
    counts = metrics.outcomes()
    return sync.TurnedAway(
        livemode=counts["ignored"],
        unsigned=counts["unsigned"],
        unreadable=counts["unreadable"],
        too_large=counts["too_large"],
        unavailable=counts["unavailable"],
    )


async def views(asked: Asked) -> Found:
    """How far each view is, and how it was rebuilt."""
    rows = await asked.snapshot.fetch(projections.standings())
    rebuilt = await asked.snapshot.fetch(rebuilds.latest())
    return Found(projections.shape(rows, rebuilds.shape(rebuilt)))


async def verified(asked: Asked) -> Found:
    """What the nightly verification found, the newest first."""
    return Found(verifications.shape(await asked.snapshot.fetch(verifications.latest())))
