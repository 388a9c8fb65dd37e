"""How fast is an import, beside the reading of its lines alone? Does ten times as much take more memory?"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.bench.memory import highest
from ledgerstone.commands.imports import Report, import_lines, numbered
from ledgerstone.ledger.journal import Journal

CUSTOMERS_FOR = 122
"""Events of a customer in two years, about."""


def speed(journal: Journal, events: int) -> Result:
    """An import of `events`, beside reading, parsing and translating them in one process and no more."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "events")
        seeds = iter(range(2_000, 3_000))

        def bare() -> float:
            with file.open("wb") as out:
                _generate(out.fileno(), events, next(seeds))
            return rate(events, partial(_read, file))

        return paired(
            f"import of {events:,} events, beside reading them alone",
            lambda: rate(events, partial(_take, journal, file)),
            bare,
            0.5,
            "events/s",
        )


def _take(journal: Journal, file: Path) -> None:
    with file.open("rb") as raw:
        import_lines(journal, raw, livemode=True)


def _read(file: Path) -> None:
    with file.open("rb") as raw:
        for _, line in numbered(raw, Report()):
            read_message(line, source="import", signature=None, livemode=True)


def memory(database: Database, events: int) -> Result:
    """The highest memory (KiB) of an import of `events`, beside that of a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (_import(database, Path(folder, "events"), count) for count in (events // 10, events))
    what = f"memory of importing {events:,} events, beside {events // 10:,}"
    return Result(what, large, small, small / large, 0.9, "KiB at most")


def _import(database: Database, file: Path, events: int) -> int:
    with file.open("wb") as out:
        _generate(out.fileno(), events, seed=500 + len(str(events)))
    return highest(database, "import", "stripe-events", str(file))


def _generate(out: int, events: int, seed: int) -> None:
    """The first so many events of a business large enough."""
    customers = events // CUSTOMERS_FOR + 100
    with subprocess.Popen(
        [sys.executable, "-m", "ledgerstone.demo", f"--seed={seed}", f"--customers={customers}"],
        stdout=subprocess.PIPE,
    ) as history:
        assert history.stdout is not None
        for _, line in zip(range(events), history.stdout, strict=False):
            os.write(out, line)
        history.kill()
