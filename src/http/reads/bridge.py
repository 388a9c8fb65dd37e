"""Why a past figure changed between two moments of knowledge."""

from msgspec.structs import replace

from ledgerstone.http.errors import refused
from ledgerstone.http.moments import known
from ledgerstone.http.questions import Asked, Found
from ledgerstone.projections.reads import bridge


async def changed(asked: Asked) -> Found:
    """How recurring revenue at `as_of`, as known at one moment, became what is known at another."""
    query, moment, fetch = asked.query, asked.moment, asked.snapshot.fetch
    if query.known_from is None:
        raise refused("known_from", "`known_from` is needed: the position or time from which on to explain.")
    head = replace(moment, position=min(asked.snapshot.positions.values()))
    first = await known(asked.snapshot, "known_from", query.known_from, head)
    if first.notes or first.moment.position > moment.position:
        raise refused("known_from", "`known_from` is later than `known_to`, or than all that is known.")
    span = bridge.Span(first.moment.position, first.known_at, moment)
    steps = await fetch(bridge.steps(span, query.currency))
    if len(steps) > bridge.MOST:
        raise refused(
            "known_from",
            f"More than {bridge.MOST} rows of the log changed the figure: ask for a shorter time between"
            " `known_from` and `known_to`, or for one `currency`.",
        )
    lines = list(bridge.bridge(span, await fetch(bridge.standing(first.moment, query.currency)), steps))
    return Found(lines, sum(line.incomplete != 0 for line in lines))
