"""Rates come into the log by a command that can be run again, and again with other files."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.bootstrap import journal_of
from ledgerstone.cli import main
from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.fx import FxRatePublished
from ledgerstone.ledger.recorded import Recorded
from tests.ecb_files import envelope

DAYS = {"2026-11-04": {"USD": "1.1172", "SEK": "10.978"}, "2026-11-03": {"USD": "1.1160"}}


class Importing:
    """Runs the command on a file of its own."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.env = {"DATABASE_URL": database.app_dsn, "MIGRATION_DATABASE_URL": database.owner_dsn}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["import", "fx", *arguments], env=self.env)

    def file(self, content: bytes) -> Result:
        path = self.folder / "eurofxref.xml"
        path.write_bytes(content)
        return self(str(path))

    def rows(self) -> list[Recorded]:
        with journal_of(self.database) as journal:
            return [entry.row for entry in journal.read(0, 10_000) if entry.row is not None]


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(database, tmp_path)


def test_a_file_is_imported_once_however_often_it_is_given(importing: Importing) -> None:
    assert importing.file(envelope(DAYS)).output == (
        "2 new, 0 duplicate, 0 in conflict, from 2026-11-03 to 2026-11-04\n"
    )
    daily = envelope({"2026-11-05": {"USD": "1.12"}, **DAYS})
    assert importing.file(daily).output.startswith("1 new, 2 duplicate, 0 in conflict")
    rows = importing.rows()
    assert [row.name for row in rows] == ["fx/ecb/2026-11-03", "fx/ecb/2026-11-04", "fx/ecb/2026-11-05"]
    assert rows[1].happened_at.isoformat() == "2026-11-04T15:00:00+00:00"
    assert not any(row.movements for row in rows)


def test_other_rates_of_a_day_are_kept_beside_the_first_and_named(importing: Importing) -> None:
    importing.file(envelope(DAYS))
    other = envelope({"2026-11-04": {"USD": "1.2", "SEK": "10.978"}})
    told = importing.file(other).output
    assert "0 new, 1 duplicate, 1 in conflict" in told
    assert "2026-11-04 was told with other rates before, which stay in force" in told
    assert "0 in conflict" in importing.file(other).output, "it is noted once"

    *facts, conflict = importing.rows()
    assert isinstance(facts[1].body, FxRatePublished)
    assert facts[1].body.rates["usd"] == "1.1172"
    assert isinstance(conflict.body, FactConflict)
    assert b'"1.2"' in conflict.body.told


def test_nothing_is_recorded_of_a_file_that_is_wrong_anywhere(importing: Importing) -> None:
    result = importing.file(envelope({**DAYS, "2026-11-02": {"USD": "0"}}))
    assert result.exit_code == 1
    assert "eurofxref.xml is not imported: line" in result.output
    assert not importing.rows()


def test_a_file_or_the_seed_is_to_be_given(importing: Importing) -> None:
    assert importing().exit_code == 2
    assert "give a FILE or --seed" in importing().output


def test_the_seed_is_imported_once(importing: Importing) -> None:
    first = importing("--seed").output
    assert "0 duplicate, 0 in conflict, from 1999-01-04 to " in first
    again = importing("--seed").output
    assert again == f"0 new, {first.split()[0]} duplicate{first.partition(' duplicate')[2]}"


def test_the_view_of_rates_is_rebuilt_replayed_and_verified_like_any(importing: Importing) -> None:
    importing.file(envelope(DAYS))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), env=importing.env)

    assert run("rebuild", "rates").exit_code == 0
    for format in ("table", "csv", "json"):
        shown = run("replay", "rates", "--compare", "--format", format)
        assert shown.exit_code == 0, shown.output
        assert "2026-11-04" in shown.output
    assert run("explain", "rates", "2026-11-04").exit_code == 0
    importing.file(envelope({"2026-11-04": {"USD": "1.2"}}))
    verdict = run("verify")
    assert "two messages tell of one fact in different amounts" in verdict.output
