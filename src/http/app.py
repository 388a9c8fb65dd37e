"""Which routes are there? All of them, on one screen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from ledgerstone.http import docs, openapi
from ledgerstone.http import parameters as ask
from ledgerstone.http.answering import Endpoint
from ledgerstone.http.cache import Cache
from ledgerstone.http.deciding import Deciding
from ledgerstone.http.errors import HANDLERS
from ledgerstone.http.health import Health
from ledgerstone.http.history import MESSAGES, POSTINGS, History
from ledgerstone.http.metrics import Counted
from ledgerstone.http.positions import Positions
from ledgerstone.http.questions import Answered, AnyRead, Listed, Walked
from ledgerstone.http.reads import audit, billing, closed, exchange, objects, operations
from ledgerstone.http.reads import bridge as bridges
from ledgerstone.http.reads import explain as explaining
from ledgerstone.http.reads import journal as books
from ledgerstone.http.reads import periods as months
from ledgerstone.http.rebuilding import Rebuilding
from ledgerstone.http.services import Services
from ledgerstone.http.webhooks import StripeWebhook
from ledgerstone.projections.conflicts import Conflicts
from ledgerstone.projections.credit_notes import CreditNotes
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.money import Money
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.payments import Payments
from ledgerstone.projections.rates import Rates
from ledgerstone.projections.reads import (
    balances,
    bridge,
    closed_lines,
    closes,
    events,
    explain,
    invoices,
    journal,
    movements,
    mrr,
    payments,
    projections,
    rates,
    recognition,
    revenue,
    statements,
    subscriptions,
    sync,
    verifications,
)
from ledgerstone.projections.reads.asked import tracked
from ledgerstone.projections.recognition import Recognition
from ledgerstone.projections.schedules import Schedules
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.sync import Sync

MRR = (tracked(Mrr),)
FX = (tracked(Rates),)
MONEY = (tracked(Invoices), tracked(Payments), tracked(Money), tracked(Customers))
NOTES = (*MONEY, tracked(CreditNotes))
LIVES = (tracked(Subscriptions), tracked(Mrr), tracked(Customers))
FUTURES = (*LIVES, tracked(Schedules))
INTAKE = (tracked(Sync),)
CAME = (*INTAKE, MESSAGES.name)
DOUBTS = (*INTAKE, tracked(Conflicts), *(tracked(view) for view in sync.DOUBTED.values()))
LIFE = subscriptions.SubscriptionDetail
EXPLAIN = "/audit/explain/{view}/{key}"
BOOKED = (POSTINGS.name,)
EARNED = (tracked(Recognition),)
ENTRY, LINE = journal.JournalEntry, statements.StatementLine
MONTH, LEFT = closes.MonthDetail, recognition.DeferredMonth
CLOSED, OF_CLOSE = "/sys/periods/{period}/lines", closed_lines.ClosedLine

# fmt: off
READS: tuple[AnyRead, ...] = (
    Answered("/sys/billing/mrr", ask.Periods, mrr.MrrFigure, MRR, billing.by_period),
    Answered("/sys/billing/mrr/movements", ask.Periods, movements.MovementFigure, MRR, billing.moved),
    Answered("/sys/billing/mrr/bridge", ask.Bridge, bridge.BridgeLine, MRR, bridges.changed),
    Answered("/sys/billing/revenue", ask.Window, revenue.Headline, (*MRR, *NOTES), billing.headline),
    Answered("/api/mrr", ask.Months, mrr.MonthFigure, MRR, billing.by_month),
    Answered("/sys/fx/rates", ask.Rates, rates.Rate, FX, exchange.published),
    Listed("/sys/invoices", ask.Invoices, invoices.Invoice, MONEY, invoices.LIST),
    Answered("/sys/invoices/{id}", ask.AsKnown, invoices.InvoiceDetail, NOTES, objects.invoice, listed=False),
    Listed("/sys/payments", ask.Payments, payments.Payment, MONEY, payments.LIST),
    Answered("/sys/payments/{id}", ask.AsKnown, payments.PaymentDetail, MONEY, objects.payment, listed=False),
    Listed("/sys/subscriptions", ask.Subscriptions, subscriptions.Subscription, LIVES, subscriptions.LIST),
    Answered("/sys/subscriptions/{id}", ask.AsKnown, LIFE, FUTURES, objects.subscription, listed=False),
    Listed("/sys/journal/entries", ask.Entries, ENTRY, BOOKED, journal.LIST, **books.ENTRIES),
    Listed("/sys/journal/accounts/{account}", ask.Statement, LINE, BOOKED, statements.LIST, **books.STATED),
    Answered("/sys/journal/balances", ask.Balances, balances.Balance, BOOKED, books.balances, **books.PARTED),
    Listed("/sys/journal/schedules", ask.Schedules, recognition.ScheduleLine, EARNED, recognition.LIST),
    Answered("/sys/journal/deferred", ask.Schedules, LEFT, EARNED, months.deferred),
    Answered("/sys/periods", ask.Paged, closes.Month, BOOKED, months.months, fresh=True),
    Answered("/sys/periods/{period}", ask.AsKnown, MONTH, BOOKED, months.month, fresh=True, listed=False),
    Walked(CLOSED, ask.Lines, OF_CLOSE, closed.VIEWS, closed.chosen, closed.lines, fresh=True),
    Listed("/audit/events", ask.EventsAsked, events.Event, CAME, events.LIST, True),
    Answered("/audit/events/{position}", ask.EventAsked, events.EventDetail, CAME, audit.event, True, False),
    Walked(EXPLAIN, ask.Explain, explain.Explained, explaining.VIEWS, explaining.chosen, explaining.versions),
    Answered("/sys/sync/stripe", ask.Now, sync.Health, DOUBTS, operations.intake, True, False, False),
    Answered("/sys/projections", ask.Nothing, projections.Standing, (), operations.views),
    Answered("/sys/verification", ask.Nothing, verifications.Verification, (), operations.verified),
)
# fmt: on


def create_app(services: Services) -> Starlette:
    """The web of a service; it opens the pool and listens to the views for as long as it runs."""
    metrics, positions = services.metrics, Positions(services.dsn)
    health, cache = Health(services, metrics), Cache()
    indexes = {kept.name: History(services.journal, services.dsn, kept) for kept in (MESSAGES, POSTINGS)}
    parts, deciding = (services, positions, cache, indexes), Deciding(services)
    routes = [
        Route("/api/webhooks/stripe", StripeWebhook(services, metrics), methods=["POST"]),
        *(_route(Endpoint(read, *parts, csv=True)) for read in READS if read.csv),
        *(_route(Endpoint(read, *parts)) for read in READS),
        Route("/sys/projections/{name}/rebuild", Rebuilding(services).__call__, methods=["POST"]),
        Route("/sys/periods/{period}/close", deciding.close, methods=["POST"]),
        Route("/sys/periods/{period}/reopen", deciding.reopen, methods=["POST"]),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
        *docs.routes(openapi.document(READS, services.version)),
    ]
    names: dict[object, str] = {route.endpoint: route.path for route in routes if isinstance(route, Route)}
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Counted, metrics=metrics, routes=names)],
        exception_handlers=HANDLERS,
        lifespan=lambda app: _running(services, positions, [*indexes.values()]),
    )
    app.router.redirect_slashes = False
    return app


def _route(endpoint: Endpoint) -> Route:
    """A key may hold a slash: `price/price_1` is one of the view `terms`."""
    return Route(endpoint.path.replace("{key}", "{key:path}"), endpoint, methods=["GET"])


@asynccontextmanager
async def _running(
    services: Services, positions: Positions, indexes: Sequence[History]
) -> AsyncIterator[None]:
    async with services.pool:
        followed = [positions.follow(), *(index.follow() for index in indexes)]
        tasks = [asyncio.create_task(each) for each in followed]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            for index in indexes:
                index.close()
