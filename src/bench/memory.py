"""How much memory does a command take at most, in the process of it that takes most?"""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.bench import views
from ledgerstone.bench.measure import Result, within
from ledgerstone.ledger.customers import Customer, CustomerSeen
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS

WATCHED = """
import os, sys
child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process between us and what is measured: a child begins with the highest memory of its parent."""
A_KEY, WITHOUT = 4, 100 * 1024
"""KiB: what a key may take, and what a process takes that holds none."""
MANY, FIRST = 1_000_000, datetime(2026, 1, 1, tzinfo=UTC)


def highest(database: Database, *arguments: str, **settings: str) -> int:
    """Run `ledgerstone` on a database; KiB of its largest process. Raises RuntimeError with what it said."""
    place = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}
    command = [sys.executable, "-c", WATCHED, "-m", "ledgerstone", *arguments]
    told = subprocess.run(command, env={**os.environ, **place, **settings}, capture_output=True, text=True)
    if told.returncode:
        raise RuntimeError(f"`ledgerstone {arguments[0]}` failed: {told.stdout}{told.stderr}")
    return int(told.stdout.splitlines()[-1])


def rebuilding(database: Database) -> Result:
    """The highest memory of a rebuild that may hold an eighth of the keys that there are, beside what so many
    may take."""
    keys, processes = _keys(database), os.cpu_count() or 1
    bound = max(1_000, keys // 8)
    taken = highest(database, "rebuild", "--all", "--no-swap", LEDGERSTONE_REBUILD_KEYS=str(bound))
    what = f"memory of a rebuild of {keys:,} keys that may hold {bound:,}"
    return within(what, taken, WITHOUT + A_KEY * bound / processes, "KiB at most, of one process")


def crowded(database: Database) -> Database:
    """Views of a million keys: customers, each of whom two views know."""
    journal = Journal(environment(database.app_dsn))
    for _ in journal.append_stream((row,) for row in _customers(MANY // 2)):
        pass
    views.made(database, journal)
    journal.close()
    return database


def _customers(number: int) -> Iterator[Recorded]:
    for n in range(number):
        seen = CustomerSeen(id=f"cus_{n:010}", now=Customer(f"tenant_{n}", "SE"))
        yield Recorded(f"crowd/{n}", Book(), FIRST + timedelta(seconds=n), seen)


def _keys(database: Database) -> int:
    count = sql.SQL(" + ").join(
        sql.SQL("(select count(*) from {})").format(sql.Identifier("views", f"{table(view).name}_state"))
        for view in VIEWS
    )
    with psycopg.connect(database.app_dsn) as connection:
        (found,) = connection.execute(sql.SQL("select {}").format(count)).fetchone() or (0,)
        return int(found)
