"""What stands behind the figures: the messages themselves."""

from ledgerstone.http.errors import Problem
from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import events


async def event(asked: Asked) -> Found:
    """A message by the position of its evidence: its state, what was read from it, and, on request, its exact
    bytes."""
    text, moment, fetch = asked.path["position"], asked.moment, asked.snapshot.fetch
    position = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    if not (rows := await fetch(events.one(moment, position))):
        raise _unknown(asked)
    behind = await fetch(events.readings(moment, position, rows[0][3]))
    return Found(events.detail(position, rows[0], behind, asked.query.evidence))


def _unknown(asked: Asked) -> Problem:
    moment = asked.moment
    when = f"made before {moment.at:%Y-%m-%dT%H:%M:%SZ} and known at position {moment.position}"
    return Problem(404, f"There is no message of these books at {asked.path['position']!r}, {when}.")
