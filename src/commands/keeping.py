"""How does the service keep its views? By an engine in a process of its own: Python runs one thread of a
process at a time, so folding would hold up answers, and answering would hold up folding."""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import TypeAlias

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.bootstrap import PATIENCE, REBUILD_KEYS, following, journal_of, tune_interpreter
from ledgerstone.commands.beginning import beginning
from ledgerstone.commands.crew import ENDING

PAUSE = 1.0
"""Seconds before an engine that ended by itself is followed by another."""
LINE_OF_LOG = "%(asctime)s %(levelname)s %(name)s: %(message)s"
logger = logging.getLogger("ledgerstone")
_new = get_context("spawn")
Line: TypeAlias = "Connection[None, None]"
"""Nothing is ever said over it: that its other end was closed says that it is time to end."""


@contextmanager
def keeping(dsn: str, keys: int = REBUILD_KEYS) -> Iterator[None]:
    """The views are kept meanwhile, by one engine after the other where one is killed. None outlives us,
    though we are killed. Views of a long log are begun with so many `keys` in memory."""
    connect(dsn).close()  # there is a place for the views before anybody asks how they are
    ended, end = _new.Pipe(duplex=False)
    thread = Thread(target=_keep, args=(dsn, keys, ended), name="ledgerstone-keeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.close()
        thread.join()


def _keep(dsn: str, keys: int, ended: Line) -> None:
    while not ended.poll():
        try:
            with _engine(dsn, keys) as engine:
                wait([engine.sentinel, ended])
            came = f"ended with {engine.exitcode}"
        except OSError as error:
            came = f"cannot be started: {error}"
        if not ended.poll(PAUSE):
            logger.warning("the engine %s: the views wait for the next", came)


@contextmanager
def _engine(dsn: str, keys: int) -> Iterator[BaseProcess]:
    """An engine. On the way out it ends in order, or is killed where a database lets it wait for too long."""
    line, theirs = _new.Pipe()
    with line, theirs:
        engine = _new.Process(target=_follow, args=(theirs, dsn, keys), name="engine")
        engine.start()
        theirs.close()
        yield engine
    engine.join(PATIENCE + ENDING)
    if engine.is_alive():
        engine.kill()
        engine.join()


def _follow(line: Line, dsn: str, keys: int) -> None:
    """In the process: follow the log for as long as the line holds. Ctrl-C is for who holds it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    logging.basicConfig(format=LINE_OF_LOG, level=logging.INFO)
    database = Database(dsn, dsn, "the service's")
    with journal_of(database) as journal, following(database, journal, _trouble, beginning(dsn, keys)):
        tune_interpreter()
        with suppress(EOFError, OSError):
            line.recv()


def _trouble(failure: Exception) -> None:
    logger.warning("the views wait, and the engine tries again: %s", failure)
