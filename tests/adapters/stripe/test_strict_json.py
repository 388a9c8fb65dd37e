"""What do a message's bytes spell, exactly?"""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.strict_json import parse


def refused(body: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        parse(body)
    return str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b'{"a": 1',
        b'{"a": 1}}',
        b'{"a": 1,}',
        b"{'a': 1}",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b'{"a": "\x00"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
    ],
)
def test_what_is_not_json_in_utf_8_is_refused(body: bytes) -> None:
    refused(body)


def test_numbers_with_a_point_keep_their_own_digits() -> None:
    value, oddity = parse(b"[12.5, 33.333333333333333333333, 1e2]")
    assert value == [Decimal("12.5"), Decimal("33.333333333333333333333"), Decimal(100)]
    assert oddity is None


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_sixty_four_levels_are_read_and_one_more_is_not() -> None:
    assert parse(nested(64))[1] is None
    assert "64 deep" in refused(nested(65))
    assert "64 deep" in refused(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def test_width_is_not_depth() -> None:
    assert parse(b"[%s, %s]" % (nested(63), nested(63)))[1] is None
    assert "64 deep" in refused(b"[%s, %s]" % (nested(63), nested(64)))
    assert parse(b"[" + b",".join([b"[{}]"] * 500) + b"]")[1] is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"a": [{"b": {}, "c": 1, "b" : 2}]}]',
        b'{"a": 1, "a": 2, "x": "\\u0022:"}',
        b'{"a": 1, "a": 2, "x": "\\"\\u003a"}',
        b'{"a": 1, "a": 2, "x": "\\"\\u003A"}',
    ],
)
def test_a_key_given_twice_is_refused_wherever_it_is_and_however_it_hides(body: bytes) -> None:
    assert "twice" in refused(body)


@pytest.mark.parametrize(
    "text", ['"a":1', '"a" :1', '\\"', "{[{[", "0" * 40, "a\\u0000", "\\u0022:", 'x"', ":", "å😀\u2028"]
)
def test_text_that_looks_like_json_is_text(text: str) -> None:
    said = {"a": text, text: [{"a": text}]}
    for indent in (None, 2):
        for ascii in (True, False):
            body = json.dumps(said, indent=indent, ensure_ascii=ascii).encode()
            assert parse(body) == (said, None)


@pytest.mark.parametrize(
    ("body", "oddity"),
    [
        (b'{"a": ["\\u0000"]}', "a[0] holds a NUL"),
        (b'{"a": "\\ud800"}', "a holds half of a surrogate pair"),
        (b'{"a": "\\udc00\\ud800"}', "a holds half of a surrogate pair"),
        (b'{"\\u0000": 1}', "the key \\x00 holds a NUL"),
        (b'{"a": 9223372036854775808}', "a is an integer beyond 64 bits"),
        (b'{"a": -9223372036854775809}', "a is an integer beyond 64 bits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a is an integer beyond 64 bits"),
        (b'{"a": 1e999999999999999999999}', "a is a number beyond reason"),
    ],
)
def test_what_no_fact_can_hold_is_read_and_named(body: bytes, oddity: str) -> None:
    assert parse(body)[1] == oddity


def test_the_largest_integers_of_64_bits_are_not_odd() -> None:
    assert parse(b"[9223372036854775807, -9223372036854775808]")[1] is None


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse(b'["\\ud83d\\ude00"]') == (["😀"], None)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(alphabet='a":\\ {[0é', max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('a":\\ ', max_size=4), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_whatever_json_writes_is_read_back(value: Any, indent: int | None, ascii: bool) -> None:
    assert parse(json.dumps(value, indent=indent, ensure_ascii=ascii).encode()) == (value, None)


@given(st.lists(st.tuples(st.text('a":\\ ', max_size=2), JSON), max_size=5), st.booleans())
def test_a_key_is_found_twice_exactly_when_it_is_there_twice(
    pairs: list[tuple[str, Any]], ascii: bool
) -> None:
    written = ", ".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=ascii)}" for key, value in pairs)
    body = f"[{{{written}}}]".encode()
    if len({key for key, _ in pairs}) < len(pairs):
        assert "twice" in refused(body)
    else:
        assert parse(body) == ([dict(pairs)], None)
