"""How fast are facts appended, beside the library's own recorder on the same server?"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import count
from statistics import median
from time import perf_counter

from ledgerstone.bench import peer
from ledgerstone.bench.measure import Result, paired, rate
from ledgerstone.ledger.journal import Journal, Receipt
from ledgerstone.ledger.payments import PaymentReceived
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded

BATCH, COMMITS = 500, 40
TASKS, EACH = 64, 60
THREADS, SAVES = 16, 40

_number = count(1)


def batches(journal: Journal, stock: peer.Stock) -> Result:
    """Facts, 500 to a commit. Every row of ours is a fact here: there is no evidence among them."""

    def ours() -> float:
        some = [[_fact() for _ in range(BATCH)] for _ in range(COMMITS)]
        return rate(BATCH * COMMITS, lambda: _one_ahead(journal, some))

    def theirs() -> float:
        some = [peer.events(BATCH) for _ in range(COMMITS)]
        return rate(BATCH * COMMITS, lambda: [stock.save(*events) for events in some])

    return paired("append of facts, 500 a commit", ours, theirs, 4, "facts/s", rounds=5)


def appended(journal: Journal) -> float:
    """Facts a second, 500 to a commit, at whatever length the log has: the median of several runs."""
    runs = [[[_fact() for _ in range(BATCH)] for _ in range(COMMITS)] for _ in range(5)]
    return median(rate(BATCH * COMMITS, partial(_one_ahead, journal, some)) for some in runs)


def together(journal: Journal, stock: peer.Stock) -> Result:
    """Single facts from 64 coroutines that share commits, beside 16 threads of the library."""

    def ours() -> float:
        return asyncio.run(_post(journal))

    def theirs() -> float:
        events = [peer.events(1) for _ in range(THREADS * SAVES)]
        with ThreadPoolExecutor(THREADS) as pool:
            work: Callable[[], object] = lambda: list(pool.map(lambda one: stock.save(*one), events))  # noqa: E731
            return rate(THREADS * SAVES, work)

    return paired("64 concurrent appends, group commit", ours, theirs, 10, "facts/s", rounds=5)


def _one_ahead(journal: Journal, some: Sequence[Sequence[Recorded]]) -> None:
    """Name and encode the next facts while the last are on their way: each 500 are still a commit."""
    waiting: Future[Receipt] | None = None
    for facts in some:
        then = journal.submit(facts)
        if waiting is not None:
            waiting.result()
        waiting = then
    if waiting is not None:
        waiting.result()


async def _post(journal: Journal) -> float:
    facts = [[_fact() for _ in range(EACH)] for _ in range(TASKS)]

    async def one(some: list[Recorded]) -> None:
        for fact in some:
            await journal.post(partial(list, [fact]))

    begun = perf_counter()
    await asyncio.gather(*map(one, facts))
    return TASKS * EACH / (perf_counter() - begun)


def _fact() -> Recorded:
    number = next(_number)
    fact = PaymentReceived(
        charge=f"ch_{number:024}",
        payment=f"pi_{number:024}",
        amount=4900 + number,
        currency="usd",
        customer=f"cus_{number % 500:024}",
        method="card",
    )
    name = f"bench/{datetime.now(UTC).timestamp()}/{number}"
    return Recorded(name, Book(), datetime.now(UTC), fact, movements=movements(fact))
