"""How do people read what the API can do? In pages that need nothing from elsewhere: `offapi` holds them."""

from collections.abc import Sequence
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ledgerstone API</title>
<link rel="stylesheet" href="/docs/swagger_style.css">
</head>
<body>
<div id="swagger"></div>
<script src="/docs/swagger_bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = b'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null});'
FILES = {"swagger_style.css": "text/css", "swagger_bundle.js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def routes(openapi: bytes) -> Sequence[BaseRoute]:
    """`/openapi.json`, and the pages that show it."""

    async def description(request: Request) -> Response:
        return Response(openapi, headers=HEADERS, media_type="application/json")

    async def page(request: Request) -> Response:
        return Response(PAGE, headers=HEADERS, media_type="text/html")

    return [
        Route("/openapi.json", description),
        Route("/docs", page),
        Mount("/docs", routes=[Route("/start.js", _start), Route("/{name}", _file)]),
    ]


async def _start(request: Request) -> Response:
    return Response(START, headers=HEADERS, media_type="text/javascript")


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    body = resources.files("offapi").joinpath(name).read_bytes()
    return Response(body, headers={**HEADERS, "Cache-Control": "max-age=86400"}, media_type=FILES[name])
