"""Do old rows still decode? `journal.jsonl` has one of every fact, as it was first released."""

from base64 import b64decode
from itertools import pairwise

import msgspec
import pytest

from ledgerstone.ledger.facts import BY_TAG
from ledgerstone.ledger.recorded import Recorded, decode, encode
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
