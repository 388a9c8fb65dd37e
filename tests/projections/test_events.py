"""The index of messages finds what the log holds, however it was read."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.event_index import EventIndex
from ledgerstone.adapters.stripe.about import about
from ledgerstone.ledger.evidence import EvidenceConfirmed, EvidenceRead, MessageRefused, StripeEventHeard
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded, encode
from ledgerstone.projections import events
from ledgerstone.projections.events import NAME, advance, pages
from tests.examples import AT, BOOK
from tests.worlds import messages, shuffled

WINDOWS = [1, 2, 7, 5_000]


@pytest.fixture
def index(database: Database) -> Iterator[EventIndex]:
    index = EventIndex(database.app_dsn, NAME)
    yield index
    index.close()


def _heard(name: str, parked: str | None = None) -> Recorded:
    body = StripeEventHeard(
        id=name, event_type="x.y", created=AT, source="import", parked=parked, payload=b"{}"
    )
    return Recorded(f"stripe/{name}", BOOK, AT, body)


def _fact(name: str, cause: str | None) -> Recorded:
    return Recorded(name, BOOK, AT, MessageRefused(sha256=name, reason="", size=0), cause=cause)


def _reading(parked: bool) -> EvidenceRead:
    return EvidenceRead(first="stripe/evt_1", event_type="x.y", source="import", parked=parked)


def _raw(*rows: Recorded) -> list[tuple[int, str, bytes | None]]:
    return [(at, tag(type(row.body)), encode(row)) for at, row in enumerate(rows, 1)]


def test_what_stands_behind_a_message_is_counted_and_what_comes_later_is_noted() -> None:
    raw = _raw(
        _heard("evt_1"),
        _fact("a", "stripe/evt_1"),
        _fact("b", "stripe/evt_1"),
        _fact("of nobody", None),
        _heard("evt_2", "odd"),
        _fact("c", "stripe/evt_1"),
        _heard("evt_3", "odd"),
        _fact("d", "stripe/evt_3"),
        Recorded(
            "stripe/evt_2/confirmed", BOOK, AT, EvidenceConfirmed(first="stripe/evt_2", signature="t=1")
        ),
    )
    found = pages(raw, about, whole=True)

    assert [(each.position, each.rows, each.parked) for each in found.events] == [
        (1, 2, False),
        (5, 0, True),
        (7, 0, True),
    ]
    assert [(each.position, each.tag) for each in found.later] == [
        (6, "message-refused"),
        (8, "message-refused"),
        (9, "evidence-confirmed"),
    ]
    assert found.upto == 9


def test_only_the_reading_that_ends_its_waiting_is_noted_as_such() -> None:
    readings = (
        Recorded(f"stripe/evt_1/read/{number}", BOOK, AT, _reading(parked), cause="stripe/evt_1")
        for number, parked in enumerate([False, True], 1)
    )
    found = pages(_raw(_heard("evt_1", "odd"), *readings), about, whole=True)

    assert [each.tag for each in found.later] == ["evidence-read", "evidence-read/parked"]


def test_a_message_that_may_go_on_is_left_for_the_next_time() -> None:
    raw = _raw(_heard("evt_1"), _fact("a", "stripe/evt_1"), _heard("evt_2"), _fact("b", "stripe/evt_2"))
    found = pages(raw, about, whole=False)

    assert (found.upto, [each.position for each in found.events]) == (2, [1])


def test_a_row_that_cannot_be_decoded_is_passed_over() -> None:
    raw = _raw(_heard("evt_1"), _fact("a", "stripe/evt_1"), _heard("evt_2"))
    found = pages([raw[0], (2, "fact", b"\xc1"), raw[2]], about, whole=True)

    assert [(each.position, each.rows) for each in found.events] == [(1, 0), (3, 0)]
    assert found.upto == 3


@pytest.mark.parametrize("window", WINDOWS)
def test_any_windows_make_the_same_index(
    database: Database, journal: Journal, index: EventIndex, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append_many(_told())
    monkeypatch.setattr(events, "WINDOW", window)
    while advance(journal, index, about):
        pass

    assert index.position() == journal.head()
    assert _kept(database) == _searched(journal)


def test_a_window_of_large_messages_is_a_short_one(
    database: Database, journal: Journal, index: EventIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by the bytes that are held, however many rows these are."""
    small = [_heard(f"evt_{n}") for n in range(20)]
    journal.append_many([(replace(row, body=replace(row.body, payload=b"0" * 1_000)),) for row in small])
    monkeypatch.setattr(events, "BYTES", 3_000, raising=False)
    monkeypatch.setattr(events, "PIECE", 1, raising=False)

    positions = [0]
    while advance(journal, index, about):
        positions.append(index.position())
    assert {after - before for before, after in pairwise(positions)} == {2}
    assert index.position() == journal.head()
    assert _kept(database) == _searched(journal)


def test_who_is_overtaken_writes_nothing(database: Database, journal: Journal, index: EventIndex) -> None:
    journal.append_many(_told())
    late = EventIndex(database.app_dsn, NAME)
    assert late.position() == 0
    advance(journal, index, about)

    read = pages(journal.raw(0, 5_000), about, whole=True)
    assert late.write(0, read.upto, read.events, read.later) is False
    late.close()
    assert _kept(database) == _searched(journal)


def _told() -> list[tuple[Recorded, ...]]:
    """Messages in any order, some twice; some of the second are read only then, as after an upgrade."""
    told = shuffled(messages(3), 3)
    later = [(_fact(f"later/{row.name}", row.name),) for message in told[:5] for row in message[:1]]
    confirmed = [
        (Recorded(f"{name}/confirmed", BOOK, AT, EvidenceConfirmed(first=name, signature="t=1")),)
        for name in (message[0].name for message in told[5:8])
    ]
    return [*told, *later, *confirmed]


def _kept(database: Database) -> dict[int, tuple[Any, ...]]:
    """Each message by its position: what the index says of it, and the positions of all rows that have to do
    with it. In whose append these came makes no difference to that."""
    with psycopg.connect(database.app_dsn) as connection:
        lines = connection.execute(f"select position, * from views.{NAME}").fetchall()
        later = connection.execute(f"select event, position from views.{NAME}_later").fetchall()
    return {
        at: (*line[:-1], {*range(at + 1, at + 1 + line[-1]), *(row for event, row in later if event == at)})
        for at, *line in lines
    }


def _searched(journal: Journal) -> dict[int, tuple[Any, ...]]:
    """The same, from every row of the log, one by one."""
    found: dict[str, tuple[Any, ...]] = {}
    for entry in journal.read(0, 100_000):
        row, position = entry.row, entry.position
        assert row is not None
        body = row.body
        named = body.first if isinstance(body, EvidenceConfirmed) else row.cause
        if isinstance(body, StripeEventHeard):
            shown = (body.created, body.event_type, about(body.payload), body.parked is not None)
            found[row.name] = (str(row.book), position, *shown, set())
        elif named is not None:
            found[named][-1].add(position)
    return {line[1]: line for line in found.values()}
