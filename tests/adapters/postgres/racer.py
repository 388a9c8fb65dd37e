"""A process that tells the log what others tell it at the same time; it prints how many rows it appended.

`python -m tests.adapters.postgres.racer DSN SEED`"""

import random
import sys
from contextlib import closing

from ledgerstone.adapters.postgres import recent
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.ledger.journal import Journal
from tests.examples import heard, received

MESSAGES, CHARGES = 400, 60


def race(journal: Journal, seed: int) -> int:
    """Every racer tells of the same events in an order of its own; one in eight tells other amounts."""
    dice = random.Random(seed)
    events = dice.sample(range(MESSAGES), MESSAGES)
    told = [
        (
            heard(f"evt_{event}"),
            received(f"ch_{event % CHARGES}", dice.choice([100] * 7 + [250]), f"stripe/evt_{event}"),
            received(f"ch_{seed}_{event}", 100, f"stripe/evt_{event}"),
        )
        for event in events
    ]
    return sum(future.result().appended for future in [journal.submit(rows) for rows in told])


def main() -> None:
    """Insert first, always: so most of what is tried is refused by the log."""
    dsn, seed = sys.argv[1:]
    recent.CALM = 0
    with closing(Journal(environment(dsn))) as journal:
        print(race(journal, int(seed)))


if __name__ == "__main__":
    main()
