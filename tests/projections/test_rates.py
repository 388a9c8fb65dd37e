"""A day's table is shown as it is known: as first told, until it is corrected."""

from datetime import date
from typing import Any

from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.rates import Rates
from tests.ecb_files import published
from tests.projections.tables import in_memory, versions

DAY = date(2026, 11, 4)
TOLD = published(DAY, {"usd": "1.1172", "sek": "10.978"})
CORRECTED = superseding(TOLD, published(DAY, {"usd": "1.1173", "sek": "10.978"}), 1)


def test_a_table_is_one_row_and_a_correction_its_next_version() -> None:
    found: list[Any] = fold((Rates(),), [(1, TOLD), (2, CORRECTED)])["rates"]
    first, second = sorted(found, key=lambda version: version.known_from)
    assert (first.known_from, first.known_to, second.known_from, second.known_to) == (1, 2, 2, None)
    assert (first.row.currencies, first.row.rates) == (("sek", "usd"), ("10.978", "1.1172"))
    assert second.row == replace(first.row, rates=("10.978", "1.1173"))
    assert first.row.at == TOLD.happened_at


def test_the_table_is_what_the_fold_in_memory_says(
    database: Database, journal: Journal, store: PostgresViews
) -> None:
    days = [published(date(2026, 11, day), {"usd": f"1.{day}", "jpy": "176"}) for day in (2, 3, 5)]
    journal.append_many([[row] for row in [TOLD, *days]])
    journal.append_new([CORRECTED])
    Engine((Rates(),), journal, store).catch_up()
    log = list(enumerate([TOLD, *days, CORRECTED], 1))
    assert versions(database.app_dsn, Rates()) == in_memory(fold((Rates(),), log)["rates"])
