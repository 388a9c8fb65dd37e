"""A row that cannot be folded stops the views that hear it, just before it, and no others."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.customers import Customer, CustomerSeen
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History
from ledgerstone.projections import chain, customers
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.rebuild import ViewsDiffer, build, compare, rebuild, take_place
from ledgerstone.projections.replay import Until
from ledgerstone.projections.schedules import Schedules
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.terms import Terms
from ledgerstone.projections.view import AnyView, table
from tests.projections.tables import in_memory, versions
from tests.worlds import log_of, messages, shuffled

FEARED = sorted(
    {row.body.id for message in messages(3) for row in message if isinstance(row.body, CustomerSeen)}
)[2]


class Faulty(customers.Customers):
    """A view with a mistake: it cannot stand one customer."""

    def fold(self, state: History[Customer] | None, row: Recorded, id: str) -> History[Customer]:
        if id == FEARED:
            raise ZeroDivisionError("a mistake of ours")
        return super().fold(state, row, id)


def standing(database: Database) -> dict[str, tuple[int, int | None, str | None]]:
    """Where each view is, and where and why it stopped."""
    with psycopg.connect(database.app_dsn) as connection:
        found = connection.execute("select name, position, stopped_at, reason from views.tracking")
        return {name: (position, stopped, reason) for name, position, stopped, reason in found}


@pytest.mark.parametrize("window", [3, 20_000])
def test_a_mistake_stops_one_view_and_is_named(
    database: Database, journal: Journal, store: PostgresViews, window: int
) -> None:
    journal.append_many(messages(3))
    engine = Engine([Faulty(), Subscriptions()], journal, store)

    engine.catch_up(window)

    position, stopped, reason = standing(database)["customers_v2"]
    assert stopped == position + 1
    assert "ZeroDivisionError: a mistake of ours" in (reason or "")
    assert standing(database)["subscriptions_v2"] == (journal.head(), None, None)


def test_after_the_fix_it_goes_on(database: Database, journal: Journal, store: PostgresViews) -> None:
    journal.append_many(messages(3))
    Engine([Faulty(), Subscriptions()], journal, store).catch_up()

    Engine([customers.Customers(), Subscriptions()], journal, store).catch_up()

    assert standing(database)["customers_v2"] == (journal.head(), None, None)
    beside = PostgresViews(database.app_dsn, "_check")
    assert compare([customers.Customers()], journal, beside, journal.head()) == []
    beside.close()


def test_a_row_that_cannot_be_decoded_stops_who_hears_its_tag(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    journal.append_many(messages(3))
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(
            "insert into stored_events values (%s, 1, 'customer-seen', '\\x00', %s, now())",
            (stream("spoiled"), journal.head() + 1),
        )
    journal.append_many(messages(4))

    Engine([customers.Customers(), Subscriptions()], journal, store).catch_up()

    position, stopped, reason = standing(database)[table(customers.Customers()).name]
    assert stopped == position + 1
    assert "cannot be decoded" in (reason or "")
    assert standing(database)["subscriptions_v2"] == (journal.head(), None, None)


def test_in_a_chain_it_stops_those_who_hear_it_and_their_readers(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    """Of subscriptions' schedules only one view hears; what it reads, and what else reads that, goes on."""
    journal.append_many(messages(3))
    spoiled = journal.head() + 1
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(
            "insert into stored_events values (%s, 1, 'subscription-schedule-seen', '\\x00', %s, now())",
            (stream("spoiled"), spoiled),
        )
    journal.append_many(messages(4))
    engine = Engine([Terms(), Mrr(), Schedules()], journal, store)

    engine.catch_up(7)
    engine.catch_up(7)

    stood = standing(database)
    assert stood["schedules_v1"][:2] == (spoiled - 1, spoiled)
    assert {stood[name] for name in ("terms_v2", "mrr_v3")} == {(journal.head(), None, None)}


class Unpriced(Mrr):
    """A view with a mistake, in the midst of a chain: it cannot stand what one subscription is worth."""

    feared = ""

    def fold(self, state: Any, row: Recorded, id: str) -> Any:
        if row.name == self.feared:
            raise ZeroDivisionError("a mistake of ours")
        return super().fold(state, row, id)


@pytest.mark.parametrize("window", [3, 20_000])
def test_what_others_read_goes_on_when_a_reader_is_stopped_and_the_reader_catches_up_after_the_fix(
    database: Database, journal: Journal, store: PostgresViews, window: int
) -> None:
    """Though what it reads has changed since: it is shown to it as it was at each row."""
    told = shuffled(messages(3), 3)
    journal.append_many(told)
    rows = log_of(told)
    hearing = [(at, row) for at, row in rows if type(row.body) in Mrr.hears]
    Unpriced.feared = hearing[len(hearing) // 3][1].name
    stopped_at = hearing[len(hearing) // 3][0]
    Engine([Terms(), Unpriced(), Schedules()], journal, store).catch_up(window)

    stood = standing(database)
    assert stood["mrr_v3"][:2] == (stopped_at - 1, stopped_at)
    assert {stood[table(view).name] for view in (Terms(), Schedules())} == {(journal.head(), None, None)}

    Engine([Terms(), Mrr(), Schedules()], journal, store).catch_up(window)

    assert {*standing(database).values()} == {(journal.head(), None, None)}
    meaning = fold([Terms(), Mrr(), Schedules()], rows)
    for view in (Terms(), Mrr(), Schedules()):
        assert versions(database.app_dsn, view) == in_memory(list(meaning[view.name]))


def test_a_stopped_view_that_was_rebuilt_goes_on_in_the_engine_that_runs(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    told = messages(3)
    journal.append_many(told[:-20])
    running = Engine([Faulty(), Subscriptions()], journal, store)
    running.catch_up()
    beside = PostgresViews(database.app_dsn, "_new")

    rebuild([[customers.Customers()]], journal, beside)
    beside.close()
    running.catch_up()
    journal.append_many(told[-20:])
    running.catch_up()

    assert standing(database)["customers_v2"] == (journal.head(), None, None)


def test_an_engine_that_is_never_idle_notices_all_the_same(
    database: Database, journal: Journal, store: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks every 32 steps whether what was stopped was moved."""
    told = messages(3)
    journal.append_many(told[:-40])
    running = Engine([Faulty(), Subscriptions()], journal, store)
    running.catch_up()
    assert {chain.stopped is None for chain in running.chains} == {True, False}
    with closing(PostgresViews(database.app_dsn, "_new")) as beside:
        rebuild([[customers.Customers()]], journal, beside)
    monkeypatch.setattr(Faulty, "fold", customers.Customers.fold)
    journal.append_many(told[-40:])

    rows = [running.step(1) for _ in range(32)]

    assert min(rows) > 0
    assert [chain.stopped for chain in running.chains] == [None, None]
    running.catch_up()
    assert {*standing(database).values()} == {(journal.head(), None, None)}


def test_a_rebuild_compares_each_view_as_far_as_that_one_is(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    """Not as far as the one of its chain that was stopped first."""
    journal.append_many(messages(3))
    prices = [at for at, row in log_of(messages(3)) if type(row.body) in Terms.hears]
    Unpriced.feared = next(row.name for at, row in log_of(messages(3)) if type(row.body) in Mrr.hears)
    Engine([Terms(), Unpriced(), Schedules()], journal, store).catch_up()
    assert standing(database)["mrr_v3"][0] < prices[-1]
    spoil = "update views.terms_v2 set known_to = known_from + 1 where known_from = %s"
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute(spoil, [prices[-1]])
    beside = PostgresViews(database.app_dsn, "_new")

    with pytest.raises(ViewsDiffer, match="terms_v2"):
        rebuild([[Terms(), Mrr(), Schedules()]], journal, beside)
    beside.close()


class Noting(PostgresViews):
    """Notes how far its tables are when they are about to be swapped."""

    found: Mapping[str, int] = {}

    def swap(self, tables: Sequence[Any], suffix: str, ready: Callable[[Mapping[str, int]], None]) -> None:
        self.found = self.standings(tables, self._suffix)
        super().swap(tables, suffix, ready)


def test_all_is_folded_before_what_is_read_has_to_stand_still(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    """Also what comes behind a correction, with which the work in bulk ends."""
    journal.append_many(messages(3))
    views = [customers.Customers()]
    Engine(views, journal, store).catch_up()
    beside = Noting(database.app_dsn, "_new")
    build([views], Until(journal, journal.head() // 2), beside)

    take_place(views, journal, beside)

    assert beside.found == {"customers_v2": journal.head()}
    beside.close()


def test_tables_that_do_not_go_together_stop_those_views_and_no_others(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    """As after a new version of a view that others read, whose version stayed."""
    told = messages(3)
    views: list[AnyView] = [Terms(), Mrr(), Schedules(), customers.Customers()]
    journal.append_many(told[:-20])
    running = Engine(views, journal, store)
    running.catch_up()
    place = "update views.tracking set position = %s where name = 'terms_v2'"
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        (head,) = {position for position, _, _ in standing(database).values()}
        connection.execute(place, [head - 1])
        journal.append_many(told[-20:])
        running.restart()
        running.catch_up()

        stood = standing(database)
        assert stood["customers_v2"] == (journal.head(), None, None)
        assert "different positions" in str(stood["mrr_v3"][2])
        assert stood["mrr_v3"][0] == head

        connection.execute(place, [head])
    running.catch_up()  # which finds that they do by now
    running.catch_up()
    assert {*standing(database).values()} == {(journal.head(), None, None)}


def test_tables_that_do_not_answer_while_a_row_is_folded_are_no_fault_of_the_row(
    database: Database, journal: Journal, store: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shuffled(messages(3), 3)
    journal.append_many(told[::2])
    views = [customers.Customers()]
    Engine(views, journal, store).catch_up()
    journal.append_many(told[1::2])
    engine = Engine(views, journal, store)
    monkeypatch.setattr(chain.Chain, "_preload", lambda self, heard: None)  # so that it asks in the fold
    monkeypatch.setattr(store, "states", _gone)

    with pytest.raises(chain.Unanswered):
        engine.catch_up()

    monkeypatch.undo()
    engine.restart()
    engine.catch_up()
    assert standing(database)["customers_v2"] == (journal.head(), None, None)


def _gone(*asked: object) -> None:
    raise psycopg.OperationalError("server closed the connection unexpectedly")
