"""How much memory does a command take at most, in the process of it that takes most?"""

import os
import subprocess
import sys

import psycopg
from psycopg import sql

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bench.measure import Result, within
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


def _keys(database: Database) -> int:
    count = sql.SQL(" + ").join(
        sql.SQL("(select count(*) from {})").format(sql.Identifier("views", f"{table(view).name}_state"))
        for view in VIEWS
    )
    with psycopg.connect(database.app_dsn) as connection:
        (found,) = connection.execute(sql.SQL("select {}").format(count)).fetchone() or (0,)
        return int(found)
