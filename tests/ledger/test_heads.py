"""A message is counted by what stands beside it, as it would be by its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError
from msgspec.structs import replace

from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.heads import HEAD, brief, decode_head
from ledgerstone.ledger.recorded import Book, Recorded, encode
from ledgerstone.projections.sync import Sync
from ledgerstone.projections.views import VIEWS
from tests.examples import EXAMPLES

HEARD = next(row for row in EXAMPLES if isinstance(row.body, StripeEventHeard))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["a|b", "webhook"])


@st.composite
def messages(draw: st.DrawFn) -> Recorded:
    book = Book(draw(WORDS), draw(st.booleans()))
    heard = replace(
        HEARD.body,
        event_type=draw(WORDS),
        api_version=draw(st.none() | WORDS),
        source=draw(st.sampled_from(["webhook", "api", "import"])),
        unknown=draw(st.booleans()),
        parked=draw(st.none() | WORDS),
    )
    return replace(HEARD, book=book, body=heard)


@given(messages())
def test_a_brief_counts_as_its_message_does(row: Recorded) -> None:
    view, told = Sync(), brief(row)
    if not told:
        return
    found = decode_head(told)

    assert found is not None
    assert str(found.book) == str(row.book)
    assert view.count(found) == view.count(row)
    assert tuple(view.keys(found)) == tuple(view.keys(row)) == ()


@given(messages())
def test_what_is_counted_has_no_keys_in_any_view(row: Recorded) -> None:
    """Of many that are counted by the same one may be heard."""
    found = decode_head(told) if (told := brief(row)) else None

    assert [key for view in VIEWS if view.heads and found for key in view.keys(found)] == []


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row.name)
def test_only_sound_messages_have_a_brief(row: Recorded) -> None:
    sound = isinstance(row.body, StripeEventHeard) and row.body.parked is None and not row.body.unknown
    assert bool(brief(row)) == sound


@pytest.mark.parametrize("odd", [{"parked": "why"}, {"unknown": True}, {"event_type": "a|b"}])
def test_what_has_to_be_read_has_none(odd: dict[str, object]) -> None:
    assert brief(replace(HEARD, body=replace(HEARD.body, **odd))) == b""


@pytest.mark.parametrize("noise", [b"", b"noise", b"\x7f|\xff|||"])
def test_what_is_neither_cannot_be_decoded(noise: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_head(noise)


def test_the_head_of_an_evidence_is_all_but_its_payload() -> None:
    whole = replace(HEARD, body=replace(HEARD.body, payload=b"x" * 5000))

    assert decode_head(encode(whole)[:HEAD]) == replace(HEARD, body=replace(HEARD.body, payload=b""))


def test_a_head_that_does_not_reach_the_payload_says_so() -> None:
    assert decode_head(encode(replace(HEARD, name="x" * HEAD))[:HEAD]) is None


def test_a_head_may_hold_what_looks_like_the_beginning_of_the_payload() -> None:
    HEARD = next(row for row in EXAMPLES if isinstance(row.body, StripeEventHeard))
    odd = replace(HEARD, body=replace(HEARD.body, event_type="x.fa\u00e7payload"))

    assert decode_head(encode(odd)[:HEAD]) == replace(odd, body=replace(odd.body, payload=b""))
