"""Does the library find in our recorder what it expects of one? Its own test cases say so.

Two of them do not apply, `ProcessRecorderTestCase` and `test_create_process_recorder` of the factory's: a
process application would track one event a transaction, within the append lock, so the factory refuses it."""

from typing import Any
from uuid import UUID

import pytest
from eventsourcing import postgres
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, NotSupportedError, Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.tests import application, persistence
from eventsourcing.utils import Environment

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import LedgerFactory, LedgerRecorder, environment


class OnAnEmptyDatabase:
    """The library's test cases make their own tables, so they work as the owner."""

    @pytest.fixture(autouse=True)
    def _database(self, empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
        variables = environment(empty_database.owner_dsn) | {"CREATE_TABLE": "yes"}
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        self.env = Environment("stored", dict(variables))
        self.factory = LedgerFactory(self.env)
        yield
        self.factory.close()


class TestApplicationRecorder(OnAnEmptyDatabase, persistence.ApplicationRecorderTestCase[LedgerRecorder]):
    def create_recorder(self) -> LedgerRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNotificationIDs(OnAnEmptyDatabase, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> LedgerRecorder:
        return self.factory.application_recorder()


class TestAggregateRecorder(OnAnEmptyDatabase, persistence.AggregateRecorderTestCase):
    """Snapshots: the library's own recorder, on our factory."""

    def create_recorder(self) -> Any:
        return self.factory.aggregate_recorder()


class TestTrackingRecorder(OnAnEmptyDatabase, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.tracking_recorder()


class TestFactory(OnAnEmptyDatabase, persistence.InfrastructureFactoryTestCase[LedgerFactory]):
    def expected_factory_class(self) -> type[LedgerFactory]:
        return LedgerFactory

    def expected_aggregate_recorder_class(self) -> Any:
        return postgres.PostgresAggregateRecorder

    def expected_application_recorder_class(self) -> Any:
        return LedgerRecorder

    def expected_tracking_recorder_class(self) -> Any:
        return postgres.PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> Any:
        return AnotherTrackingRecorder

    def expected_process_recorder_class(self) -> Any:
        raise AssertionError("there is none")

    def test_create_process_recorder(self) -> None:
        with pytest.raises(NotSupportedError, match="process application"):
            self.factory.process_recorder()


class AnotherTrackingRecorder(postgres.PostgresTrackingRecorder):
    pass


class TestExampleApplication(OnAnEmptyDatabase, application.ExampleApplicationTestCase):
    """An application of the library's with aggregates, snapshots and a notification log."""

    expected_factory_topic = "ledgerstone.adapters.postgres.recorder:LedgerFactory"


class Dog(Aggregate):
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


class Dogs(Application[UUID]):
    name = "stored"


class Names(postgres.PostgresTrackingRecorder):
    """A read model that only counts how far it is."""


class Tracked(Projection[Names]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)


def test_an_application_of_the_library_works_on_the_tables_of_the_migrations(database: Database) -> None:
    with Dogs(environment(database.app_dsn)) as dogs:
        dog = Dog("Fido")
        dogs.save(dog)
        dog.add_trick("roll over")
        assert [recording.notification.id for recording in dogs.save(dog)] == [2]
        loaded: Dog = dogs.repository.get(dog.id)
        assert loaded.tricks == ["roll over"]


def test_of_two_who_decide_on_one_version_the_second_must_decide_again(database: Database) -> None:
    with Dogs(environment(database.app_dsn)) as dogs:
        dogs.save(fido := Dog("Fido"))
        one: Dog = dogs.repository.get(fido.id)
        other: Dog = dogs.repository.get(fido.id)
        one.add_trick("roll over")
        other.add_trick("fetch ball")
        dogs.save(one)
        with pytest.raises(IntegrityError, match="decide again"):
            dogs.save(other)


def test_the_librarys_projection_runner_follows_the_log(empty_database: Database) -> None:
    env = environment(empty_database.owner_dsn) | {"CREATE_TABLE": "yes"}
    with ProjectionRunner(
        application_class=Dogs, projection_class=Tracked, view_class=Names, env=env
    ) as runner:
        (recording,) = runner.app.save(Dog("Fido"))
        runner.wait(recording.notification.id, timeout=10)
        assert runner.projection.view.max_tracking_id("stored") == 1
