"""A process that follows the log as the service does, until its input ends. It says when it folds.

`python -m tests.faults.service DSN SILENCE`"""

import sys
from functools import partial

from ledgerstone import bootstrap
from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lease import Lease
from ledgerstone.bootstrap import following, journal_of


def main() -> None:
    dsn, silence = sys.argv[1:]
    vars(bootstrap)["Lease"] = partial(Lease, silence=float(silence))
    database = Database(dsn, dsn, "a test's")
    with journal_of(database) as journal, following(database, journal, _say):
        sys.stdin.read()


def _say(failure: Exception) -> None:
    print(f"{type(failure).__name__}: {failure}", flush=True)


if __name__ == "__main__":
    main()
