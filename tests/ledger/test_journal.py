"""The journal on a real log: what goes in comes out, once, in order."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from ledgerstone.adapters.postgres import recent
from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.ledger import journal as journals
from ledgerstone.ledger.journal import Journal, LogBusy, LogUnavailable, Receipt, Recorded
from ledgerstone.ledger.names import stream
from tests.examples import EXAMPLES, heard, received, recorded

Message = tuple[Recorded, ...]


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    with closing(Journal(environment(database.app_dsn))) as journal:
        yield journal


def messages(count: int) -> list[Message]:
    return [(heard(f"evt_{n}"), received(f"ch_{n}", cause=f"stripe/evt_{n}")) for n in range(count)]


def names(journal: Journal) -> list[str]:
    return [entry.row.name for entry in journal.read(0, 100_000) if entry.row]


def test_every_fact_comes_out_as_it_went_in(journal: Journal) -> None:
    assert journal.append(EXAMPLES) == Receipt(1, False, False, len(EXAMPLES))
    assert [entry.row for entry in journal.read(0, 100)] == list(EXAMPLES)


def test_a_second_delivery_is_answered_with_the_first_position(journal: Journal) -> None:
    first, second = messages(2)
    journal.append(first)
    journal.append(second)
    assert journal.append(second) == Receipt(3, True, False, 0)
    assert journal.head() == 4


@pytest.mark.parametrize("calm", [0, 1_000_000])
def test_a_contradiction_is_kept_once_under_a_name_of_its_own(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, calm: int
) -> None:
    """Whether the first telling is remembered or looked up."""
    monkeypatch.setattr(recent, "CALM", calm)
    journal.append((received("bistro", 100),))
    for _ in range(2):
        journal.append((received("bistro", 250, cause="stripe/evt_2"),))
    fact = "stripe/charge/bistro/received"
    assert names(journal) == [fact, f"{fact}/conflict/stripe/evt_2"]


def test_an_empty_message_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="nothing to append"):
        journal.append(())


def test_a_window_is_one_of_positions_whatever_is_asked_for(journal: Journal) -> None:
    journal.append_many(messages(3))
    window = journal.read(2, 3, tags=["payment-received"])
    assert [entry.position for entry in window] == [3, 4, 5]
    assert [entry.row and entry.row.name for entry in window] == [None, "stripe/charge/ch_1/received", None]


def test_a_raw_window_leaves_out_what_is_not_asked_for_but_says_how_far_it_goes(journal: Journal) -> None:
    journal.append_many(messages(3))
    raw = journal.raw(2, 3, tags=["payment-received"])
    assert [(position, tag, state is None) for position, tag, state in raw] == [
        (4, "payment-received", False),
        (5, "stripe-event-heard", True),
    ]
    assert [position for position, _, _ in journal.raw(2, 100, tags=["payment-received"])] == [4, 6]
    assert [position for position, _, _ in journal.raw(0, 100, tags=["invoice-seen"])] == [journal.head()]
    assert journal.raw(journal.head(), 100, tags=["payment-received"]) == []
    assert all(state for _, _, state in journal.raw(0, 100))


def test_a_time_is_the_last_position_recorded_at_or_before_it(journal: Journal) -> None:
    for message in messages(3):
        journal.append(message)
    recorded_at = journal.recorded_at(4)
    assert recorded_at is not None
    assert recorded_at.utcoffset() == timedelta()
    assert journal.position_at(recorded_at) == 4
    assert journal.position_at(recorded_at - timedelta(microseconds=1)) == 2
    assert journal.position_at(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert journal.recorded_at(7) is None


def test_an_empty_journal_is_at_position_nought(journal: Journal) -> None:
    assert (journal.head(), journal.read(0, 10)) == (0, [])


def _post(journal: Journal, rows: Sequence[Recorded]) -> "asyncio.Future[Receipt]":
    return journal.post(lambda: rows)


def test_coroutines_share_commits_and_threads_join_them(journal: Journal) -> None:
    told = messages(200)

    async def deliver() -> list[Receipt]:
        return list(await asyncio.gather(*(_post(journal, message) for message in told + told)))

    threads = [Thread(target=journal.append, args=[message]) for message in told[:20]]
    for thread in threads:
        thread.start()
    receipts = asyncio.run(deliver())
    for thread in threads:
        thread.join()
    assert receipts[200:] == [Receipt(r.position, True, False, 0) for r in receipts[:200]]
    assert len(set(names(journal))) == journal.head() == 400


def test_what_is_posted_in_one_turn_shares_a_commit_which_is_told_in_one_call(journal: Journal) -> None:
    async def deliver() -> int:
        loop, calls = asyncio.get_running_loop(), 0
        original = loop.call_soon_threadsafe

        def counted(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            return original(*arguments)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counted  # type: ignore[assignment, method-assign]
        for turn in range(3):
            told = []
            for message in messages(60)[turn * 20 : turn * 20 + 20]:
                told.append(_post(journal, message))
                time.sleep(0.001)  # in which the writer would begin, if it knew already
            await asyncio.wait_for(asyncio.gather(*told), 10)
        return calls

    assert asyncio.run(deliver()) == 3
    assert len({entry.recorded_at for entry in journal.read(0, 120)}) == 3


def test_what_cannot_be_told_is_refused_alone(journal: Journal) -> None:
    def spoiled() -> Sequence[Recorded]:
        raise ValueError("no event")

    async def deliver() -> list[Receipt | BaseException]:
        first, second = messages(2)
        posted = [_post(journal, first), journal.post(spoiled), _post(journal, second)]
        return await asyncio.wait_for(asyncio.gather(*posted, return_exceptions=True), 10)

    before, refused, after = asyncio.run(deliver())
    assert (before, after) == (Receipt(1, False, False, 2), Receipt(3, False, False, 2))
    assert (type(refused), str(refused)) == (ValueError, "no event")


def test_what_may_not_wait_hears_it_at_once(database: Database) -> None:
    async def deliver(journal: Journal) -> list[Receipt | BaseException]:
        posted = [_post(journal, message) for message in messages(5)]
        return await asyncio.wait_for(asyncio.gather(*posted, return_exceptions=True), 10)

    with closing(Journal(environment(database.app_dsn, queue=2))) as journal:
        answers = asyncio.run(deliver(journal))
        assert journal.head() == 4
    assert answers[:2] == [Receipt(1, False, False, 2), Receipt(3, False, False, 2)]
    assert {type(answer) for answer in answers[2:]} == {LogBusy}
    late = asyncio.run(deliver(journal))
    assert {str(answer) for answer in late} == {"the log was closed"}


def test_who_stops_listening_takes_nothing_back(journal: Journal) -> None:
    async def hang_up() -> None:
        _post(journal, messages(1)[0]).cancel()

    asyncio.run(hang_up())
    assert journal.append(messages(2)[1]).position == 3


def test_imports_are_answered_message_by_message(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "CHUNK_ROWS", 5)
    told = messages(30)
    receipts = journal.append_many([*told, *told])
    assert [receipt.position for receipt in receipts] == 2 * [2 * n + 1 for n in range(30)]
    assert [receipt.duplicate for receipt in receipts] == 30 * [False] + 30 * [True]
    assert journal.append_many([]) == []


def test_a_closed_journal_says_so(database: Database) -> None:
    journal = Journal(environment(database.app_dsn))
    journal.close()
    with pytest.raises(LogUnavailable, match="closed"):
        journal.append(messages(1)[0])


def test_the_library_reads_our_rows_as_its_events(journal: Journal) -> None:
    application, bistro = journal.application, received("bistro")
    application.events.put([bistro])  # type: ignore[list-item]
    (loaded,) = application.events.get(stream(bistro.name))
    (notification,) = application.notification_log.select(start=1, limit=10)
    assert (notification.topic, notification.originator_version) == ("payment-received", 1)
    events: list[object] = [loaded, application.mapper.to_domain_event(notification)]
    assert events == [bistro, bistro]


def test_a_row_that_does_not_decode_is_named(journal: Journal) -> None:
    row = recorded("stripe/charge/ch_1/received", received("ch_1").body)
    broken = StoredEvent(stream(row.name), 1, "payment-received", b"\xc1")
    with pytest.raises(MapperDeserialisationError, match=f"payment-received {stream(row.name)}"):
        journal.application.mapper.to_domain_event(broken)
