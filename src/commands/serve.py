"""How does the service run? The API, and beside it what keeps the views, until it is told to end: then what
was accepted is answered, what was taken is committed, and all is closed."""

import logging
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from importlib import metadata

import click
import uvicorn

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bootstrap import Settings, journal_of, migrated, sweeping, tune_interpreter
from ledgerstone.commands.keeping import LINE_OF_LOG, keeping
from ledgerstone.commands.launch import Launcher
from ledgerstone.commands.nightly import verifying
from ledgerstone.http.app import create_app
from ledgerstone.http.connections import BACKLOG, RECEIVE, configuration
from ledgerstone.http.database import reading_pool
from ledgerstone.http.services import Services
from ledgerstone.ledger.journal import Journal

logger = logging.getLogger("ledgerstone")


def serve(settings: Settings, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    logging.basicConfig(format=LINE_OF_LOG, level=logging.INFO)
    with _bound(host, port) as bound, migrated(settings) as database:
        say(database.description)
        if not settings.stripe_webhook_secrets:
            say("STRIPE_WEBHOOK_SECRETS is not set: every webhook will be refused")
        with (
            journal_of(database) as journal,
            keeping(database.app_dsn, settings.ledgerstone_rebuild_keys),
            sweeping(database, _trouble),
            closing(Launcher()) as launcher,
            verifying(settings.ledgerstone_verify_at),
        ):
            server = uvicorn.Server(_configured(settings, database, journal, launcher))
            tune_interpreter()
            say(f"http://{_shown(bound)} (Ctrl-C ends it)")
            with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has ended
                server.run([bound])
    say("ended")


def _configured(
    settings: Settings, database: Database, journal: Journal, launcher: Launcher
) -> uvicorn.Config:
    services = Services(
        journal=journal,
        dsn=database.app_dsn,
        pool=reading_pool(database.app_dsn),
        livemode=settings.stripe_livemode,
        webhook_secrets=settings.stripe_webhook_secrets,
        webhook_bytes=settings.ledgerstone_webhook_bytes,
        webhook_seconds=settings.ledgerstone_webhook_seconds,
        reporting_currency=settings.ledgerstone_reporting_currency,
        functional_currency=settings.ledgerstone_functional_currency,
        version=version(),
        rebuild=launcher.start,
    )
    return configuration(create_app(services))


def version() -> str:
    """This program's version; 0 where it runs from sources that were never installed."""
    try:
        return metadata.version("ledgerstone")
    except metadata.PackageNotFoundError:
        return "0"


def _bound(host: str, port: int) -> socket.socket:
    """The port is ours before anything is started; 0 takes any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host} port {port}: {error.strerror}") from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)  # connections have it from here
    return bound


def _shown(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _trouble(failure: Exception) -> None:
    logger.warning("tables that nobody reads are still there: %s", failure)
