"""Do old rows still decode? `journal.jsonl` has one of every fact, as it was first released."""

from base64 import b64decode
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.facts import BY_TAG
from ledgerstone.ledger.recorded import HEAD, Recorded, decode, decode_head, encode
from tests.examples import EXAMPLES, Released, digest, released

LINES = released()


def test_every_fact_has_a_line() -> None:
    missing = BY_TAG.keys() - {line.tag for line in LINES}
    assert not missing, f"{missing}: add an example to tests/examples.py, then run scripts/release_facts"


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.tag)
def test_a_released_row_still_means_what_it_meant(line: Released) -> None:
    row = decode(b64decode(line.state))
    assert row == msgspec.json.decode(line.row, type=Recorded)
    assert type(row.body) is BY_TAG[line.tag]


def test_no_line_was_changed_or_taken_away() -> None:
    digests = ["", *(line.digest for line in LINES)]
    states = [b64decode(line.state) for line in LINES]
    for (before, after), state in zip(pairwise(digests), states, strict=True):
        assert after == digest(before, state), "journal.jsonl only grows: put it back as it was"


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row.name)
def test_a_row_decodes_to_what_was_encoded(row: Recorded) -> None:
    assert decode(encode(row)) == row


def test_the_head_of_an_evidence_is_all_but_its_payload() -> None:
    heard = next(row for row in EXAMPLES if isinstance(row.body, StripeEventHeard))

    whole = replace(heard, body=replace(heard.body, payload=b"x" * 5000))

    assert decode_head(encode(whole)[:HEAD]) == replace(heard, body=replace(heard.body, payload=b""))


def test_a_head_that_does_not_reach_the_payload_says_so() -> None:
    heard = next(row for row in EXAMPLES if isinstance(row.body, StripeEventHeard))

    assert decode_head(encode(replace(heard, name="x" * HEAD))[:HEAD]) is None


def test_a_head_may_hold_what_looks_like_the_beginning_of_the_payload() -> None:
    heard = next(row for row in EXAMPLES if isinstance(row.body, StripeEventHeard))
    odd = replace(heard, body=replace(heard.body, event_type="x.fa\u00e7payload"))

    assert decode_head(encode(odd)[:HEAD]) == replace(odd, body=replace(odd.body, payload=b""))
