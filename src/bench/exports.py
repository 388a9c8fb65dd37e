"""How fast are the books written for hledger, beside the time in which it reads them?"""

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import click
import psycopg

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.ledger.recorded import Book
from ledgerstone.projections.reads.journal import ENTRIES

ENTRIES_MOST = 100_000
NEXT = f"select day from {ENTRIES} where book = %s order by day, position offset %s limit 1"
COUNT = f"select count(*) from {ENTRIES} where book = %s and day <= %s"


def speed(database: Database) -> Result:
    """The command, from its start to the whole file, and `hledger check` of that file."""
    if (hledger := shutil.which("hledger")) is None:
        raise click.ClickException("`export` is measured beside hledger, which is not installed")
    until, number = _part(database)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "books.journal")

        def ours() -> float:
            return rate(number, lambda: _export(database, until, file))

        def theirs() -> float:
            return rate(number, lambda: _run([hledger, "-f", str(file), "check"], {"LANG": "C.UTF-8"}))

        ours()
        what = f"export of {number:,} entries, beside hledger reading them"
        note = f"{file.stat().st_size / 1e6:,.0f} MB"
        return paired(what, ours, theirs, 1, "entries/s", note=note)


def _part(database: Database) -> tuple[date, int]:
    """The last day of as many whole days as have no more entries than are wanted, and how many they have."""
    book = str(Book())
    with psycopg.connect(database.app_dsn) as connection:
        behind = connection.execute(NEXT.encode(), [book, ENTRIES_MOST]).fetchone()
        until = behind[0] - timedelta(days=1) if behind else date(2027, 12, 31)
        ((number,),) = connection.execute(COUNT.encode(), [book, until]).fetchall()
    return until, number


def _export(database: Database, until: date, file: Path) -> None:
    words = [sys.executable, "-m", "ledgerstone", "export", "hledger", "--to", str(until), "--out", str(file)]
    _run(words, {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn})


def _run(words: list[str], environment: dict[str, str]) -> None:
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, **environment})
