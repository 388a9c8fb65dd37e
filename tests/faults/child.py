"""Real processes of a writer and of a follower, each of which ends itself, as kill -9 does, at the n-th thing
that it has to say to the database. They are forked from a server that has imported everything already."""

import os
import signal
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import psycopg

from ledgerstone.adapters.postgres.commits import GroupCommit
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.admission import told
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from tests.faults.plays import SQL
from tests.faults.points import Side, WatchedLog, connections, line
from tests.faults.world import SOME, pool

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults.child"])


class Countdown:
    """The hook of a process that ends at its n-th point; never, if n is 0."""

    def __init__(self, points: int) -> None:
        self._left = points

    def __call__(self, side: Side, connection: psycopg.Connection[Any] | None) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def follow(dsn: str, points: int, window: int) -> None:
    """Bring the views up to the log, in windows."""
    hook = Countdown(points)
    with closing(Journal(environment(dsn))) as journal:
        store = PostgresViews(dsn, connect=partial(connect, kind=connections(hook)))
        Engine(SOME, WatchedLog(hook, journal), store).catch_up(window)
        store.close()


def write(dsn: str, points: int, messages: list[int], said: "Connection[Any, Any]") -> None:
    """Tell messages of the pool, two at a time, and say of each what was acknowledged."""
    commits = GroupCommit(partial(line, Countdown(points), dsn, SQL), SQL)
    for start in range(0, len(messages), 2):
        some = messages[start : start + 2]
        futures = [commits.submit(told(pool()[n])) for n in some]
        for n, future in zip(some, futures, strict=True):
            said.send((n, future.result()))
    commits.close()


def run(work: Any, *arguments: Any) -> int:
    """Run it as a process of its own, to the end; how it ended (-9: killed)."""
    process = CONTEXT.Process(target=work, args=arguments)
    process.start()
    process.join()
    return process.exitcode or 0
