"""What the log promises, whoever writes, whatever breaks."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import DataError, IntegrityError, StoredEvent

from ledgerstone.adapters.postgres import recent
from ledgerstone.adapters.postgres.append import ROWS
from ledgerstone.adapters.postgres.database import APP_ROLE, OWNER_ROLE, Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.migrations import migrate
from ledgerstone.adapters.postgres.recorder import LedgerFactory, LedgerRecorder, decided, environment
from ledgerstone.ledger.log import Key, Known, LogBusy, LogUnavailable, Row, Unit
from ledgerstone.ledger.recorded import decode
from tests.adapters.postgres.cable import Side, cable
from tests.adapters.postgres.racer import CHARGES, MESSAGES
from tests.waiting import until

Skipped = tuple[Sequence[Row], int]


@pytest.fixture(params=["asked first", "inserted first"], autouse=True)
def calm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise holds for both ways of writing, though which one is taken depends on what went before."""
    monkeypatch.setattr(recent, "CALM", 0 if request.param == "inserted first" else 1_000_000_000)


@pytest.fixture
def open_recorder() -> Iterator[Callable[..., LedgerRecorder]]:
    factories: list[LedgerFactory] = []

    def opened(dsn: str, queue: int = 10_000) -> LedgerRecorder:
        factories.append(LedgerFactory(environment(dsn, queue)))
        return factories[-1].application_recorder()

    yield opened
    for factory in factories:
        factory.close()


@pytest.fixture
def recorder(database: Database, open_recorder: Callable[..., LedgerRecorder]) -> LedgerRecorder:
    return open_recorder(database.app_dsn)


def decision(stream: UUID | None = None, version: int = 1, state: bytes = b"decided") -> StoredEvent:
    return StoredEvent(stream or uuid4(), version, "decision", state)


def fact(*streams: UUID, state: bytes = b"heard") -> Unit[int]:
    """A unit of the lane that skips; its answer is how many rows were new."""
    rows = [Row((stream.bytes, 1), "fact", state) for stream in streams]
    return Unit([row.key for row in rows], partial(skip_known, rows), len(state) * len(rows))


def skip_known(rows: Sequence[Row], known: Mapping[Key, Known], position: int) -> Skipped:
    new = [row for row in rows if row.key not in known]
    return new, len(new)


def positions(recorder: LedgerRecorder) -> list[int]:
    return [position for position, _, _ in recorder.window(0, 1_000_000)]


@contextmanager
def commit_in_flight(database: Database, recorder: LedgerRecorder) -> Iterator[Future[int]]:
    """A unit whose commit takes until the end of the block: what comes meanwhile shares the next one."""
    with psycopg.connect(database.app_dsn) as holder:
        holder.execute("select pg_advisory_xact_lock(hashtextextended('public.stored_events', 0))")
        first = recorder.submit(fact(uuid4()))
        waiting = "select from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: holder.execute(waiting).rowcount)
        yield first


# Order


def test_positions_have_no_gap_whatever_is_refused_or_repeated(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    """Eight threads, two processes' worth of recorders, few streams: most of it conflicts or is known."""
    recorders = [open_recorder(database.app_dsn), open_recorder(database.app_dsn)]
    streams = [uuid4() for _ in range(30)]

    def write(seed: int) -> int:
        dice, appended = random.Random(seed), 0
        for _ in range(60):
            recorder = dice.choice(recorders)
            if dice.random() < 0.5:
                appended += recorder.submit(fact(*dice.sample(streams, 3))).result()
            else:
                try:
                    appended += len(recorder.insert_events([decision(dice.choice(streams), 2)]) or ())
                except IntegrityError:
                    pass
        return appended

    with ThreadPoolExecutor(8) as threads:
        appended = sum(threads.map(write, range(8)))
    assert positions(recorders[0]) == list(range(1, appended + 1))


def test_processes_that_race_leave_one_row_a_name_and_no_gap(
    database: Database, recorder: LedgerRecorder
) -> None:
    racer = [sys.executable, "-m", "tests.adapters.postgres.racer", database.app_dsn]
    racers = [subprocess.Popen([*racer, str(seed)], stdout=subprocess.PIPE) for seed in range(2)]
    appended = sum(int(process.communicate()[0]) for process in racers)
    assert positions(recorder) == list(range(1, appended + 1))
    rows = [decode(state) for _, _, state in recorder.window(0, appended) if state]
    names = {row.name for row in rows}
    assert len(names) == appended
    assert {f"stripe/evt_{event}" for event in range(MESSAGES)} < names
    assert {f"stripe/charge/ch_{charge}/received" for charge in range(CHARGES)} < names


def test_a_follower_never_sees_a_gap(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    writers, done = [open_recorder(database.app_dsn) for _ in range(2)], Event()
    seen: list[int] = []

    def follow() -> None:
        while not done.is_set():
            seen.extend(position for position, _, _ in writers[0].window(seen[-1] if seen else 0, 100))

    def write(number: int) -> None:
        for _ in range(100):
            writers[number % 2].insert_events([decision(), decision()])

    follower = Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    done.set()
    follower.join()
    assert seen == list(range(1, len(seen) + 1))


def test_what_was_recorded_later_never_has_an_earlier_time(
    database: Database, recorder: LedgerRecorder
) -> None:
    """The clock goes back: here, from a head that was recorded in 2099."""
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(
            "insert into stored_events values (gen_random_uuid(), 1, 'fact', 'x', 1, '2099-01-01T00:00Z')"
        )
    recorder.insert_events([decision()])
    recorder.insert_events([decision()])
    times = [time for _, time, _ in recorder.timed_window(0, 10)]
    assert [time.year for time in times] == [2099, 2099, 2099]


def test_one_append_is_recorded_at_one_time(recorder: LedgerRecorder) -> None:
    recorder.insert_events([decision() for _ in range(ROWS + 1)])
    recorder.insert_events([decision()])
    times = [time for _, time, _ in recorder.timed_window(0, ROWS + 2)]
    assert len(set(times)) == 2
    assert times == sorted(times)
    assert recorder.position_at(times[0]) == ROWS + 1


# Group commit


def test_what_waits_shares_a_commit_and_a_refusal_is_its_owners_alone(
    database: Database, recorder: LedgerRecorder
) -> None:
    taken, name = uuid4(), uuid4()
    recorder.insert_events([decision(taken)])
    with commit_in_flight(database, recorder) as first:
        waiting = [first, recorder.submit(fact(name)), recorder.submit(fact(name, uuid4()))]
        refused = recorder.submit(decided([decision(), decision(taken)]))
        waiting.append(recorder.submit(fact(uuid4())))
    assert [future.result() for future in waiting] == [1, 1, 1, 1]
    with pytest.raises(IntegrityError, match="load it and decide again"):
        refused.result()
    assert positions(recorder) == [1, 2, 3, 4, 5]
    times = [time for _, time, _ in recorder.timed_window(2, 10)]
    assert len(set(times)) == 1


def test_a_unit_that_cannot_be_written_does_not_spoil_its_neighbours(
    database: Database, recorder: LedgerRecorder
) -> None:
    with commit_in_flight(database, recorder):
        before = recorder.submit(fact(uuid4()))
        spoilt = recorder.submit(decided([StoredEvent(uuid4(), 1, "nul\0", b"")]))
        beyond = recorder.submit(decided([decision(version=1 << 70)]))
        after = recorder.submit(fact(uuid4()))
    assert (before.result(), after.result()) == (1, 1)
    for future in (spoilt, beyond):
        with pytest.raises(DataError):
            future.result()
    assert positions(recorder) == [1, 2, 3]


def test_a_row_that_nobody_looked_up_is_looked_up_before_it_is_written(recorder: LedgerRecorder) -> None:
    name = uuid4()
    recorder.submit(fact(name)).result()
    unforeseen = Unit([], fact(name, uuid4()).decide, 0)
    assert recorder.submit(unforeseen).result() == 1


def test_what_another_process_wrote_is_known_and_nothing_shifts(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    """The one remembers nothing of what the other wrote, neither its rows nor the head."""
    one, other = open_recorder(database.app_dsn), open_recorder(database.app_dsn)
    names = [uuid4() for _ in range(4)]
    assert one.submit(fact(names[0])).result() == 1
    assert other.submit(fact(names[1], names[2])).result() == 2
    assert one.insert_events([decision(), decision()]) == [4, 5]
    assert one.submit(fact(*names)).result() == 1
    with pytest.raises(IntegrityError, match=f"version 1 of {names[3]} is recorded"):
        other.insert_events([decision(), decision(names[3])])
    assert other.insert_events([decision(names[3], 2)]) == [7]
    assert positions(one) == [1, 2, 3, 4, 5, 6, 7]


def test_a_stream_repeated_within_a_batch_is_new_once(database: Database, recorder: LedgerRecorder) -> None:
    name = uuid4()
    with commit_in_flight(database, recorder):
        told = [recorder.submit(fact(name, uuid4())) for _ in range(3)]
        refused = recorder.submit(decided([decision(name)]))
    assert [future.result() for future in told] == [2, 1, 1]
    with pytest.raises(IntegrityError):
        refused.result()
    assert positions(recorder) == [1, 2, 3, 4, 5]


def test_a_unit_larger_than_a_statement_is_one_transaction(recorder: LedgerRecorder) -> None:
    stream = uuid4()
    recorder.insert_events([decision(stream, version, b"x" * 20_000) for version in range(ROWS // 4)])
    recorder.insert_events([decision(stream, ROWS, b"x" * 12_000_000), decision(stream, ROWS + 1)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([decision(stream, version) for version in range(3 * ROWS, 0, -1)])
    assert recorder.max_notification_id() == ROWS // 4 + 2


def test_a_full_queue_is_refused_at_once(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    recorder = open_recorder(database.app_dsn, queue=2)
    with commit_in_flight(database, recorder):
        waiting = [recorder.submit(fact(uuid4())), recorder.submit(fact(uuid4()))]
        with pytest.raises(LogBusy, match="try again"):
            recorder.submit(fact(uuid4()))
    assert [future.result() for future in waiting] == [1, 1]
    assert recorder.submit(fact(uuid4())).result() == 1


def test_closing_writes_what_waits_and_takes_no_more(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    recorder = open_recorder(database.app_dsn)
    with commit_in_flight(database, recorder):
        waiting = [recorder.submit(fact(uuid4())) for _ in range(50)]
        closing_down = Thread(target=recorder.close)
        closing_down.start()
    closing_down.join()
    assert [future.result() for future in waiting] == [1] * 50
    with pytest.raises(LogUnavailable, match="closed"):
        recorder.submit(fact(uuid4()))


# Plans


def test_the_writer_never_scans_the_log(database: Database, recorder: LedgerRecorder) -> None:
    """Its statements are prepared while the log is known to be empty, and keep the plans of that moment."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("vacuum analyze stored_events")
    for _ in range(40):
        recorder.submit(fact(*(uuid4() for _ in range(500)))).result()
    recorder.position_at(recorder.timed_window(0, 1)[0][1])
    recorder.close()
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("select pg_stat_force_next_flush()")
        statistics = connection.execute(
            "select n_tup_ins, seq_tup_read from pg_stat_user_tables where relname = 'stored_events'"
        )
        inserted, scanned = statistics.fetchone() or (0, 0)
    assert (inserted, scanned) == (20_000, 0)


# What breaks


def test_killing_the_writers_connection_loses_nothing_and_doubles_nothing(
    database: Database, recorder: LedgerRecorder
) -> None:
    names, stop = [uuid4() for _ in range(400)], Event()
    others = "from pg_stat_activity where pid <> pg_backend_pid() and usename = %s"

    def keep_killing() -> None:
        with psycopg.connect(database.app_dsn, autocommit=True) as killer:
            while not stop.wait(0.02):
                killer.execute(f"select pg_terminate_backend(pid) {others}", [APP_ROLE])

    killer = Thread(target=keep_killing)
    killer.start()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: recorder.submit(fact(name)).result(), names))
    stop.set()
    killer.join()
    assert answers == [1] * len(names)
    assert positions(recorder) == list(range(1, len(names) + 1))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("word", [b"pg_advisory_xact_lock", b"notify", b"commit"])
def test_a_cut_is_answered_by_what_the_log_holds(
    database: Database, open_recorder: Callable[..., LedgerRecorder], word: bytes, side: Side
) -> None:
    stream = uuid4()
    with cable(database.app_dsn) as between:
        recorder = open_recorder(between.dsn)
        between.cut_at(word, side)
        assert recorder.insert_events([decision(stream), decision(stream, 2)]) == [1, 2]
        assert between.was_cut.is_set()
        assert recorder.insert_events([decision(stream, 3)]) == [3]
        recorder.close()
        recorder.datastore.close()


def test_a_database_that_says_nothing_is_unavailable(
    database: Database, open_recorder: Callable[..., LedgerRecorder]
) -> None:
    with cable(database.app_dsn) as between:
        recorder = open_recorder(between.dsn)
        recorder.insert_events([decision()])
        between.fall_silent()
        with pytest.raises(LogUnavailable, match=r"no answer|timeout"):
            recorder.insert_events([decision()])
        between.speak_again()
        recorder.insert_events([decision()])
        recorder.close()
        recorder.datastore.close()


def test_when_the_database_is_gone_all_who_wait_hear_it_and_when_it_is_back_all_goes_on() -> None:
    with TemporaryDirectory(prefix="ledgerstone-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder, "pg"), roles=(OWNER_ROLE, APP_ROLE))
        with server:
            migrate(database := create_database(server, "ledger"))
            with closing(LedgerFactory(environment(database.app_dsn))) as factory:
                recorder = factory.application_recorder()
                recorder.insert_events([decision()])
                server.stop()
                gone = [recorder.submit(fact(uuid4())) for _ in range(20)]
                assert not wait(gone, timeout=30).not_done
                assert {type(future.exception()) for future in gone} == {LogUnavailable}
                with pytest.raises(LogUnavailable, match="cannot be read now"):
                    recorder.head()
                server.start()
                assert recorder.insert_events([decision()]) == [2]
                assert recorder.head() == 2


def test_times_of_recording_are_in_order(recorder: LedgerRecorder) -> None:
    for _ in range(20):
        recorder.insert_events([decision()])
    times = [time for _, time, _ in recorder.timed_window(0, 20)]
    assert all(before < after for before, after in pairwise(times))
