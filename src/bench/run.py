"""Which figures were promised, and are they reached? Runs them on a PostgreSQL of its own, with fsync on."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql

from ledgerstone.adapters.postgres.database import APP_ROLE, OWNER_ROLE, Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.migrations import migrate
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bench import (
    append,
    asof,
    balances,
    exports,
    imports,
    lag,
    memory,
    peer,
    postings,
    reads,
    replays,
    scale,
    views,
    webhooks,
)
from ledgerstone.bench.measure import HEADER, Measured
from ledgerstone.bootstrap import tune_interpreter
from ledgerstone.demo.history import generate
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded

MONTHS = 24


class Setting(Struct):
    """What a figure is measured on: an empty log, and one with the history of a business."""

    empty: Database
    full: Database
    journals: dict[str, Journal]
    stocks: dict[str, peer.Stock]
    events: int
    memory: int
    books: Callable[[], Database]
    crowd: Callable[[], Database]

    def journal(self, database: Database) -> Journal:
        """Our journal over a database."""
        if database.app_dsn not in self.journals:
            self.journals[database.app_dsn] = Journal(environment(database.app_dsn))
        return self.journals[database.app_dsn]

    def stock(self, database: Database) -> peer.Stock:
        """The peer in a database."""
        if database.app_dsn not in self.stocks:
            self.stocks[database.app_dsn] = peer.Stock(env=peer.environment(database.app_dsn))
        return self.stocks[database.app_dsn]


Bench = Callable[[Setting], Measured]

BENCHES: dict[str, Bench] = {
    "append": lambda on: append.batches(on.journal(on.empty), on.stock(on.empty)),
    "together": lambda on: append.together(on.journal(on.empty), on.stock(on.empty)),
    "webhooks": lambda on: webhooks.durable(on.empty.app_dsn),
    "postings": lambda on: postings.added(on.journal(on.empty)),
    "live": lambda on: views.live(on.full, on.journal(on.full), on.stock(on.full)),
    "rebuild": lambda on: views.rebuilt(on.full, on.journal(on.full), on.stock(on.full)),
    "compared": lambda on: views.compared(on.full, on.journal(on.full), on.stock(on.full)),
    "held": lambda on: memory.rebuilding(views.made(on.full, on.journal(on.full))),
    "held-many": lambda on: memory.rebuilding(on.crowd()),
    "one": lambda on: views.one(on.full, on.journal(on.full)),
    "one-invoices": lambda on: views.one(on.full, on.journal(on.full), "invoices"),
    "one-payments": lambda on: views.one(on.full, on.journal(on.full), "payments"),
    "lag": lambda on: lag.lag(views.made(on.full, on.journal(on.full))),
    "mrr": lambda on: reads.warm(views.made(on.full, on.journal(on.full)).app_dsn),
    "asof": lambda on: asof.known(
        views.made(on.full, on.journal(on.full)).app_dsn, on.journal(on.full).head()
    ),
    "replay": lambda on: replays.of_one(views.made(on.full, on.journal(on.full)), on.journal(on.full)),
    "balances": lambda on: balances.current(on.books().app_dsn),
    "balances-past": lambda on: balances.past(on.books().app_dsn),
    "export": lambda on: exports.speed(on.books()),
    "import": lambda on: imports.speed(on.journal(on.empty), on.events),
    "memory": lambda on: imports.memory(on.empty, on.memory),
}


class Sizes(Struct, frozen=True):
    """How much is measured: customers behind the views, events of an import for its speed and its memory,
    movements behind a trial balance."""

    customers: int = 1_200
    events: int = 120_000
    memory: int = 200_000
    movements: int = 1_000_000


def run(home: Path, names: Sequence[str], sizes: Sizes, say: Callable[[str], None]) -> bool:
    """Measure what is named (all, if nothing is) and say each figure; whether all promises were kept."""
    tune_interpreter()
    kept = True
    with _setting(home, sizes, say) as setting:
        say(HEADER)
        for name in names or BENCHES:
            result = BENCHES[name](setting)
            kept = kept and result.kept
            say(str(result))
    return kept


def grow(home: Path, lengths: Sequence[int], say: Callable[[str], None]) -> None:
    """Measure at each of several lengths of a log that grows, and say each line."""
    tune_interpreter()
    with EmbeddedServer(home, roles=(OWNER_ROLE, APP_ROLE)) as server:
        database = afresh(server, "bench_scale")
        say(_machine(database))
        journal = Journal(environment(database.app_dsn))
        try:
            scale.grown(database, journal, lengths, say)
        finally:
            journal.close()


def _machine(database: Database) -> str:
    return f"{platform.machine()}, {os.cpu_count()} processors, {database.description}, fsync on"


@contextmanager
def _setting(home: Path, sizes: Sizes, say: Callable[[str], None]) -> Iterator[Setting]:
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(home, roles=(OWNER_ROLE, APP_ROLE)))
        empty, full = afresh(server, "bench_empty"), afresh(server, "bench_full")
        books = cache(lambda: balances.filled(afresh(server, "bench_books"), sizes.movements, say))
        crowd = cache(lambda: memory.crowded(afresh(server, "bench_crowd")))
        setting = Setting(empty, full, {}, {}, sizes.events, sizes.memory, books, crowd)
        say(_machine(full))
        say(f"a log of {sizes.customers:,} customers over {MONTHS} months")
        stack.callback(_close, setting)
        rows = setting.journal(setting.full)
        for _ in rows.append_stream(_history(sizes.customers)):
            pass
        _settle(server, "bench_full")
        yield setting


def _settle(server: EmbeddedServer, name: str) -> None:
    """Do at once what PostgreSQL would do beside the first runs to a log that was written a moment ago."""
    with psycopg.connect(server.dsn(name), autocommit=True) as connection:
        connection.execute("vacuum (freeze, analyze)")
        connection.execute("checkpoint")


def _close(setting: Setting) -> None:
    for journal in setting.journals.values():
        journal.close()
    for stock in setting.stocks.values():
        stock.close()


def afresh(server: EmbeddedServer, name: str) -> Database:
    """A migrated database of this name, without what it held."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
    database = create_database(server, name)
    migrate(database)
    return database


def _history(customers: int) -> Iterator[tuple[Recorded, ...]]:
    for event in generate(seed=1, customers=customers, months=MONTHS).events:
        yield read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True).rows
