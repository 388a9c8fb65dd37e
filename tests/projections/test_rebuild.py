"""A rebuilt view is the view that is read: row for row, positions included."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen
from ledgerstone.projections import bulk
from ledgerstone.projections import rebuild as rebuilding
from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import ViewsDiffer, build, compare, rebuild, take_place, whole_chains
from ledgerstone.projections.terms import Terms
from ledgerstone.projections.view import AnyView, Look, Ref, Row, View, chains, decoder, encode_state
from ledgerstone.projections.views import VIEWS
from tests.corrected import with_corrections
from tests.projections.tables import everything, sums, versions
from tests.worlds import log_of, messages, shuffled


def _live(journal: Journal, store: PostgresViews, seed: int) -> Engine:
    for message in shuffled(messages(seed), seed):
        journal.append(message)
    engine = Engine(VIEWS, journal, store)
    engine.catch_up(50)
    return engine


@pytest.mark.parametrize(("window", "keys"), [(33, 10**6), (33, 20), (50_000, 10**6)])
@pytest.mark.parametrize("threads", [0, 1])
def test_rebuilt_is_live(
    database: Database,
    journal: Journal,
    store: PostgresViews,
    window: int,
    keys: int,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebuilding, "WINDOW", window)
    monkeypatch.setattr(bulk, "KEYS", keys)
    _live(journal, store, 4)
    before = {view.name: (versions(database.app_dsn, view), sums(database.app_dsn, view)) for view in VIEWS}
    beside = PostgresViews(database.app_dsn, "_new")

    with ThreadPoolExecutor(1) as pool:
        rebuild(chains(VIEWS), journal, beside, aside=pool if threads else None)

    for view in VIEWS:
        assert (versions(database.app_dsn, view), sums(database.app_dsn, view)) == before[view.name]
    beside.close()


def test_an_engine_that_was_swapped_under_begins_again(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    engine = _live(journal, store, 5)
    beside = PostgresViews(database.app_dsn, "_new")
    rebuild(chains(VIEWS), journal, beside)
    for message in messages(6):
        journal.append(message)

    with pytest.raises(Overtaken):
        engine.catch_up()
    engine.restart()
    engine.catch_up()

    for group in chains(VIEWS):
        assert compare(group, journal, beside, journal.head()) == []
    beside.close()


def test_other_rows_of_the_same_version_are_refused_and_named(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    _live(journal, store, 7)
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("update views.customers_v2 set tenant = 'mistaken' where known_to is null")
    beside = PostgresViews(database.app_dsn, "_new")
    group = whole_chains(VIEWS, ["customers"])[0]

    with pytest.raises(ViewsDiffer, match="mistaken"):
        rebuild([group], journal, beside)

    kept = versions(database.app_dsn, group[0])
    assert any("mistaken" in line for line in kept)
    beside.close()


def test_a_head_that_is_not_the_sum_of_its_deltas_is_named(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    _live(journal, store, 7)
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("update views.mrr_v3_standing_head set mrr = mrr + 1 where dimension = ''")
    beside = PostgresViews(database.app_dsn, "_check")

    found = compare(whole_chains(VIEWS, ["mrr"])[0], journal, beside, journal.head())

    assert found
    assert all("mrr_v3_standing" in line for line in found)
    beside.close()


class PlanRow(Row, frozen=True, gc=False):
    customer: str
    known: bool


class Plan(View[str, bool]):
    """Is anything known of the price that a customer pays now? It points at that one alone."""

    name = "plan"
    version = 1
    hears = (SubscriptionSeen,)
    reads = (Terms,)
    state = str
    row = PlanRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (_seen(row).customer,)

    def fold(self, state: str | None, row: Recorded, id: str) -> str:
        return _seen(row).items[0].price

    def refs(self, id: str, state: str) -> Iterable[Ref]:
        return (("terms", f"price/{state}"),)

    def part(self, id: str, state: str, look: Look) -> bool:
        return bool(look(("terms", f"price/{state}")))

    def rows(self, id: str, part: bool) -> Iterable[Row]:
        return (PlanRow(id, part),)


class Payer(Plan):
    """Who pays? It shows the same whatever they pay, and points at it."""

    name = "payer"

    def alike(self, held: str, now: str) -> bool:
        return True

    def part(self, id: str, state: str, look: Look) -> bool:
        return True


def _seen(row: Recorded) -> Subscription:
    assert isinstance(row.body, SubscriptionSeen)
    return row.body.now


class CountRow(Row, frozen=True, gc=False):
    times: int


class Count(View[int, int]):
    """How often was a subscription of a customer seen?"""

    name = "count"
    version = 1
    hears = (SubscriptionSeen,)
    state = int
    row = CountRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (_seen(row).customer,)

    def fold(self, state: int | None, row: Recorded, id: str) -> int:
        return (state or 0) + 1

    def part(self, id: str, state: int, look: Look) -> int:
        return state

    def rows(self, id: str, part: int) -> Iterable[Row]:
        return (CountRow(part),)


def test_what_an_engine_loaded_of_damaged_tables_is_forgotten_when_others_take_their_place(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    view, rows = Count(), [row for _, row in log_of(messages(4)) if isinstance(row.body, SubscriptionSeen)]
    customer = _seen(rows[-1]).customer
    of_it = [row for row in rows if _seen(row).customer == customer]
    journal.append_new(of_it[:1])
    Engine([view], journal, store).catch_up()
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        query = "select state from views.count_v1_state"
        ((state,),) = connection.execute(query).fetchall()
        count, shown = decoder(view)(state)
        spoil = "update views.count_v1_state set state = %s"
        connection.execute(spoil, [encode_state((count + 1_000, shown))])
    engine = Engine([view], journal, store)
    journal.append_new(of_it[1:2])
    engine.catch_up()

    with closing(PostgresViews(database.app_dsn, "_new_1")) as beside:
        build([[view]], journal, beside)
        assert take_place([view], journal, beside, replace=True).replaced
    journal.append_new(of_it[2:3])
    with pytest.raises(Overtaken):
        engine.step()
    engine.restart()
    engine.catch_up()

    assert [line[-1] for line in versions(database.app_dsn, view)] == [1, 2, 3]
    with closing(PostgresViews(database.app_dsn, "_check")) as check:
        assert compare([view], journal, check, journal.head()) == []


@pytest.mark.parametrize("keys", [40, 10**6])
@pytest.mark.parametrize("corrections", [0, 5])
@pytest.mark.parametrize("view", [Plan(), Payer()])
@pytest.mark.parametrize("cached", [0, 10**6])
def test_what_was_pointed_at_once_is_kept_by_whoever_writes_it(
    database: Database,
    journal: Journal,
    store: PostgresViews,
    keys: int,
    corrections: int,
    view: AnyView,
    cached: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It explains what changed a row then."""
    monkeypatch.setattr(rebuilding, "WINDOW", 33)
    monkeypatch.setattr(bulk, "KEYS", keys)
    views = [Terms(), view]
    rows = [row for _, row in log_of(shuffled(messages(4, customers=12, months=6), 4))]
    journal.append_new(with_corrections(rows, 4, corrections)[0])
    Engine(views, journal, store, cached=cached).catch_up(40)
    live = everything(database.app_dsn, view)
    with closing(PostgresViews(database.app_dsn, "_new")) as beside:
        rebuild([views], journal, beside)

    assert len(live["edge"]) > len({key for *_, key in live["edge"]})
    assert everything(database.app_dsn, view) == live


def test_an_unknown_view_is_named_with_those_that_there_are() -> None:
    with pytest.raises(LookupError, match="no view is called mmr: there are conflicts, connect,"):
        whole_chains(VIEWS, ["mmr"])
