"""A rebuild gives the same rows, however many processes share it and however little they hold in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.commands.workers import NEW, Order, Tools, _finish, rebuilt
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.bulk import Bulk, Made
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import Built, whole_chains
from ledgerstone.projections.shares import Piece, divided
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.projections.tables import everything
from tests.worlds import messages, shuffled

Held = dict[str, dict[str, Any]]


@pytest.fixture
def live(database: Database) -> Iterator[Held]:
    """What the tables hold of a log of two thousand rows that the engine followed."""
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    journal.append_many(shuffled(messages(4, customers=25, months=8), 4))
    Engine(VIEWS, journal, store).catch_up(300)
    yield {view.name: everything(database.app_dsn, view) for view in VIEWS}
    store.close()
    journal.close()


@pytest.mark.parametrize(
    ("workers", "keys"), [(1, 10**6), (2, 10**6), (4, 10**6), (1, 40), (3, 300), (4, 90)]
)
def test_any_number_of_processes_and_any_memory_give_the_same_rows(
    database: Database, live: Held, workers: int, keys: int
) -> None:
    built = rebuilt(database.app_dsn, chains(VIEWS), lambda d, t: None, order=Order(workers, keys))

    assert [each.views for each in built] == [tuple(v.name for v in group) for group in chains(VIEWS)]
    for view in VIEWS:
        assert everything(database.app_dsn, view) == live[view.name]


@pytest.mark.parametrize("name", ["mrr", "invoices", "sync"])
def test_one_view_is_shared_by_four_processes(database: Database, live: Held, name: str) -> None:
    (group,) = groups = whole_chains(VIEWS, [name])
    portions = divided(groups, 4)

    rebuilt(database.app_dsn, groups, lambda d, t: None, order=Order(4))

    assert [len(portion) for portion in portions] == [1, 1, 1, 1]
    for view in group:
        assert everything(database.app_dsn, view) == live[view.name]


def test_what_a_process_kept_goes_before_an_engine_folds_what_could_not_be_made_in_bulk(
    database: Database, live: Held
) -> None:
    (group,) = whole_chains(VIEWS, ["mrr"])
    names = tuple(view.name for view in group)
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn, NEW)
    with ThreadPoolExecutor(1) as aside:
        tools = Tools(journal, store, aside, [0, 0], 0, [Bulk(Piece(names), group, store)])
        built = _finish(tools, names, [Made(names, (), 0, "too many keys")], Order(1, swap=False))

    assert isinstance(built, Built)
    assert built.position == journal.head()
    assert not tools.spent
    store.close()
    journal.close()


def test_how_far_it_is_never_falls_and_ends_with_the_log(database: Database, live: Held) -> None:
    told: list[tuple[int, int]] = []
    rebuilt(database.app_dsn, chains(VIEWS), lambda d, t: told.append((d, t)), order=Order(2, 100))

    assert told[-1][0] == told[-1][1] > 0


def test_work_is_divided_by_chains_and_a_chain_that_is_too_much_by_its_keys() -> None:
    two, eight = divided(chains(VIEWS), 2), divided(chains(VIEWS), 8)

    assert all(piece.share.of == 1 for portion in two for piece in portion)
    parted = {piece.views for portion in eight for piece in portion if piece.share.of > 1}
    assert {names[-1] for names in parted} == {"schedules", "invoices", "recognition"}
    assert len(divided(whole_chains(VIEWS, ["connect"]), 1)) == 1


def test_shares_part_the_ids(database: Database) -> None:
    portions = divided(whole_chains(VIEWS, ["mrr"]), 3)
    shares = [piece.share for portion in portions for piece in portion]
    halves = [half for share in shares for half in share.halves()]
    for number in range(500):
        assert sum(share.has(f"cus_{number}") for share in shares) == 1
        assert sum(half.has(f"cus_{number}") for half in halves) == 1
