"""Live, in windows of any size, is the same as the fold in memory: every row, every position."""

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import in_memory, versions
from tests.worlds import log_of, messages, shuffled


@pytest.mark.parametrize(("seed", "window"), [(1, 7), (2, 100), (3, 10_000)])
def test_the_tables_are_the_fold_of_the_log(
    database: Database, journal: Journal, store: PostgresViews, seed: int, window: int
) -> None:
    told = shuffled(messages(seed), seed)
    for message in told:
        journal.submit(message)
    engine = Engine(VIEWS, journal, store)

    while journal.head() < len(log_of(told)):
        engine.step(window)
    engine.catch_up(window)

    for group in chains(VIEWS):
        meaning = fold(group, log_of(told))
        for view in group:
            assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))


def test_a_second_engine_can_only_stop(database: Database, journal: Journal, store: PostgresViews) -> None:
    for message in messages(1):
        journal.append(message)
    other = PostgresViews(database.app_dsn)
    first, second = Engine(VIEWS, journal, store), Engine(VIEWS, journal, other)
    first.step(50)

    with pytest.raises(Overtaken):
        second.step(50)

    other.close()
