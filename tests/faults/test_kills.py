"""Real processes, killed with kill -9 between any two things that they say to the database.

`LEDGERSTONE_KILLS` says how many (from `LEDGERSTONE_SEED` on, which a failure names)."""

import os
from random import Random
from threading import Thread
from typing import Any

from ledgerstone.ledger.admission import Receipt
from tests.faults.child import CONTEXT, follow, run, write
from tests.faults.world import World, pool
from tests.worlds import Message

KILLS = int(os.environ.get("LEDGERSTONE_KILLS", "12"))
FIRST = int(os.environ.get("LEDGERSTONE_SEED", "1"))


def test_a_follower_that_is_killed_leaves_all_or_nothing(world: World) -> None:
    for seed in range(FIRST, FIRST + KILLS // 2):
        dice = Random(seed)
        world.empty(dice)
        told = _acknowledged(world, dice.sample(range(len(pool())), 8))
        window, deaths = dice.choice([1, 4, 100]), 0
        with _named(seed):
            while run(follow, world.dsn, dice.randint(1, 80) if deaths < 3 else 0, window) == -9:
                deaths += 1
                if world.laid():
                    world.check_views()
            assert deaths
            world.check_log(told)
            assert set(world.check_views().values()) == {len(world.rows())}


def test_a_writer_that_is_killed_keeps_what_it_acknowledged(world: World) -> None:
    for seed in range(FIRST, FIRST + KILLS // 2):
        dice = Random(seed)
        world.empty(dice)
        numbers = dice.sample(range(len(pool())), 8)
        with _named(seed):
            others = Thread(target=run, args=(follow, world.dsn, dice.randint(20, 200), 2))
            others.start()
            first = _acknowledged(world, numbers, dice.randint(1, 20))
            again = _acknowledged(world, numbers)
            others.join()
            assert len(again) == len(numbers)
            world.check_log([*first, *again])
            run(follow, world.dsn, 0, 100)
            assert set(world.check_views().values()) == {len(world.rows())}


def _acknowledged(world: World, numbers: list[int], points: int = 0) -> list[tuple[Message, Receipt]]:
    """What a writer that ended after so many points said of its messages."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    run(write, world.dsn, points, numbers, theirs)
    theirs.close()
    said: list[Any] = []
    with ours:
        while ours.poll():
            try:
                said.append(ours.recv())
            except EOFError:
                break
    return [(pool()[n], receipt) for n, receipt in said]


class _named:
    """Says with which seed it failed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if failure is not None:
            failure.add_note(f"LEDGERSTONE_SEED={self._seed} LEDGERSTONE_KILLS=2")
