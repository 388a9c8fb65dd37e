"""A row that cannot be folded stops the views that hear it, just before it, and no others."""

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.customers import Customer, CustomerSeen
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.names import stream
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History
from ledgerstone.projections import customers
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import compare
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.view import table
from tests.worlds import messages

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
