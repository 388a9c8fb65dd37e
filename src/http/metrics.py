"""What does the operator's monitoring see? Webhooks, appends, requests and the views' lag, for Prometheus."""

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledgerstone.projections.reads.projections import Standing
from ledgerstone.projections.reads.verifications import Verification

MEDIA_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
METHODS = frozenset({"GET", "HEAD", "POST"})
OUTCOMES = (
    "new",
    "duplicate",
    "parked",
    "ignored",
    "unsigned",
    "unreadable",
    "too_large",
    "too_slow",
    "unavailable",
)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        webhooks = Counter(
            "ledgerstone_webhooks", "Webhooks by outcome.", ["outcome"], registry=self.registry
        )
        self._webhooks = webhooks
        self.webhooks = {outcome: webhooks.labels(outcome) for outcome in OUTCOMES}
        self.append = Histogram(
            "ledgerstone_append_seconds",
            "From a verified webhook to its commit.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._bound: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        labels = ["route", "method", "status"]
        self._requests = Counter(
            "ledgerstone_requests", "Requests by route and status.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "ledgerstone_request_seconds",
            "From request to answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._lag_rows = Gauge(
            "ledgerstone_view_lag_rows", "Rows of the log to come.", ["view"], registry=self.registry
        )
        self._wrong = Gauge(
            "ledgerstone_verification_wrong",
            "What the last verification of the books found wrong.",
            registry=self.registry,
        )
        self._verified = Gauge(
            "ledgerstone_verification_timestamp_seconds",
            "When the last verification of the books ended; 0 before the first.",
            registry=self.registry,
        )
        self._lag_seconds = Gauge(
            "ledgerstone_view_lag_seconds",
            "How long the next row has waited.",
            ["view"],
            registry=self.registry,
        )

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = method if method in METHODS else "other"
        found = self._bound.get((route, known, status))
        if found is None:
            found = self._requests.labels(route, known, status), self._seconds.labels(route)
            self._bound[route, known, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def outcomes(self) -> dict[str, int]:
        """How many webhooks had each outcome."""
        samples = [sample for metric in self._webhooks.collect() for sample in metric.samples]
        return {each.labels["outcome"]: int(each.value) for each in samples if each.name.endswith("_total")}

    def text(self, standings: Sequence[Standing], verified: Verification | None = None) -> bytes:
        """All of it, with the views as they stand, and what the last verification found."""
        if verified is not None:
            self._wrong.set(len(verified.wrong))
            self._verified.set(verified.ended_at.timestamp())
        for view in standings:
            self._lag_rows.labels(view.name).set(view.lag)
            self._lag_seconds.labels(view.name).set(view.lag_seconds)
        return generate_latest(self.registry)


class Counted:
    """ASGI middleware that counts requests. Not BaseHTTPMiddleware: that costs as much as seven answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: dict[object, str]) -> None:
        self._app, self._metrics, self._routes = app, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = self._routes.get(scope.get("endpoint"), "none")
            self._metrics.count(route, scope["method"], status, time.perf_counter() - start)
