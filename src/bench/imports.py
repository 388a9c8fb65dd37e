"""Does an import of ten times the events take more memory?"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bench.measure import Result

WATCHED = """
import os, sys
child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process between us and what is measured: a child begins with the highest memory of its parent."""
CUSTOMERS_FOR = 122
"""Events of a customer in two years, about."""


def memory(database: Database, events: int) -> Result:
    """The highest memory (KiB) of an import of `events`, beside that of a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (_import(database, Path(folder, "events"), count) for count in (events // 10, events))
    what = f"memory of importing {events:,} events, beside {events // 10:,}"
    return Result(what, large, small, small / large, 0.9, "KiB at most")


def _import(database: Database, file: Path, events: int) -> int:
    with file.open("wb") as out:
        _generate(out.fileno(), events)
    place = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}
    asked = [sys.executable, "-c", WATCHED, "-m", "ledgerstone", "import", "stripe-events", str(file)]
    told = subprocess.run(asked, env={**os.environ, **place}, capture_output=True, text=True)
    if told.returncode:
        raise RuntimeError(f"the import failed: {told.stdout}{told.stderr}")
    return int(told.stdout.splitlines()[-1])


def _generate(out: int, events: int) -> None:
    """The first so many events of a business large enough, of another seed each time."""
    customers = str(events // CUSTOMERS_FOR + 100)
    seed = str(events % 1_000 + 500 + len(customers))
    with subprocess.Popen(
        [sys.executable, "-m", "ledgerstone.demo", "--seed", seed, "--customers", customers],
        stdout=subprocess.PIPE,
    ) as history:
        assert history.stdout is not None
        for _, line in zip(range(events), history.stdout, strict=False):
            os.write(out, line)
        history.kill()
