"""How does a service begin the views of a long log? As a rebuild makes them: by a process for each processor,
which give way to the service."""

import logging
from collections.abc import Sequence

import psycopg

from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.bootstrap import Beginning
from ledgerstone.commands.crew import WorkerGone
from ledgerstone.commands.launch import NICE
from ledgerstone.commands.rebuild import reported
from ledgerstone.commands.workers import Order, processors
from ledgerstone.projections.bulk import KEYS
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.rebuild import Chained, Told

MOST = 4
"""Processes at most: each has three sessions, and those of the service must find room beside them."""
logger = logging.getLogger("ledgerstone")


def beginning(dsn: str, keys: int = KEYS, processes: int = 0) -> Beginning:
    """Begins views by processes (0: one for each processor) that hold so many keys together. Who is frozen
    meanwhile still holds the lock of those who rebuild, so it is never waited for."""
    order = Order(processes or min(MOST, processors()), keys, nice=NICE)

    def begin(groups: Sequence[Chained], told: Told) -> bool:
        """False where there is one processor, where somebody rebuilds, where one of ours was killed, or where
        the database has no room for them."""
        if order.workers == 1:
            return False
        try:
            with alone(dsn, rebuilds.LOCK):
                reported(dsn, groups, order, told)
        except (AlreadyRunning, WorkerGone, psycopg.OperationalError) as hindered:
            logger.warning("the views are begun by one process: %s", hindered)
            return False
        return True

    return begin
