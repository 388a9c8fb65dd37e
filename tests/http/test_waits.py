"""Who waits for an index that takes long waits for a bounded time, and all wait for the same work."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from threading import Event
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from ledgerstone.adapters.postgres.view_layout import LOCK
from ledgerstone.http.errors import Problem
from ledgerstone.http.history import MESSAGES, History
from ledgerstone.ledger.journal import Journal
from tests.http.parts import Service
from tests.worlds import messages

HANGS = 20
"""Seconds after which a test that hangs fails."""


class Held:
    """The index of messages, held at each window: before it is read, or behind."""

    def __init__(self, service: Service, behind: bool = False) -> None:
        self.looked, self.gate, self.windows = Event(), Event(), 0
        self._behind = behind
        self.history = History(
            service.journal, service.services.dsn, replace(MESSAGES, advance=self._advance)
        )

    def _advance(self, journal: Journal, index: Any) -> bool:
        self.windows += 1
        more = self._behind and MESSAGES.advance(journal, index)
        self.looked.set()
        self.gate.wait()
        return more if self._behind else MESSAGES.advance(journal, index)

    def close(self) -> None:
        self.gate.set()
        self.history.close()


@pytest.fixture
def held(service: Service) -> Iterator[Held]:
    service.hear(messages(1))
    with closing(Held(service)) as held:
        yield held


def run(held: Held, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What comes of it; an index that holds somebody for ever is let go, and the test fails."""

    async def in_time() -> Any:
        try:
            return await asyncio.wait_for(work(), HANGS)
        finally:
            held.gate.set()

    return asyncio.run(in_time())


def test_all_who_wait_are_told_in_time(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", 0.05)

    async def ask() -> list[Any]:
        asking = [held.history.reach() for _ in range(20)]
        return await asyncio.gather(*asking, return_exceptions=True)

    answers = run(held, ask)
    assert [type(answer) for answer in answers] == [Problem] * 20
    assert {answer.status for answer in answers} == {503}
    assert held.windows == 1


def test_all_who_wait_share_the_work(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while it runs waits for one more look, which is for all of them."""
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", HANGS)

    async def ask() -> None:
        asking = [asyncio.create_task(held.history.reach()) for _ in range(20)]
        await asyncio.to_thread(held.looked.wait)
        held.gate.set()
        await asyncio.gather(*asking)

    run(held, ask)
    assert held.windows == 2


def test_who_comes_while_it_runs_sees_what_had_been_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", HANGS)
    told = messages(1)
    service.hear(told[:5])

    async def ask() -> None:
        first = asyncio.create_task(slow.history.reach())
        await asyncio.to_thread(slow.looked.wait)
        service.journal.append_many(told[5:])
        second = asyncio.create_task(slow.history.reach())
        await asyncio.sleep(0)
        slow.gate.set()
        await asyncio.gather(first, second)

    with closing(Held(service, behind=True)) as slow:
        run(slow, ask)
    with closing(MESSAGES.tables(service.services.dsn)) as index:
        assert index.position() == service.journal.head()


def test_an_answer_that_can_be_given_without_is_held_up_for_a_moment(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", HANGS)

    async def ask() -> None:
        reaching = asyncio.create_task(held.history.reach())
        await asyncio.to_thread(held.looked.wait)
        await asyncio.gather(*(held.history.glance() for _ in range(20)))
        assert held.windows == 1
        held.gate.set()
        await reaching

    run(held, ask)


def test_who_asks_again_is_answered(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", 0.05)

    async def ask() -> None:
        with pytest.raises(Problem, match="index of messages"):
            await held.history.reach()
        monkeypatch.setattr("ledgerstone.http.history.PATIENCE", HANGS)
        held.gate.set()
        await held.history.reach()

    run(held, ask)


def test_a_statement_that_hangs_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it waits for a lock, to make the tables."""
    monkeypatch.setattr("ledgerstone.http.history.PATIENCE", HANGS)
    monkeypatch.setattr("ledgerstone.http.history.OPTIONS", "-c statement_timeout=100ms")
    with closing(Held(service)) as held:
        held.gate.set()

        async def ask() -> None:
            with psycopg.connect(service.services.dsn) as other:
                other.execute(LOCK)
                with pytest.raises(psycopg.errors.QueryCanceled):
                    await held.history.reach()
            await held.history.reach()

        run(held, ask)
