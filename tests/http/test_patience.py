"""Each promise is waited for as long as any, with one timer for all of them."""

import asyncio

import pytest

from ledgerstone.http import patience
from ledgerstone.http.patience import LATE, Patience
from ledgerstone.ledger.log import LogUnavailable

Promise = asyncio.Future[int]


@pytest.fixture(autouse=True)
def _a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WITHIN", 0.1)


def test_what_is_not_kept_in_time_is_refused_when_its_own_time_is_over() -> None:
    async def one(waiting: Patience, after: float) -> float:
        await asyncio.sleep(after)
        loop = asyncio.get_running_loop()
        promise: Promise = loop.create_future()
        begun = loop.time()
        waiting.wait(promise)
        with pytest.raises(LogUnavailable, match=LATE):
            await asyncio.wait_for(promise, 5)
        return loop.time() - begun

    async def three() -> list[float]:
        waiting = Patience()
        return await asyncio.gather(*(one(waiting, 0.04 * number) for number in range(3)))

    assert all(time >= 0.09 for time in asyncio.run(three()))


def test_what_was_kept_stays_so_and_others_after_it_are_still_looked_at() -> None:
    async def wait() -> None:
        waiting, loop = Patience(), asyncio.get_running_loop()
        kept, later, last = loop.create_future(), loop.create_future(), loop.create_future()
        waiting.wait(kept)
        kept.set_result(1)
        waiting.end(kept)
        await asyncio.sleep(0.06)
        waiting.wait(later)
        await asyncio.sleep(0.06)
        assert not later.done()
        with pytest.raises(LogUnavailable):
            await asyncio.wait_for(later, 5)
        waiting.end(later)
        waiting.wait(last)
        with pytest.raises(LogUnavailable):
            await asyncio.wait_for(last, 5)

    asyncio.run(wait())


def test_who_went_away_is_not_told() -> None:
    async def wait() -> None:
        waiting = Patience()
        gone: Promise = asyncio.get_running_loop().create_future()
        waiting.wait(gone)
        gone.cancel()
        await asyncio.sleep(0.15)
        assert gone.cancelled()

    asyncio.run(wait())
