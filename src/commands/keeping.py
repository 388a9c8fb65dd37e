"""How does the service keep its views? By an engine in a process of its own: Python runs one thread of a
process at a time, so folding would hold up answers, and answering would hold up folding."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import TypeAlias

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_layout import begin
from ledgerstone.bootstrap import PATIENCE, following, journal_of, tune_interpreter
from ledgerstone.commands.beginning import beginning
from ledgerstone.commands.crew import ENDING, end_with_parent
from ledgerstone.projections.bulk import KEYS

PAUSE = 1.0
"""Seconds before an engine that ended by itself is followed by another."""
TO_END = PATIENCE + ENDING
"""Seconds for an engine to end in order."""
LINE_OF_LOG = "%(asctime)s %(levelname)s %(name)s: %(message)s"
logger = logging.getLogger("ledgerstone")
_new = get_context("spawn")
Line: TypeAlias = "Connection[None, None]"
"""Nothing is ever said over it: that its other end was closed says that it is time to end."""


@contextmanager
def keeping(dsn: str, keys: int = KEYS) -> Iterator[None]:
    """The views are kept meanwhile, by one engine after the other where one is killed. None outlives us,
    though we are killed. Views of a long log are begun with so many `keys` in memory."""
    begin(dsn)  # before anybody asks how far the views are
    ended, end = _new.Pipe(duplex=False)
    thread = Thread(target=_keep, args=(dsn, keys, ended), name="ledgerstone-keeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.close()
        thread.join()


def _keep(dsn: str, keys: int, ended: Line) -> None:
    """One engine after the other. Signals to all processes of a service are for the service alone, which
    ends the engine: blocked in this thread, they are so in the processes that it starts."""
    resource_tracker.ensure_running()  # now: when it is started, it unblocks them
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    while not ended.poll():
        try:
            with _engine(dsn, keys) as engine:
                wait([engine.sentinel, ended])
            came = f"ended with {engine.exitcode}"
        except Exception as error:  # no memory, say; there may be some later
            came = f"cannot be started: {error}"
        if not ended.poll(PAUSE):
            logger.warning("the engine %s: the views wait for the next", came)


@contextmanager
def _engine(dsn: str, keys: int) -> Iterator[BaseProcess]:
    """An engine. On the way out it ends in order, or is killed where a database lets it wait for too long."""
    line, theirs = _new.Pipe()
    engine = _new.Process(target=_follow, args=(theirs, dsn, keys), name="engine")
    try:
        with line, theirs:
            engine.start()
            theirs.close()
            yield engine
    finally:
        if engine.pid is not None:
            engine.join(TO_END)
            engine.kill()
            engine.join()


def _follow(line: Line, dsn: str, keys: int) -> None:
    """In the process: follow the log for as long as the line holds."""
    logging.basicConfig(format=LINE_OF_LOG, level=logging.INFO)
    # Where the service is killed, nobody is left to kill what a database lets wait.
    Thread(target=end_with_parent, args=(TO_END,), daemon=True).start()
    database = Database(dsn, dsn, "the service's")
    with journal_of(database) as journal, following(database, journal, _trouble, beginning(dsn, keys)):
        tune_interpreter()
        with suppress(EOFError, OSError):
            line.recv()


def _trouble(failure: Exception) -> None:
    logger.warning("the views wait, and the engine tries again: %s", failure)
