"""Configuration is read once, and all that is wrong with it is said at once."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import ConfigurationError, following, journal_of, read_settings, views_of
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections import rebuild
from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.live import Stopped
from ledgerstone.projections.rebuild import Chained, Told
from ledgerstone.projections.view import chains, table
from ledgerstone.projections.views import VIEWS
from tests.waiting import until
from tests.worlds import messages


def test_nothing_needs_to_be_configured() -> None:
    settings = read_settings({"HOME": "/home/acme"})
    assert settings.database_url is None
    assert settings.stripe_livemode is True


def test_secrets_stand_side_by_side_while_one_is_being_rolled() -> None:
    settings = read_settings({"STRIPE_WEBHOOK_SECRETS": "whsec_old, whsec_new,"})
    assert settings.stripe_webhook_secrets == ("whsec_old", "whsec_new")
    assert "whsec" not in repr(settings)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert read_settings({"DATABASE_URL": "", "STRIPE_LIVEMODE": ""}).stripe_livemode is True


def test_every_error_is_in_one_message() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_settings(
            {
                "STRIPE_LIVEMODE": "perhaps",
                "STRIPE_API_BASE": "stripe",
                "LEDGERSTONE_ENV": "prod",
                "MIGRATION_DATABASE_URL": "dbname=books",
                "LEDGERSTONE_REPORTING_CURRENCY": "EUR",
                "LEDGERSTONE_VERIFY_AT": "25:00",
                "LEDGERSTONE_FUNCTIONAL_CURRENCY": "kr",
            }
        )
    told = str(raised.value)
    assert "STRIPE_LIVEMODE: 'perhaps' is not one of true, false" in told
    assert "STRIPE_API_BASE" in told
    assert "LEDGERSTONE_ENV: 'prod' is not one of development, production" in told
    assert "MIGRATION_DATABASE_URL" in told
    assert "LEDGERSTONE_REPORTING_CURRENCY: 'EUR' is no currency's code in lower case, as eur is" in told
    assert "LEDGERSTONE_VERIFY_AT: '25:00' is no time of day (UTC), as 02:30 is, nor off" in told
    assert "LEDGERSTONE_FUNCTIONAL_CURRENCY: 'kr' is no currency" in told


def test_production_asks_for_a_database() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL: needed"):
        read_settings({"LEDGERSTONE_ENV": "production"})


def test_without_a_checkout_data_lie_where_this_users_programs_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings({"XDG_DATA_HOME": "/data"}).ledgerstone_home == Path("/data/ledgerstone/pg")


def test_the_engine_follows_the_log_until_it_is_told_to_end(database: Database) -> None:
    troubles: list[Exception] = []
    with journal_of(database) as journal, views_of(database) as store:
        with following(database, journal, troubles.append):
            for message in messages(1):
                journal.append(message)
            _until_all_are_there(journal, store)
        assert not troubles
        assert not [each for each in threading.enumerate() if each.name == "ledgerstone-engine"]


def test_the_engine_begins_in_bulk_where_the_log_is_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the tables that are read, over a connection that the lease knows of."""
    monkeypatch.setattr(rebuild, "LONG", 10)
    troubles: list[Exception] = []
    with journal_of(database) as journal, views_of(database) as store:
        for message in messages(1):
            journal.append(message)
        with following(database, journal, troubles.append):
            _until_all_are_there(journal, store)
        assert not troubles


def test_whoever_loses_the_lease_stops_what_others_begin_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LONG", 10)
    troubles: list[Exception] = []
    heard: list[str] = []

    def begun_by(groups: Sequence[Chained], told: Told) -> bool:
        heard.append("asked")
        if len(heard) == 1:
            _end_leader(database)
            try:
                while True:
                    told(0, 1)
                    time.sleep(0.01)
            except Overtaken:
                heard.append("overtaken")
                raise
        return False

    with journal_of(database) as journal, views_of(database) as store:
        for message in messages(1):
            journal.append(message)
        with following(database, journal, troubles.append, begun_by):
            _until_all_are_there(journal, store)
    assert heard == ["asked", "overtaken", "asked"]
    assert not troubles


def test_a_service_that_ends_ends_what_others_begin_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LONG", 10)
    heard: list[str] = []

    def begun_by(groups: Sequence[Chained], told: Told) -> bool:
        heard.append("asked")
        try:
            while True:
                told(0, 1)
                time.sleep(0.01)
        except Stopped:
            heard.append("stopped")
            raise

    with journal_of(database) as journal:
        for message in messages(1):
            journal.append(message)
        with following(database, journal, lambda failure: heard.append(str(failure)), begun_by):
            until(lambda: heard)
    assert heard == ["asked", "stopped"]


def _until_all_are_there(journal: Journal, store: PostgresViews) -> None:
    """Wait until every view is at the end of the log."""
    head, groups = journal.head(), [[*map(table, group)] for group in chains(VIEWS)]
    until(lambda: all(store.position(group) == head for group in groups))


def _end_leader(database: Database) -> None:
    """Its session, as when the network breaks."""
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ %s"
        assert connection.execute(query, ["^ledgerstone engine .* [0-9]+$"]).fetchall()
