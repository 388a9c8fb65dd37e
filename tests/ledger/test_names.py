"""A name's stream is the one that any other program would find for it."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.names import NAMESPACE, stream, stream_bytes


@given(st.text(st.characters(codec="utf-8")))
def test_a_stream_is_the_uuid5_of_its_name(name: str) -> None:
    assert stream(name) == uuid5(NAMESPACE, name)
    assert stream_bytes(name) == uuid5(NAMESPACE, name).bytes
