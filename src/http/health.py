"""Is the service alive, and can its figures be relied upon?"""

import msgspec
import psycopg
from starlette.requests import Request
from starlette.responses import Response

from ledgerstone.http.database import snapshot
from ledgerstone.http.errors import RETRY, Problem
from ledgerstone.http.metrics import MEDIA_TYPE, Metrics
from ledgerstone.http.services import Services
from ledgerstone.projections.reads import projections, verifications
from ledgerstone.projections.reads.projections import Standing
from ledgerstone.projections.reads.rebuilds import Rebuilds
from ledgerstone.projections.reads.verifications import Verification

NO_STORE = {"Cache-Control": "no-store"}


class Health:
    """The routes that are asked by machines: alive, ready, and in figures."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._services, self._metrics = services, metrics

    async def alive(self, request: Request) -> Response:
        """The process answers."""
        return Response(b'{"status":"ok"}', headers=NO_STORE, media_type="application/json")

    async def ready(self, request: Request) -> Response:
        """The database answers, and no view is stopped or more than a minute behind; else 503 with why."""
        try:
            standings = await self._standings()
        except psycopg.Error:
            raise _not_ready(["the database does not answer"]) from None
        if troubles := projections.troubles(standings):
            raise _not_ready(troubles)
        views = {one.name: one.position for one in projections.served(standings)}
        body = msgspec.json.encode({"status": "ready", "views": views})
        return Response(body, headers=NO_STORE, media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        """Counters and gauges, in Prometheus' text format; without the views when the database is gone."""
        try:
            standings, verified = projections.served(await self._standings()), await self._verified()
        except (psycopg.Error, Problem):
            standings, verified = [], None
        return Response(self._metrics.text(standings, verified), headers=NO_STORE, media_type=MEDIA_TYPE)

    async def _verified(self) -> Verification | None:
        async with snapshot(self._services.pool, ()) as seen:
            found = verifications.shape(await seen.fetch(verifications.latest(1)))
        return found[0] if found else None

    async def _standings(self) -> list[Standing]:
        async with snapshot(self._services.pool, ()) as seen:
            rows = await seen.fetch(projections.standings())
        return projections.shape(rows, Rebuilds())


def _not_ready(why: list[str]) -> Problem:
    return Problem(503, f"Not ready: {'; '.join(why)}.", RETRY, reasons=why)
