"""How the intake and the views stand: as of now, always."""

from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import projections, sync


async def intake(asked: Asked) -> Found:
    """What came from the provider, and what waits for a person."""
    fetch = asked.snapshot.fetch
    messages, concerns = await fetch(sync.messages()), await fetch(sync.concerns())
    last = await fetch(sync.last_heard(asked.moment.position))
    return Found(sync.health(messages, concerns, last))


async def views(asked: Asked) -> Found:
    """How far each view is."""
    rows = await asked.snapshot.fetch(projections.standings())
    return Found(projections.shape(rows, asked.services.progress()))
