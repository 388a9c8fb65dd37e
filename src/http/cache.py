"""Which answers need not be worked out again? The last ones, while the views stand where they stood."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from ledgerstone.http.questions import Question
from ledgerstone.http.respond import Rendered

QUESTIONS = 1_000
ANSWERS = 32_000_000
"""Bytes of answers that are kept; beyond it the oldest go."""
LARGEST = 2_000_000
APIECE = 1_000
"""What an answer costs besides its body."""


class Cache:
    """The questions that were read and the answers that were given, as many as fit. An answer's key holds
    the position of its views, and which tables they are, so nothing ever has to be taken back."""

    def __init__(self) -> None:
        self.questions: dict[Hashable, Question] = {}
        self._answers: dict[Hashable, Rendered] = {}
        self._size = 0
        self._under_way: dict[Hashable, asyncio.Task[Rendered]] = {}

    def remember(self, key: Hashable, question: Question) -> None:
        """Keep a question."""
        if len(self.questions) >= QUESTIONS:
            self.questions.clear()
        self.questions[key] = question

    async def get(self, key: Hashable, answer: Callable[[], Awaitable[Rendered]]) -> Rendered:
        """The answer of this key; who asks while it is being worked out waits for the same one."""
        if (kept := self._answers.get(key)) is not None:
            return kept
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(answer())
            task.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(task)

    def _keep(self, key: Hashable, task: asyncio.Task[Rendered]) -> None:
        del self._under_way[key]
        if task.cancelled() or task.exception() is not None or len(task.result().body) > LARGEST:
            return
        self._answers[key] = task.result()
        self._size += APIECE + len(task.result().body)
        while self._size > ANSWERS:
            oldest = self._answers.pop(next(iter(self._answers)))
            self._size -= APIECE + len(oldest.body)
