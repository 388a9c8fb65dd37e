"""What is remembered of the log, and when that is enough to write without asking it."""

import pytest

from ledgerstone.adapters.postgres import recent as recents
from ledgerstone.adapters.postgres.recent import CALM, STATE, Recent
from ledgerstone.ledger.log import Key, Known, Row


def key(number: int) -> Key:
    return number.to_bytes(16), 1


def row(number: int, state: bytes = b"heard") -> Row:
    return Row(key(number), "fact", state)


@pytest.fixture
def recent() -> Recent:
    """Has seen rows 1 to 100 of a log go by, calmly."""
    recent = Recent()
    recent.keep(0, [row(number) for number in range(1, 101)], {})
    return recent


def test_what_was_written_is_known_where_it_stands(recent: Recent) -> None:
    assert recent.head == 100
    assert recent.of([key(7), key(200)]) == {key(7): Known(7, b"heard")}


def test_what_was_found_is_known_from_then_on(recent: Recent) -> None:
    recent.keep(100, [], {key(200): Known(50, b"found")})
    assert recent.of([key(200)]) == {key(200): Known(50, b"found")}


def test_batches_small_beside_a_calm_stretch_need_no_look(recent: Recent) -> None:
    assert recent.suffices(100 // CALM)
    assert not recent.suffices(100 // CALM + 1)


def test_a_surprise_ends_the_calm(recent: Recent) -> None:
    recent.keep(100, [row(101)], {key(200): Known(50, b"found")})
    assert not recent.suffices(1)
    recent.keep(101, [row(number) for number in range(CALM)], {key(200): Known(50, b"found")})
    assert recent.suffices(1)


def test_large_states_are_not_remembered(recent: Recent) -> None:
    recent.keep(100, [row(101, b"x" * (STATE + 1)), row(102, b"x" * STATE)], {})
    assert recent.of([key(101), key(102)]).keys() == {key(102)}


def test_the_latest_rows_are_remembered_and_the_earliest_forgotten(
    recent: Recent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recents, "ROWS", 10)
    for number in range(101, 151):
        recent.keep(number - 1, [row(number)], {})
    remembered = [number for number in range(1, 151) if recent.of([key(number)])]
    assert remembered == list(range(remembered[0], 151))
    assert 10 <= len(remembered) <= 21


def test_who_lost_the_connection_knows_nothing(recent: Recent) -> None:
    recent.forget()
    assert (recent.head, recent.of([key(7)]), recent.suffices(1)) == (0, {}, False)
