"""How does a service begin the views of a long log? As a rebuild makes them: by a process for each processor,
which give way to the service."""

import logging
from collections.abc import Sequence

from ledgerstone.adapters.postgres.lock import AlreadyRunning, alone
from ledgerstone.bootstrap import REBUILD_KEYS, Beginning
from ledgerstone.commands.crew import WorkerGone
from ledgerstone.commands.launch import NICE
from ledgerstone.commands.workers import Order, rebuilt
from ledgerstone.projections.reads import rebuilds
from ledgerstone.projections.rebuild import Chained, Told

logger = logging.getLogger("ledgerstone")


def beginning(dsn: str, keys: int = REBUILD_KEYS, processes: int = 0) -> Beginning:
    """Begins views by processes (0: as many as there are processors) that hold so many keys together. Who is
    frozen meanwhile still holds the lock of those who rebuild, so it is never waited for."""
    order = Order(processes, keys, nice=NICE)

    def begin(groups: Sequence[Chained], told: Told) -> bool:
        """False where there is one processor, where somebody rebuilds, or where one of ours was killed."""
        if order.processes == 1:
            return False
        try:
            with alone(dsn, rebuilds.LOCK):
                rebuilt(dsn, groups, told, order)
        except (AlreadyRunning, WorkerGone) as hindered:
            logger.warning("the views are begun by one process: %s", hindered)
            return False
        return True

    return begin
