"""Laws over real-looking messages: a business's whole history, and the same messages damaged at random."""

import json
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.adapters.stripe.translate.routes import ROUTES
from ledgerstone.demo.history import generate
from ledgerstone.ledger.fact import Fact, Terms
from ledgerstone.ledger.recorded import Recorded, decode, encode
from tests.stripe_objects import Json, heard, read


@cache
def history() -> list[Json]:
    return list(generate(seed=7, customers=25, months=14).events)


@cache
def samples() -> list[str]:
    """Up to three messages of each type that has facts."""
    by_type: dict[str, list[str]] = {}
    for said in history():
        if said["type"] in ROUTES:
            by_type.setdefault(said["type"], []).append(json.dumps(said))
    return [each for those in by_type.values() for each in those[:3]]


def test_nothing_of_a_whole_history_is_parked_or_unknown() -> None:
    for said in history():
        evidence = heard(read(said))
        assert (evidence.parked, evidence.unknown) == (None, False), said["type"]


def test_two_messages_that_name_one_fact_say_the_same_of_it() -> None:
    told: dict[str, Fact] = {}
    for row in [row for said in history() for row in read(said).rows]:
        assert told.setdefault(row.name, row.body) == row.body


ODD: list[Any] = [
    None,
    True,
    1.5,
    -1,
    2**62,
    2**63,
    10**30,
    "",
    "x",
    "1",
    "\0",
    "\ud800",
    [],
    {},
    [None],
    {"id": 1},
    {"": {}},
]


def damaged(said: Any, rng: Random) -> None:
    """One place of the message is replaced, taken away, or doubled."""
    while True:
        keys = list(said) if isinstance(said, dict) else range(len(said))
        key = rng.choice(list(keys))
        inner = said[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            said = inner
            continue
        match rng.randrange(4):
            case 0:
                del said[key]
            case 1 if isinstance(said, list):
                said.append(deepcopy(inner))
            case _:
                said[key] = deepcopy(rng.choice(ODD))
        return


@given(st.data(), st.integers(1, 3), st.randoms(use_true_random=False))
def test_damaged_messages_are_refused_or_parked_or_read_and_never_fail(
    data: st.DataObject, times: int, rng: Random
) -> None:
    said = json.loads(data.draw(st.sampled_from(samples())))
    for _ in range(times):
        damaged(said, rng)
    assert_sound(json.dumps(said).encode())


@given(st.data(), st.integers(0, 10_000), st.binary(max_size=3))
def test_damaged_bytes_are_refused_or_parked_or_read_and_never_fail(
    data: st.DataObject, at: int, junk: bytes
) -> None:
    body = data.draw(st.sampled_from(samples())).encode()
    at %= len(body)
    assert_sound(body[:at] + junk + body[at + 1 :])


def assert_sound(body: bytes) -> None:
    try:
        message = read_message(body, source="webhook", signature=None, livemode=True)
    except Unreadable:
        return
    for row in message.rows:
        assert decode(encode(row)) == row
        assert "mistake of ours" not in str(getattr(row.body, "parked", ""))
        assert_exact(row)


def assert_exact(value: Any) -> None:
    """No float, and no integer that a bigint cannot hold, anywhere within."""
    assert not isinstance(value, float)
    if isinstance(value, int):
        assert abs(value) < 2**62
    if isinstance(value, tuple):
        for each in value:
            assert_exact(each)
    if isinstance(value, Recorded | Fact | Terms):
        for field in value.__struct_fields__:
            assert_exact(getattr(value, field))
