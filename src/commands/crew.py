"""How does a command use several processes? Each works off what it is given, one thing after the other. None
outlives us, and when one is gone we say so: nobody waits for it."""

import gc
import os
import signal
from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from operator import itemgetter
from threading import Thread
from time import sleep
from typing import Any

Work = tuple[Callable[..., Any], tuple[Any, ...]]
"""What is to be called in the process, after what its beginning returned."""
ENDING = 5.0
"""Seconds that a process may take to end by itself."""


class WorkerGone(Exception):
    """A process was ended from outside."""


class Worker:
    """A process that works for us."""

    def __init__(self, begin: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work, args=(theirs, begin, arguments), daemon=True
        )
        self.process.start()
        theirs.close()
        self.busy = False

    def give(self, work: Work) -> None:
        """Have it do something."""
        with suppress(OSError):  # it is gone, which is noticed where its answer is waited for
            self.line.send(work)
        self.busy = True

    def answer(self) -> Any:
        """What came of it: raises what was raised there, and WorkerGone."""
        try:
            done, found = self.line.recv()
        except (EOFError, OSError):
            raise WorkerGone(self._how()) from None
        self.busy = False
        if done:
            return found
        raise found

    def dismiss(self) -> None:
        """Not needed any more, or not wanted."""
        self.line.close()
        if self.busy:
            self.process.kill()

    def end(self) -> None:
        """Wait until it is gone."""
        self.process.join(ENDING)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _how(self) -> str:
        self.process.join(ENDING)
        code = self.process.exitcode
        by = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        return f"process {self.process.pid} was ended from outside ({by}; was there too little memory?)"


class Crew:
    """Processes, and what waits for one of them to be free."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers
        self._waiting = list[tuple[int, Work]]()

    def give(self, function: Callable[..., Any], *arguments: Any, weight: int = 0) -> None:
        """Have something done by whoever is free first: what weighs more before what weighs less, so that all
        end together."""
        insort(self._waiting, (-weight, (function, arguments)), key=itemgetter(0))

    def answers(self, seconds: float) -> Iterator[Any]:
        """What comes of it, as it comes, until nothing is left; None when so many seconds passed in between.
        While it is read, more can be given. Raises what was raised there, and WorkerGone."""
        while self._hand_out():
            ready = wait([worker.line for worker in self._workers], seconds)
            if not ready:
                yield None
            for worker in self._workers:
                if worker.line in ready:
                    yield worker.answer()

    def _hand_out(self) -> bool:
        """Give what waits to those who are free; whether anybody is busy."""
        for worker in self._workers:
            if self._waiting and not worker.busy:
                worker.give(self._waiting.pop(0)[1])
        return any(worker.busy for worker in self._workers)


@contextmanager
def crew(size: int, begin: Callable[..., Any], *arguments: Any) -> Iterator[Crew]:
    """So many processes, each of which calls `begin` once with its number and these arguments, and hands what
    it returns to everything that it does. On the way out they end, whatever they do."""
    workers: list[Worker] = []
    try:
        for number in range(size):
            workers.append(Worker(begin, (number, *arguments)))
        yield Crew(workers)
    finally:
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.end()


def _work(line: "Connection[Any, Any]", begin: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """In the process. It ends with its parent, who may be killed and then tells nobody; Ctrl-C is for him.
    It soon ends, and its values have no circles: nothing to collect."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    Thread(target=end_with_parent, daemon=True).start()
    mine, tools = line, None
    while True:
        try:
            function, given = mine.recv()
        except (EOFError, OSError):
            os._exit(0)  # all is written: to let go of value after value would take long
        try:
            tools = tools or begin(*arguments)
            mine.send((True, function(tools, *given)))
        except Exception as error:
            mine.send((False, error))


def end_with_parent(after: float = 0.0) -> None:
    """In a process: wait until its parent is gone, and so many seconds, in which it may end by itself."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    sleep(after)
    os._exit(1)
