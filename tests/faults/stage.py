"""A stage on which several actors, each a process of the service in threads of its own, take turns by dice:
one at a time, from one point to the next, so that what happened for a seed happens again.

Who waits in the database for another is left waiting, and is given a turn when he has got what he waited for:
the database is asked who waits for whom, so that no time is part of it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from threading import Condition, Semaphore, Thread
from time import monotonic
from typing import Any, Literal, NoReturn

import psycopg

from tests.faults.points import Side

GLANCE = 0.004
"""Seconds after which the database is asked whether an actor waits there."""
STUCK = 30.0
"""Seconds after which a test gives up: nothing that is asserted depends on it."""

Fault = Literal["go", "end backend", "break", "refuse", "kill", "break after", "kill after"]
WAITS = "select pid from unnest(%s::int[]) as asked (pid) where cardinality(pg_blocking_pids(pid)) > 0"


class Killed(SystemExit):
    """This process was killed: nothing of it goes on, and nobody hears of it."""


class Life:
    """A process of an actor, from its start until it ends or is killed."""

    def __init__(self, actor: "Actor") -> None:
        self._actor = actor
        self._connections: list[psycopg.Connection[Any]] = []
        self._later: Fault = "go"
        self.killed = False

    def __call__(self, side: Side, connection: psycopg.Connection[Any] | None) -> None:
        """The hook of its points: wait for a turn, then suffer what was thrown. What is after one thing that
        is said is as good as before the next: turns are given before, and while, the database works."""
        if connection is not None and connection not in self._connections:
            self._connections.append(connection)
        if self.killed:
            self.die()
        if side == "after":
            fault, self._later = self._later, "go"
        else:
            fault = self._actor.turn(side, connection)
        match fault:
            case "kill":
                self.die()
            case "break":
                if connection is not None:
                    connection.pgconn.finish()
                raise psycopg.OperationalError("the connection was broken by the test")
            case "refuse":
                raise psycopg.errors.SerializationFailure("refused by the test")
            case "kill after" | "break after":
                self._later = "kill" if fault == "kill after" else "break"

    def idle(self) -> None:
        """There is nothing to do: others may go first."""
        if self.killed or self._actor.turn("idle", None) == "kill":
            self.die()

    def die(self) -> NoReturn:
        """Be killed."""
        self.killed = True
        self.end()
        raise Killed

    def end(self) -> None:
        """Hang up without a word, as the end of a process does."""
        for each in self._connections:
            each.pgconn.finish()


class Actor:
    """Lives again and again, until one life comes to its end."""

    def __init__(self, stage: "Stage", name: str, live: Callable[[Life], None]) -> None:
        self.name = name
        self._stage, self._live = stage, live
        self.state: Literal["running", "ready", "done"] = "running"
        self.at: tuple[Side, psycopg.Connection[Any] | None] = "before", None
        self.pid, self.waits = 0, False
        self.given: Fault = "go"
        self.go = Semaphore(0)
        self.failure: BaseException | None = None
        self.thread = Thread(target=self._run, name=name, daemon=True)

    def turn(self, side: Side, connection: psycopg.Connection[Any] | None) -> Fault:
        """Wait for a turn; what was thrown for it."""
        with self._stage.changed:
            self.at, self.state = (side, connection), "ready"
            self._stage.changed.notify()
        self.go.acquire()
        return self.given

    def _run(self) -> None:
        try:
            while not self._lived() and not self._stage.failed:
                pass
        except BaseException as failure:
            self.failure = failure
        finally:
            with self._stage.changed:
                self.state = "done"
                self._stage.changed.notify()

    def _lived(self) -> bool:
        life = Life(self)
        try:
            self._live(life)
        except Killed:
            return False
        finally:
            life.end()
        return not life.killed


class Stage:
    """Gives turns by dice, and throws `faults` of them, until all actors are done."""

    def __init__(self, seed: int, administrator: psycopg.Connection[Any], faults: int) -> None:
        self.changed = Condition()
        self.dice = Random(seed)
        self.story: list[str] = []
        self._administrator, self._faults = administrator, faults
        self._actors: list[Actor] = []

    def actor(self, name: str, live: Callable[[Life], None]) -> Actor:
        """Another actor. `live` is one life, whose points are given to it."""
        self._actors.append(Actor(self, name, live))
        return self._actors[-1]

    def play(self, lazy: float = 0.02) -> None:
        """Until all are done. Raises what an actor failed with, and says what was played."""
        for actor in self._actors:
            actor.thread.start()
        while ready := self._settled():
            if self.failed:  # then all end
                self._give(ready[0], "kill")
                continue
            busy = [actor for actor in ready if actor.at[0] != "idle"]
            actor = self.dice.choice(busy if busy and self.dice.random() < 0.95 else ready)
            self._give(actor, self._thrown(actor, lazy))
        for actor in self._actors:
            actor.thread.join()
            if actor.failure is not None:
                raise actor.failure

    @property
    def failed(self) -> bool:
        """Whether an actor came to something that must not be."""
        return any(actor.failure is not None for actor in self._actors)

    def _thrown(self, actor: Actor, likely: float) -> Fault:
        side, connection = actor.at
        if self._faults == 0 or self.dice.random() >= likely:
            return "go"
        self._faults -= 1
        kinds: list[Fault] = ["kill"]
        if side != "idle":
            kinds += ["break", "kill after", "break after"]
        if connection is not None:
            kinds += ["end backend", "refuse"]
        return self.dice.choice(kinds)

    def _give(self, actor: Actor, fault: Fault) -> None:
        side, connection = actor.at
        self.story.append(f"{actor.name} {side}: {fault}")
        pid = 0
        if connection is not None:
            with suppress(psycopg.OperationalError):
                pid = connection.info.backend_pid
        if fault == "end backend" and pid:
            self._administrator.execute("select pg_terminate_backend(%s, 5000)", [pid])
        with self.changed:
            actor.pid, actor.waits, actor.state, actor.given = pid, False, "running", fault
        actor.go.release()

    def _settled(self) -> Sequence[Actor]:
        """Who is ready, when all others are done, or wait in the database for one who is ready."""
        until = monotonic() + STUCK
        while monotonic() < until:
            with self.changed:
                self.changed.wait_for(lambda: all(actor.waits for actor in self._running()), GLANCE)
                running = self._running()
                ready = [actor for actor in self._actors if actor.state == "ready"]
            waiting = self._waiting(running) if running else []
            for actor in running:
                actor.waits = actor.pid in waiting
            if len(waiting) == len(running) and (ready or not running):
                return ready
        raise AssertionError(f"stuck: {[(actor.name, actor.state, actor.at[0]) for actor in self._actors]}")

    def _running(self) -> list[Actor]:
        return [actor for actor in self._actors if actor.state == "running"]

    def _waiting(self, running: Sequence[Actor]) -> list[int]:
        pids = [actor.pid for actor in running]
        return [pid for (pid,) in self._administrator.execute(WAITS, [pids]).fetchall()]
