"""Nothing is skipped and nothing doubled, in whatever order several writers and several followers take their
turns, and whoever dies between any two things that they say to the database.

`LEDGERSTONE_INTERLEAVINGS` says how many are played (from `LEDGERSTONE_SEED` on, which a failure names)."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any
from uuid import UUID

import pytest

from ledgerstone.adapters.postgres import recent
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from tests.faults.plays import play
from tests.faults.stage import Killed, Stage
from tests.faults.world import SOME, World, pool

PLAYS = int(os.environ.get("LEDGERSTONE_INTERLEAVINGS", "120"))
FIRST = int(os.environ.get("LEDGERSTONE_SEED", "1"))


def test_whatever_the_turns_and_the_faults(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", _unless_killed(threading.excepthook))
    for seed in range(FIRST, FIRST + PLAYS):
        stage = Stage(seed, world.administrator, Random(seed).choice([0, 1, 1, 2, 3]))
        try:
            _play(world, journal, stage, monkeypatch)
        except BaseException as failure:
            story = "\n".join(stage.story[-80:])
            failure.add_note(f"LEDGERSTONE_SEED={seed} LEDGERSTONE_INTERLEAVINGS=1; the last turns:\n{story}")
            raise


def _unless_killed(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """A thread of a process that was killed says nothing."""
    return lambda said: None if said.exc_type is Killed else hook(said)


def _play(world: World, journal: Journal, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = stage.dice
    world.empty(dice)
    monkeypatch.setattr(recent, "CALM", dice.choice([0, 1_000_000_000]))
    messages = dice.sample(pool(), dice.randint(2, 5))
    streams = [UUID(int=dice.getrandbits(128)) for _ in range(2)]

    writers = play(world.dsn, journal, stage, messages, streams)

    told = [one for writer in writers for one in writer.receipts]
    world.check_log(told)
    kept = set(world.decisions())
    claimed = [one for writer in writers for one in writer.decisions]
    assert len(set(claimed)) == len(claimed)
    assert set(claimed) <= kept
    assert len({stream for stream, _ in kept}) == len(kept)
    world.check_views()
    with closing(PostgresViews(world.dsn)) as store:
        Engine(SOME, journal, store).catch_up(5)
    assert set(world.check_views().values()) == {journal.head()}
