"""What is configured, and how do the parts come together? The only file that knows everything.

Configuration is the environment alone, read and checked once, at the start."""

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from ledgerstone.adapters.postgres.binaries import EmbeddedError
from ledgerstone.adapters.postgres.database import Database, open_database
from ledgerstone.adapters.postgres.dump import DumpError
from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.adapters.postgres.listen import Listener
from ledgerstone.adapters.postgres.lock import AlreadyRunning
from ledgerstone.adapters.postgres.migrations import MigrationError, migrate
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.adapters.postgres.view_store import Connect, PostgresViews, TablesDiffer
from ledgerstone.adapters.postgres.view_swap import BEGINNING, TablesBusy
from ledgerstone.http.intake import BYTES, LARGEST, SECONDS
from ledgerstone.ledger.journal import Journal, LogUnavailable
from ledgerstone.projections.bulk import KEYS
from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.live import Stopped, follow
from ledgerstone.projections.reads.projections import CODE, NAMES
from ledgerstone.projections.rebuild import Chained, NotSwapped, Told, begin, fresh
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS

CHANNEL = "stored_events"
"""On which the log tells that it grew."""
SWEEP = 60.0
"""Seconds between two looks for tables that nobody reads any more."""
CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|off", re.ASCII)
PATIENCE = 15.0
"""Seconds that a window of the engine may take to end: a database that says nothing must not keep us."""


class ConfigurationError(Exception):
    """The environment cannot be used; the message names every variable that is wrong, and why."""


EXPECTED = (
    ConfigurationError,
    EmbeddedError,
    MigrationError,
    DumpError,
    AlreadyRunning,
    TablesDiffer,
    TablesBusy,
    NotSwapped,
    LogUnavailable,
    psycopg.OperationalError,
)
"""What can go wrong without a mistake of ours: the message is for people, and a traceback would hide it."""


class Settings(Struct, frozen=True, kw_only=True):
    """The environment, decoded: each field is the variable of its name in capitals."""

    database_url: str | None = None
    migration_database_url: str | None = None
    stripe_api_key: str | None = None
    stripe_webhook_secrets: tuple[str, ...] = ()
    stripe_livemode: bool = True
    stripe_api_base: str = "https://api.stripe.com"
    ledgerstone_env: Literal["development", "production"] = "development"
    ledgerstone_home: Path = Path("var/pg")
    ledgerstone_webhook_bytes: int = BYTES
    ledgerstone_webhook_seconds: float = SECONDS
    ledgerstone_rebuild_keys: int = KEYS
    ledgerstone_reporting_currency: str | None = None
    ledgerstone_verify_at: str = "02:30"
    ledgerstone_functional_currency: str | None = None

    def __repr__(self) -> str:
        return f"Settings({self.ledgerstone_env}, secrets not shown)"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises ConfigurationError, which names all that is wrong at once."""
    told = {name: value for name in Settings.__struct_fields__ if (value := environ.get(name.upper()))}
    told.setdefault("ledgerstone_home", str(_home(environ)))
    wrong: list[str] = []
    decoded: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if field.name in told:
            try:
                decoded[field.name] = _decoded(told[field.name], field.type)
            except ValueError as error:
                wrong.append(f"{field.name.upper()}: {error}")
    settings = Settings(**decoded)
    wrong += _contradictions(settings)
    if wrong:
        raise ConfigurationError("the environment cannot be used:\n  " + "\n  ".join(wrong))
    return settings


def _decoded(value: str, kind: Any) -> Any:
    """A variable's text as its field's type; ValueError says what it should be."""
    if kind is Path:
        return Path(value).expanduser()
    if kind == tuple[str, ...]:
        return tuple(part for part in map(str.strip, value.split(",")) if part)
    try:
        return msgspec.convert(value, kind, strict=False)
    except ValueError:
        if kind in (int, float):
            raise ValueError(f"{value!r} is not a {'whole ' if kind is int else ''}number") from None
        choices = get_args(kind) if get_origin(kind) is Literal else ("true", "false")
        raise ValueError(f"{value!r} is not one of {', '.join(choices)}") from None


def _contradictions(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "migration_database_url"):
        try:
            conninfo_to_dict(getattr(settings, name) or "")
        except psycopg.ProgrammingError as error:
            yield f"{name.upper()}: {str(error).strip()}"
    if settings.migration_database_url and not settings.database_url:
        yield "MIGRATION_DATABASE_URL: set without DATABASE_URL: set both, or neither"
    if settings.ledgerstone_env == "production" and not settings.database_url:
        yield "DATABASE_URL: needed where LEDGERSTONE_ENV is production"
    if settings.ledgerstone_webhook_bytes < LARGEST:
        yield f"LEDGERSTONE_WEBHOOK_BYTES: less than {LARGEST}, which one message may have"
    if not 0 < settings.ledgerstone_webhook_seconds < 3600:
        yield "LEDGERSTONE_WEBHOOK_SECONDS: not between 0 and 3600"
    if settings.ledgerstone_rebuild_keys < 1_000:
        yield "LEDGERSTONE_REBUILD_KEYS: less than 1000, with which a rebuild would hardly end"
    for name in ("ledgerstone_reporting_currency", "ledgerstone_functional_currency"):
        if not CURRENCY.fullmatch(code := getattr(settings, name) or "eur"):
            yield f"{name.upper()}: {code!r} is no currency's code in lower case, as eur is"
    if not TIME_OF_DAY.fullmatch(at := settings.ledgerstone_verify_at):
        yield f"LEDGERSTONE_VERIFY_AT: {at!r} is no time of day (UTC), as 02:30 is, nor off"
    base = urlsplit(settings.stripe_api_base)
    if base.scheme not in ("http", "https") or not base.hostname:
        yield f"STRIPE_API_BASE: {settings.stripe_api_base!r} is no http or https address"


def _home(environ: Mapping[str, str]) -> Path:
    """Beside the checkout that we run in, else where this user's programs keep their data."""
    if Path("pyproject.toml").exists() or Path("var/pg").is_dir():
        return Path("var/pg")
    data = environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data, "ledgerstone/pg")


def tune_interpreter() -> None:
    """For a process that serves: threads hand over often, or else the one that commits waits for the one that
    reads requests, five milliseconds at a time. And Python looks for garbage in circles seldom: our values
    have none, and looking through the caches of a long-lived process costs a quarter of its time."""
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@contextmanager
def without_collection() -> Iterator[None]:
    """Look for no garbage in circles while values that have none are made by the million."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def migrated(settings: Settings) -> Iterator[Database]:
    """The database, at this version. The owner's role is used here and nowhere else."""
    with open_database(
        settings.ledgerstone_home, settings.database_url, settings.migration_database_url
    ) as database:
        migrate(database)
        yield database


@contextmanager
def journal_of(database: Database) -> Iterator[Journal]:
    """The journal over the log of a database; on the way out, what waits is written."""
    journal = Journal(environment(database.app_dsn))
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def views_of(database: Database, suffix: str = "", connect: Connect = connect) -> Iterator[PostgresViews]:
    """The tables of views."""
    store = PostgresViews(database.app_dsn, suffix, connect)
    try:
        yield store
    finally:
        store.close()


Beginning = Callable[[Sequence[Chained], Told], bool]
"""Makes chains of views from nothing, by other processes; False where it cannot be done so now."""


def by_nobody_else(groups: Sequence[Chained], told: Told) -> bool:
    """There are no other processes."""
    return False


@contextmanager
def following(
    database: Database,
    journal: Journal,
    trouble: Callable[[Exception], None],
    begun_by: Beginning = by_nobody_else,
) -> Iterator[Engine]:
    """An engine that keeps the views up to date in a thread of its own, while no other process does it.
    `trouble` hears of failures, all of which it outlives. Views of a long log are begun by others, where
    these can, or else beside the tables that are read."""
    with (
        closing(Lease(database.app_dsn, CODE, serves=NAMES)) as lease,
        views_of(database, "", lease.connect) as store,
        views_of(database, BEGINNING, partial(lease.connect, work=BEGINNING)) as beside,
        ThreadPoolExecutor(1, "ledgerstone-reader") as aside,
    ):
        engine, stopping = Engine(VIEWS, journal, store, aside, waits=True), Event()
        listener = Listener(database.app_dsn, CHANNEL)

        def told(done: int, total: int) -> None:
            if stopping.is_set():
                raise Stopped
            if not lease.held:
                raise Overtaken("another service leads now")

        def start() -> None:
            beside.drop([table(view) for view in VIEWS])  # what was begun and did not come to its end
            if not (groups := fresh(engine, journal)):
                return
            if begun_by(groups, told):
                engine.restart()
                return
            told(0, 0)
            with without_collection():
                begin(engine, journal, beside, aside, told)

        def hang_up() -> None:
            """Nothing of a connection is trusted on which something went wrong, or that did not lead."""
            store.close()
            beside.close()

        def leads() -> bool:
            if lease.gained():
                hang_up()
            return lease.held

        def troubled(failure: Exception) -> None:
            hang_up()
            trouble(failure)

        work = (engine, start, listener.wait, stopping, troubled, leads)
        thread = Thread(target=follow, args=work, name="ledgerstone-engine", daemon=True)
        thread.start()
        try:
            yield engine
        finally:
            stopping.set()
            listener.stop()
            thread.join(PATIENCE)
            listener.close()


@contextmanager
def sweeping(database: Database, trouble: Callable[[Exception], None]) -> Iterator[None]:
    """Drop tables of views that nobody reads any more, now and then, in a thread of its own."""
    ended = Event()

    def sweep() -> None:
        while not ended.wait(SWEEP):
            try:
                with views_of(database) as store:
                    store.sweep(NAMES)
            except psycopg.Error as failure:
                trouble(failure)

    thread = Thread(target=sweep, name="ledgerstone-sweeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE)
