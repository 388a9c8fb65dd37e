"""Two builds of a view's tables are compared in all that a window relies on, not only in what is shown."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_compare import _unlike_keys
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import Chained, build, whole_chains
from ledgerstone.projections.view import table
from ledgerstone.projections.views import VIEWS
from tests.worlds import messages, shuffled

TOLD = shuffled(messages(7), 7)

SPOILED = [
    ("mrr_v3", "update views.mrr_v3 set place = place + 100 where key = %(key)s"),
    ("mrr_v3_state", "update views.mrr_v3_state set state = state || '\\x00' where key = %(key)s"),
    ("mrr_v3_state", "delete from views.mrr_v3_state where key = %(key)s"),
    ("mrr_v3_edge", "delete from views.mrr_v3_edge where key = %(key)s"),
    ("mrr_v3_edge", "update views.mrr_v3_edge set ref_id = 'coupon/none' where key = %(key)s"),
    ("mrr_v3_edge", "insert into views.mrr_v3_edge select book, 'terms', 'coupon/none', key from"
     " views.mrr_v3_state where key = %(key)s"),
    ("mrr_v3_heard", "update views.mrr_v3_heard set positions = positions || 1::bigint where key = %(key)s"),
    ("mrr_v3_heard", "update views.mrr_v3_heard set positions[1] = positions[1] - 1 where key = %(key)s"),
    ("mrr_v3_heard", "update views.mrr_v3_heard set key = key || 'x' where key = %(key)s"),
    ("mrr_v3_heard", "update views.mrr_v3_heard set book = ':test' where key = %(key)s"),
    ("mrr_v3_heard", "delete from views.mrr_v3_heard where key = %(key)s"),
    ("sync_v4_messages_head", "update views.sync_v4_messages_head set heard = heard + 1"),
]  # fmt: skip


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    journal = Journal(environment(database.app_dsn))
    journal.append_many(TOLD[: len(TOLD) // 2])
    yield journal
    journal.close()


@pytest.fixture
def kept(database: Database, journal: Journal) -> Iterator[PostgresViews]:
    """Tables that an engine kept."""
    store = PostgresViews(database.app_dsn)
    Engine([*_chain("mrr"), *_chain("sync")], journal, store).catch_up(50)
    yield store
    store.close()


@pytest.fixture
def beside(database: Database) -> Iterator[PostgresViews]:
    store = PostgresViews(database.app_dsn, "_check")
    yield store
    store.close()


@pytest.mark.parametrize(("where", "spoil"), SPOILED)
@pytest.mark.parametrize("side", ["kept", "rebuilt"])
def test_what_a_window_relies_on_is_compared(
    database: Database,
    journal: Journal,
    kept: PostgresViews,
    beside: PostgresViews,
    where: str,
    spoil: str,
    side: str,
) -> None:
    chain = _chain(where.partition("_v")[0])
    build([chain], journal, beside)
    _damage(database, spoil if side == "kept" else spoil.replace(where, f"{where}_check"))

    found = beside.differences([table(view) for view in chain], "", journal.head())

    assert found
    assert all(line.startswith((f"{where} ", f"only in {where}_check:", "missing in ")) for line in found)
    assert all(f"{where}" in line for line in found)


def test_two_builds_are_equal_though_each_is_further_than_what_is_compared(
    journal: Journal, kept: PostgresViews, beside: PostgresViews
) -> None:
    """As while an engine goes on beside a comparison."""
    views, position = [*_chain("mrr"), *_chain("sync")], journal.head()
    shapes = [table(view) for view in views]
    journal.append_many(TOLD[len(TOLD) // 2 : -10])
    build([_chain("mrr"), _chain("sync")], journal, beside)
    assert beside.differences(shapes, "", position) == []

    journal.append_many(TOLD[-10:])
    Engine(views, journal, kept).catch_up(50)

    assert beside.differences(shapes, "", position) == []


def test_what_was_moved_since_is_not_compared_as_it_is_now_and_the_rest_is(
    database: Database, journal: Journal, kept: PostgresViews, beside: PostgresViews
) -> None:
    chain, position = _chain("mrr"), journal.head()
    journal.append_many(TOLD[len(TOLD) // 2 :][:5])
    build([chain], journal, beside)
    for key in (moved := _moved(database, position)):
        _damage(database, "update views.mrr_v3_state_check set state = '\\x00' where key = %(key)s", key)
    shapes = [table(view) for view in chain]
    assert beside.differences(shapes, "", position) == []

    still = _key(database, "where key <> all(%(moved)s)", {"moved": moved})
    _damage(database, "update views.mrr_v3_state_check set state = '\\x00' where key = %(key)s", still)

    (found,) = beside.differences(shapes, "", position)
    assert found.startswith(f"mrr_v3_state :live {still}: state is ")
    assert "was rebuilt as 1 bytes" in found


def test_a_key_that_is_moved_while_it_is_looked_at_is_no_difference(database: Database) -> None:
    """What only the first look finds has been moved behind the position since."""
    row = "select 'b' as book, 'k' as key, 1::bigint as known_from from generate_series(1, 1)"
    here, there = sql.SQL(f"{row} where nextval('looks') = 1"), sql.SQL(f"{row} where false")
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("create temporary sequence looks")

        assert list(_unlike_keys(connection, "mrr_v3", (here, there), 1)) == []


def _chain(name: str) -> Chained:
    return whole_chains(VIEWS, [name])[0]


def _damage(database: Database, spoil: str, key: str | None = None) -> None:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        changed = connection.execute(spoil.encode(), {"key": key or _key(database)})
        assert changed.rowcount


def _key(database: Database, which: str = "", given: dict[str, list[str]] | None = None) -> str:
    """A key of which everything is kept."""
    with psycopg.connect(database.app_dsn) as connection:
        query = (
            "select key from views.mrr_v3 join views.mrr_v3_edge using (book, key)"
            f" join views.mrr_v3_state using (book, key) {which} order by 1 limit 1"
        )
        found = connection.execute(query.encode(), given or {}).fetchone()
    assert found
    return str(found[0])


def _moved(database: Database, position: int) -> list[str]:
    """The keys that have heard something behind a position, or shown it."""
    with psycopg.connect(database.app_dsn) as connection:
        heard = connection.execute(
            "select key from views.mrr_v3_heard_check, unnest(positions) at where at > %(p)s"
            " union select key from views.mrr_v3_check where known_from > %(p)s or known_to > %(p)s",
            {"p": position},
        ).fetchall()
    return [key for (key,) in heard]
