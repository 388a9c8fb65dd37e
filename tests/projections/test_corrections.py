"""A corrected fact: from then on every view is as if the truth had been told at first, and before it as it
was known then; live, rebuilt and replayed alike."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections import bulk, chain
from ledgerstone.projections import rebuild as rebuilding
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold, remembering
from ledgerstone.projections.rebuild import rebuild
from ledgerstone.projections.shares import Piece
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import Count, Summary, View, chains
from ledgerstone.projections.views import VIEWS
from ledgerstone.projections.writes import added, lines
from tests.corrected import Log, positioned, trial_balance, with_corrections
from tests.examples import AT, BOOK, received
from tests.projections.tables import in_memory, sums, versions
from tests.projections.test_laws import afresh, world
from tests.worlds import log_of, messages, shown, shuffled

seeds, orders, counts = st.integers(1, 400), st.integers(0, 2**32), st.integers(1, 12)


def _log(seed: int, order: int, count: int) -> tuple[Log, Log]:
    rows = [row for _, row in log_of(shuffled(messages(seed, customers=3, months=3), order))]
    corrected, true = with_corrections(rows, order, count)
    return positioned(corrected), positioned(true)


def _added_up(log: Log) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    """The heads of all summaries."""
    found = {}
    for group in chains(VIEWS):
        folder = remembering(group, log)
        for view in group:
            sums = lines(added({}, folder.changes(view)))
            found[view.name] = {name: rows for name, rows in sums.items() if rows}
    return found


@given(seeds, orders, counts)
@settings(max_examples=40, deadline=None)
def test_the_head_is_that_of_a_log_in_which_the_truth_was_told_at_first(
    seed: int, order: int, count: int
) -> None:
    corrected, true = _log(seed, order, count)

    assert shown(corrected) == shown(true)
    assert _added_up(corrected) == _added_up(true)
    assert trial_balance(row for _, row in corrected) == trial_balance(row for _, row in true)


@given(seeds, orders, counts, st.floats(0, 1))
@settings(max_examples=15, deadline=None)
def test_what_was_known_before_a_correction_stays(seed: int, order: int, count: int, part: float) -> None:
    log, _ = _log(seed, order, count)
    before = int(len(log) * part)

    for group in chains(VIEWS):
        whole, beginning = fold(group, log), fold(group, log[:before])
        for view in group:
            then = [
                v for v in whole[view.name] if v.known_from <= before and (v.known_to or before + 1) > before
            ]
            assert _rows(then) == _rows([v for v in beginning[view.name] if v.known_to is None])


def _rows(found: list[Version]) -> set[str]:
    return {repr((v.key, v.row)) for v in found}


@given(
    seeds,
    orders,
    counts,
    st.sampled_from([1, 3, 17, 10**6]),
    st.sampled_from([5, 90, 50_000]),
    st.sampled_from([0, 10**6]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_live_is_rebuilt_is_replayed_through_corrections(
    database: Database, seed: int, order: int, count: int, window: int, rebuilt: int, cached: int
) -> None:
    log, _ = _log(seed, order, count)
    with afresh(database), world(database) as (journal, store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuilding, "WINDOW", rebuilt)
        patch.setattr(chain, "CACHED", cached)
        journal.append_new([row for _, row in log])
        Engine(VIEWS, journal, store).catch_up(window)
        live = {view.name: (versions(database.app_dsn, view), sums(database.app_dsn, view)) for view in VIEWS}
        beside = PostgresViews(database.app_dsn, "_new")
        rebuild(chains(VIEWS), journal, beside)
        beside.close()

        for group in chains(VIEWS):
            meaning = fold(group, log)
            for view in group:
                assert live[view.name][0] == in_memory(list(meaning[view.name]))
                assert live[view.name] == (versions(database.app_dsn, view), sums(database.app_dsn, view))


def test_a_key_that_lost_all_that_it_heard_is_taken_up_again(database: Database) -> None:
    """By an engine that has nothing in memory: there is a state of it, which says that there is nothing."""
    applied = [
        Recorded(f"note/{n}", BOOK, AT, PaymentApplied(invoice, "pi_1", 100, "eur"))
        for n, invoice in enumerate(("in_wrong", "in_right", "in_wrong"))
    ]
    wrong, right, again = applied
    right = structs.replace(right, name=wrong.name)
    log = [wrong, superseding(wrong, right, 1), again]

    with world(database) as (journal, store):
        for row in log:
            journal.append_new([row])
            Engine(VIEWS, journal, store).catch_up()
        for group in chains(VIEWS):
            meaning = fold(group, positioned(log))
            for view in group:
                assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))


def test_a_key_that_only_the_new_body_names_gets_the_fact_and_the_old_one_loses_it() -> None:
    wrong, right = received("bistro"), received("acme")
    right = Recorded(wrong.name, BOOK, AT, right.body, wrong.cause, movements=right.movements)

    meaning = fold(chains(VIEWS)[_chain("money")], positioned([wrong, superseding(wrong, right, 1)]))

    assert [(v.key[1], v.known_from, v.known_to) for v in meaning["money"]] == [
        ("pi_acme", 2, None),
        ("pi_bistro", 1, 2),
    ]


def test_a_correction_of_a_correction_ends_the_last() -> None:
    first = received("bistro", 100)
    second, third = (_amount(first, amount) for amount in (250, 300))
    log = [first, superseding(first, second, 1), superseding(second, third, 2)]

    meaning = fold(chains(VIEWS)[_chain("money")], positioned(log))

    assert [(v.row.amount, v.known_from, v.known_to) for v in meaning["money"]] == [  # type: ignore[attr-defined]
        (100, 1, 2),
        (250, 2, 3),
        (300, 3, None),
    ]
    assert trial_balance(log) == trial_balance([third])


class Takings(View[int, int]):
    """How much was received? A counter only."""

    name = "takings"
    version = 1
    hears = (PaymentReceived,)
    summaries = (Summary("taken", {"currency": str}, ("amount", "times"), history=False),)

    def keys(self, row: Recorded) -> Iterable[str]:
        return ()

    def count(self, row: Recorded) -> Count | None:
        assert isinstance(row.body, PaymentReceived)
        return "taken", (row.body.currency,), (row.body.amount, 1)


def test_what_rows_add_by_themselves_is_taken_back_and_added_anew() -> None:
    first = received("bistro", 100)
    view = Takings()

    folder = remembering([view], positioned([first, superseding(first, _amount(first, 250), 1)]))

    assert lines(added({}, folder.changes(view))) == {"taken": [(str(BOOK), "eur", 250, 1)]}


def test_work_in_bulk_ends_where_facts_are_corrected_and_goes_on_in_windows(
    database: Database, journal: Journal, store: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "WINDOW", 50)
    log, _ = _log(3, 3, 4)
    journal.append_new([row for _, row in log])
    first = next(position for position, row in log if isinstance(row.body, Superseded))
    reached: list[int] = []
    beside = PostgresViews(database.app_dsn, "_begin")
    monkeypatch.setattr(bulk.Bulk, "finish", _noting(bulk.Bulk.finish, reached))

    rebuilding.build(chains(VIEWS), journal, beside)

    assert {first - position <= 50 and position < first for position in reached} == {True}
    for group in chains(VIEWS):
        meaning = fold(group, log)
        for view in group:
            assert versions(database.app_dsn, view, "_begin") == in_memory(list(meaning[view.name]))
    beside.close()


@pytest.mark.parametrize(("corrected", "keys"), [(False, 100_000), (False, 270), (True, 100_000)])
def test_what_was_in_memory_is_kept_for_the_end_of_a_process_unless_an_engine_goes_on(
    database: Database, journal: Journal, corrected: bool, keys: int
) -> None:
    """And never what another pass had: as much may be held."""
    rows = [row for _, row in log_of(shuffled(messages(4, customers=10, months=6), 4))]
    journal.append_new(with_corrections(rows, 4, 4)[0] if corrected else rows)
    beside, spent = PostgresViews(database.app_dsn, "_begin"), list[bulk.Bulk]()
    rebuilding.begin_tables(chains(VIEWS), beside)
    pieces = [Piece(tuple(view.name for view in group)) for group in chains(VIEWS)]
    limits = bulk.Span(journal.head(), 50, keys)

    named = {view.name: view for view in VIEWS}
    made = bulk.fill(pieces, named, journal, beside, limits, lambda done, total: None, None, spent)

    assert (len(made) > len(pieces)) == (keys == 270)
    assert (sum(map(len, spent)) > 0) == (not corrected)
    assert all(each.piece.since for each in spent) == (keys == 270 or corrected)
    beside.close()


def _noting(
    finish: Callable[[bulk.Bulk, int, bool], bulk.Made], reached: list[int]
) -> Callable[[bulk.Bulk, int, bool], bulk.Made]:
    def noted(made: bulk.Bulk, position: int, keep: bool) -> bulk.Made:
        reached.append(position)
        return finish(made, position, keep)

    return noted


def _chain(name: str) -> int:
    return next(at for at, group in enumerate(chains(VIEWS)) if any(view.name == name for view in group))


def _amount(row: Recorded, amount: int) -> Recorded:
    other = received("bistro", amount)
    return Recorded(
        row.name, row.book, row.happened_at, other.body, row.cause, movements=movements(other.body)
    )
