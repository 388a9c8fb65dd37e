"""The books are verified every night, by one process of all, and what was found can be read."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import enumerate as threads

import psycopg
import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.bootstrap import Settings
from ledgerstone.commands.nightly import Night, verifying
from ledgerstone.commands.verify import verify_nightly
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.posting import Movement
from ledgerstone.ledger.recorded import Book, Recorded
from tests.http.parts import Service


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    service = Service(database)
    yield service
    service.close()


def settings(database: Database) -> Settings:
    return Settings(database_url=database.app_dsn, migration_database_url=database.owner_dsn)


def wrong() -> Recorded:
    """A fact that moved less than it tells."""
    body = PaymentApplied(invoice="in_1", payment="pi_1", amount=100, currency="eur")
    moved = (Movement("unapplied_card", "pi_1", "receivable", "in_1", 99, "eur"),)
    return Recorded("applied/in_1/pi_1", Book(), datetime(2026, 11, 4, tzinfo=UTC), body, movements=moved)


def test_what_was_found_is_kept_and_shown(service: Service, database: Database) -> None:
    service.hear([(wrong(),)])
    with TestClient(service.app) as client:
        assert client.get("/sys/verification").json()["data"] == []
        verdict = verify_nightly(settings(database))
        assert verdict is not None
        (shown,) = client.get("/sys/verification").json()["data"]
        metrics = client.get("/metrics").text
    assert (shown["position"], shown["wrong"], shown["fine"]) == (1, verdict.wrong, verdict.fine)
    assert any("payment pi_1 of :live" in said for said in shown["wrong"])
    assert f"ledgerstone_verification_wrong {len(verdict.wrong)}.0" in metrics
    assert "ledgerstone_verification_timestamp_seconds 1." in metrics


def test_it_is_done_once_by_all_services_of_a_database(database: Database) -> None:
    with alone(database.app_dsn, "nightly verification"):
        assert verify_nightly(settings(database)) is None
    assert verify_nightly(settings(database)) is not None
    assert verify_nightly(settings(database)) is None, "within the hour"
    with psycopg.connect(database.app_dsn) as connection:
        assert connection.execute("select count(*) from views.verifications").fetchone() == (1,)


def test_a_process_of_its_own_does_it_and_its_words_are_logged(
    service: Service, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service.hear([(wrong(),)])
    monkeypatch.setenv("DATABASE_URL", database.app_dsn)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", database.owner_dsn)
    with caplog.at_level(logging.INFO, "ledgerstone"):
        Night().verify()
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert any(each.startswith("WRONG payment pi_1") for each in said)
    assert said[-1] == "the nightly verification ended with 1"


def test_it_is_done_at_its_time_while_the_service_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[BackgroundScheduler] = []
    start = BackgroundScheduler.start

    def noted(scheduler: BackgroundScheduler) -> None:
        made.append(scheduler)
        start(scheduler)

    monkeypatch.setattr(BackgroundScheduler, "start", noted)
    with verifying("02:30"):
        (job,) = made[0].get_jobs()
        assert (job.next_run_time.hour, job.next_run_time.minute) == (2, 30)
        assert job.next_run_time.tzinfo is UTC
    assert not made[0].running
    with verifying("off"):
        assert len(made) == 1
    assert not [each for each in threads() if each.name == "APScheduler"]
