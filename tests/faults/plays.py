"""Writers and followers of one log: the real group commit and the real engine, played on a stage, with faults
thrown by dice."""

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent

from ledgerstone.adapters.postgres.append import Statements
from ledgerstone.adapters.postgres.commits import GroupCommit
from ledgerstone.adapters.postgres.recorder import decided
from ledgerstone.adapters.postgres.view_layout import connect
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.admission import Receipt, told
from ledgerstone.ledger.log import LogUnavailable, Unit
from ledgerstone.projections.chain import Unanswered
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.live import follow
from ledgerstone.projections.reader import Log
from tests.faults.points import WatchedLog, connections, line
from tests.faults.stage import Killed, Life, Stage
from tests.faults.world import SOME
from tests.worlds import Message

SQL = Statements("public", "stored_events", "stored_events")
OUTSIDE = (psycopg.OperationalError, psycopg.errors.SerializationFailure, Unanswered, LogUnavailable)
"""What the faults of a play may come to; anything else is a mistake."""
PATIENCE = 0.02


class Writer:
    """Tells its messages, several at a time, again and again until they are acknowledged; then decides."""

    def __init__(self, dsn: str, messages: Sequence[Message], streams: Sequence[UUID], dice: Random) -> None:
        self._dsn, self._dice = dsn, dice
        self._untold, self._undecided = list(messages), list(streams)
        self.receipts: list[tuple[Message, Receipt]] = []
        self.decisions: list[tuple[UUID, int]] = []
        self.conflicts = 0

    @property
    def done(self) -> bool:
        return not self._untold and not self._undecided

    def live(self, life: Life) -> None:
        """One process."""
        commits = GroupCommit(partial(line, life, self._dsn, SQL), SQL)
        while self._untold:
            some = self._untold[: self._dice.randint(1, 3)]
            futures = [commits.submit(told(message)) for message in some]
            for message, future in zip(some, futures, strict=True):
                if (receipt := _answer(life, future)) is not None:
                    self.receipts.append((message, receipt))
                    self._untold.remove(message)
        while self._undecided:
            self._decide(life, commits, self._undecided[0])
        commits.close()

    def _decide(self, life: Life, commits: GroupCommit, stream: UUID) -> None:
        """A version that is taken is somebody else's, or our own of a life before."""
        unit: Unit[Any] = decided([StoredEvent(stream, 1, "decision", b"decided")])
        try:
            if (answer := _answer(life, commits.submit(unit))) is None:
                return
            self.decisions.append((stream, answer[0]))
        except IntegrityError:
            self.conflicts += 1
        self._undecided.remove(stream)


def _answer(life: Life, future: Future[Any]) -> Any:
    """The answer; None where it has to be asked again."""
    while not life.killed:
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            continue
        except (LogUnavailable, psycopg.errors.SerializationFailure):
            return None
        except Exception as error:
            if "refused by the test" in str(error):
                return None
            raise
    raise Killed


class Follower:
    """Keeps the views until there is nothing more to come."""

    def __init__(self, dsn: str, log: Log, window: int, writers: Sequence[Writer]) -> None:
        self._dsn, self._log, self._window, self._writers = dsn, log, window, writers

    def live(self, life: Life) -> None:
        """One process: it may die while it starts."""
        stopping = Turns(life)
        store = PostgresViews(self._dsn, connect=partial(connect, kind=connections(life)))
        try:
            engine = Windowed(SOME, WatchedLog(life, self._log), store)
            engine.size = self._window
        except OUTSIDE:
            life.killed = True
            return

        def wait() -> None:
            over = all(writer.done for writer in self._writers)
            stopping.wait()
            if over:
                stopping.set()

        def troubled(failure: Exception) -> None:
            store.close()
            _expected(failure)

        follow(engine, lambda: None, wait, stopping, troubled)


class Windowed(Engine):
    """An engine whose windows are small, so that there are many."""

    size = 20_000

    def step(self, window: int = 0) -> int:
        return super().step(self.size)


class Turns(Event):
    """Waits for a turn instead of a time."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    def wait(self, timeout: float | None = None) -> bool:
        self._life.idle()
        return self.is_set()


def _expected(failure: Exception) -> None:
    if not isinstance(failure, OUTSIDE):
        raise AssertionError(f"a fault came to {type(failure).__name__}: {failure}") from failure


def play(
    dsn: str, log: Log, stage: Stage, messages: Sequence[Message], streams: Sequence[UUID]
) -> list[Writer]:
    """Two or three writers who tell much of the same, and two followers, until all have ended."""
    dice, writers = stage.dice, list[Writer]()
    for n in range(dice.choice([2, 2, 3])):
        share = dice.sample(messages, dice.randint(2, len(messages)))
        writers.append(Writer(dsn, share, dice.sample(streams, 1), Random(dice.random())))
        stage.actor(f"writer {n}", writers[-1].live)
    for n in range(2):
        follower = Follower(dsn, log, dice.choice([1, 3, 7, 100]), writers)
        stage.actor(f"follower {n}", follower.live)
    stage.play()
    return writers
