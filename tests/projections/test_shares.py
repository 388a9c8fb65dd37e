"""However a rebuild is divided, into shares of keys, passes and windows, the rows are the same."""

from collections.abc import Sequence

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.bulk import Made, Span, fill
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.rebuild import begin_tables, complete, whole_chains
from ledgerstone.projections.shares import Piece, Share
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests.corrected import positioned, with_corrections
from tests.projections.tables import everything, in_memory
from tests.projections.test_laws import afresh, world
from tests.worlds import log_of, messages, shuffled

NAMED = {view.name: view for view in VIEWS}


def _divided(
    journal: Journal,
    store: PostgresViews,
    parts: int,
    span: Span,
    told: list[tuple[int, int]],
    wanted: Sequence[str] = (),
) -> list[Made]:
    """Chains in so many shares, each of which is folded as by a process of its own."""
    groups = whole_chains(VIEWS, wanted)
    begin_tables(groups, store)
    names = [tuple(view.name for view in group) for group in groups]
    made = [
        part
        for number in range(parts)
        for part in fill(
            [Piece(each, Share(parts, number)) for each in names],
            NAMED,
            journal,
            store,
            span,
            lambda rows, more: told.append((rows, more)),
        )
    ]
    for group, each in zip(groups, names, strict=True):
        complete(group, [part for part in made if part.views == each], store)
    Engine([view for group in groups for view in group], journal, store).catch_up(span.window)
    return made


@given(
    seed=st.integers(0, 10**6),
    corrections=st.sampled_from([0, 0, 0, 3]),
    parts=st.integers(1, 4),
    window=st.sampled_from([7, 60, 10**6]),
    keys=st.sampled_from([10, 60, 10**6]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_the_same_however_the_work_is_divided(
    database: Database, seed: int, corrections: int, parts: int, window: int, keys: int
) -> None:
    rows = [row for _, row in log_of(shuffled(messages(seed % 5, customers=4, months=4), seed))]
    log = positioned(with_corrections(rows, seed, corrections)[0] if corrections else rows)
    with afresh(database), world(database) as (journal, store):
        journal.append_new([row for _, row in log])
        Engine(VIEWS, journal, store).catch_up(window)
        beside = PostgresViews(database.app_dsn, "_new")
        _divided(journal, beside, parts, Span(len(log), window, keys), [])
        beside.close()

        for group in chains(VIEWS):
            meaning = fold(group, log)
            for view in group:
                held = everything(database.app_dsn, view, "_new")
                assert held["versions"] == in_memory(list(meaning[view.name]))
                assert held == everything(database.app_dsn, view)


@pytest.mark.parametrize(("keys", "passes"), [(10**6, 1), (40, 2), (12, 3)])
def test_with_less_memory_come_more_passes(
    database: Database, journal: Journal, store: PostgresViews, keys: int, passes: int
) -> None:
    journal.append_many(messages(4, customers=12, months=6))
    told: list[tuple[int, int]] = []

    wanted = ["customers", "payments", "subscriptions"]
    made = _divided(journal, store, 1, Span(journal.head(), 50, keys), told, wanted)

    assert sum(more > 0 for _, more in told) >= passes
    assert sum(rows for rows, _ in told) == sum(more for _, more in told)
    assert [part.failure for part in made if part.failure] == []


def test_where_the_keys_that_others_point_at_are_too_many_it_goes_in_windows(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    told = messages(4, customers=12, months=6)
    journal.append_many(told)

    made = _divided(journal, store, 1, Span(journal.head(), 50, 10), [])

    assert any("others point at" in (part.failure or "") for part in made)
    with psycopg.connect(database.app_dsn) as connection:
        found = connection.execute("select distinct position from views.tracking").fetchall()
    assert found == [(journal.head(),)]


def test_no_more_keys_are_held_than_may_be(journal: Journal, store: PostgresViews) -> None:
    """But for those of the last window."""
    from ledgerstone.projections import bulk

    journal.append_many(messages(4, customers=12, months=6))
    held: list[int] = []
    within = bulk._within

    def noted(bulks: list[bulk.Bulk], most: int, upto: int) -> list[Piece]:
        left = within(bulks, most, upto)
        held.append(sum(map(len, bulks)))
        return left

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_within", noted)
        _divided(journal, store, 1, Span(journal.head(), 50, 120), [])

    assert max(held) <= 120
