"""What a headline asks of a window is found by its times, not by reading whole tables."""

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.rebuild import rebuild
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.worlds import messages


@pytest.mark.parametrize("begun", ["live", "rebuilt"])
def test_what_is_looked_for_by_its_times_has_an_index(
    database: Database, journal: Journal, store: PostgresViews, begun: str
) -> None:
    for message in messages(1):
        journal.append(message)
    Engine(VIEWS, journal, store).catch_up()
    if begun == "rebuilt":
        beside = PostgresViews(database.app_dsn, "_new")
        rebuild(chains(VIEWS), journal, beside)
        beside.close()

    for view in VIEWS:
        name = table(view).name
        found = _indexes(database, name)
        for time in view.sought:
            assert any(index.endswith(f"({time}) WHERE ({time} IS NOT NULL)") for index in found), found
        assert len(found) == 1 + len(view.sought)


def _indexes(database: Database, name: str) -> list[str]:
    with psycopg.connect(database.app_dsn) as connection:
        query = "select indexdef from pg_indexes where schemaname = 'views' and tablename = %s"
        return [definition for (definition,) in connection.execute(query, [name])]
