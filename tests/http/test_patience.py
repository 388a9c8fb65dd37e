"""Each promise is waited for as long as any, with one timer for all of them."""

import asyncio

import pytest

from ledgerstone.http import patience
from ledgerstone.http.patience import LATE, Patience
from ledgerstone.ledger.log import LogUnavailable


@pytest.fixture(autouse=True)
def _a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WITHIN", 0.4)


def test_what_is_not_kept_in_time_is_refused_when_its_own_time_is_over() -> None:
    async def three() -> list[float]:
        waiting = Patience()
        return await asyncio.gather(*(_late(waiting, 0.15 * number) for number in range(3)))

    assert all(0.39 <= time < 0.65 for time in asyncio.run(three()))


def test_what_was_kept_stays_so_and_others_after_it_are_still_looked_at() -> None:
    async def wait() -> None:
        waiting, kept = Patience(), _promise()
        waiting.wait(kept)
        kept.set_result(1)
        waiting.end(kept)
        assert await _late(waiting, 0.2) >= 0.39
        assert await _late(waiting, 0) >= 0.39
        assert kept.result() == 1

    asyncio.run(wait())


def test_who_went_away_is_not_told() -> None:
    async def wait() -> list[object]:
        waiting, gone, wrong = Patience(), _promise(), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
        waiting.wait(gone)
        gone.cancel()
        await _late(waiting, 0)
        return wrong

    assert asyncio.run(wait()) == []


async def _late(waiting: Patience, after: float) -> float:
    """Wait for what is never kept; how long that took."""
    await asyncio.sleep(after)
    loop, promise = asyncio.get_running_loop(), _promise()
    begun = loop.time()
    waiting.wait(promise)
    with pytest.raises(LogUnavailable, match=LATE):
        await asyncio.wait_for(promise, 5)
    waiting.end(promise)
    return loop.time() - begun


def _promise() -> "asyncio.Future[int]":
    return asyncio.get_running_loop().create_future()
