"""How is a rebuild asked for? It runs in processes of its own, and is looked at where the views are."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from ledgerstone.adapters.postgres.lock import AlreadyRunning
from ledgerstone.http.database import snapshot
from ledgerstone.http.errors import Problem, unavailable
from ledgerstone.http.parameters import read_query
from ledgerstone.http.services import Services
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.views import VIEWS

LOOK = "/sys/projections"
RUNNING = "A rebuild is running: /sys/projections tells how far it is. Try again when it has ended."


class Begun(Struct, frozen=True):
    """A rebuild was begun of the chain that holds a view: where to look how far it is, and what came of
    it."""

    view: str
    look: str


class Rebuild(Struct, frozen=True, forbid_unknown_fields=True):
    """How a chain is to be rebuilt."""

    without: ClassVar[Mapping[str, str]] = {}
    replace: Annotated[
        bool, Meta(description="Swap it though rows of the same version differ: what is read is damaged.")
    ] = False


class Rebuilding:
    """`POST /sys/projections/{name}/rebuild`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Begin a rebuild of the chain that holds a view: 202, 404 without such a view, 409 while one
        runs."""
        name, how = request.path_params["name"], read_query(request.scope["query_string"], Rebuild)
        if name not in {view.name for view in VIEWS}:
            known = ", ".join(sorted(view.name for view in VIEWS))
            raise Problem(404, f"There is no view {name!r}; there are {known}.")
        if self._services.rebuild is None:
            raise unavailable("This service cannot rebuild: use `ledgerstone rebuild`.")
        async with snapshot(self._services.pool, ()) as seen:
            ((running,),) = await seen.fetch(rebuilds.running())
        if running:
            raise Problem(409, RUNNING)
        try:
            await asyncio.to_thread(self._services.rebuild, name, how.replace)
        except AlreadyRunning:
            raise Problem(409, RUNNING) from None
        headers = {"Location": LOOK, "Cache-Control": "no-store"}
        return Response(msgspec.json.encode(Begun(name, LOOK)), 202, headers, "application/json")
