"""What is being rebuilt, how far is it, and what came of it? A line for each rebuild, which stays."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import psycopg
from psycopg.types.json import Jsonb

BEGIN = "insert into views.rebuilds (views, workers, swap, total) values (%s, %s, %s, %s) returning id"
KILLED = (
    "update views.rebuilds set state = 'failed', ended_at = clock_timestamp(), rate = null,"
    " reason = 'it was killed' where state = 'running'"
)
MOVE = "update views.rebuilds set phase = %s, done = %s, total = %s, rate = %s where id = %s"
BUILT = "update views.rebuilds set chains = chains || %s where id = %s"
END = (
    "update views.rebuilds set state = %s, reason = %s, ended_at = clock_timestamp(), rate = null"
    " where id = %s"
)


class RebuildReport:
    """The line of a rebuild that runs. Whoever begins one must be the only one who rebuilds: what others left
    running was killed."""

    def __init__(self, dsn: str, views: Sequence[str], workers: int, swap: bool) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True, connect_timeout=5)
        self._connection.execute(KILLED)
        found = self._connection.execute(BEGIN, (list(views), workers, swap, 0)).fetchone()
        self.id = int(found[0]) if found else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def moved(self, phase: str, done: int, total: int, rate: float | None) -> None:
        """How far it is, in rows of the log, and how many it does in a second."""
        self._connection.execute(MOVE, (phase, done, total, rate, self.id))

    def built(self, chain: Mapping[str, Any]) -> None:
        """A chain is done."""
        self._connection.execute(BUILT, (Jsonb([chain]), self.id))

    def ended(self, state: str, reason: str | None = None) -> None:
        """What came of it: swapped, compared, refused or failed, and why."""
        self._connection.execute(END, (state, reason, self.id))
