"""Credit notes as revenue counts them: without tax, and without what is refunded, which counts by itself."""

from itertools import permutations
from typing import Any

import pytest

from ledgerstone.projections.credit_notes import CreditNoteRow, CreditNotes
from ledgerstone.projections.folder import fold
from tests.stripe_money import credit_note
from tests.stripe_objects import BORN, Json, event, read

VOID = credit_note(status="void", voided_at=BORN + 60)


def shown(*events: Json) -> list[CreditNoteRow]:
    first = {row.name: row for each in events for row in read(each).rows}
    found = fold((CreditNotes(),), list(enumerate(first.values(), 1)))["credit_notes"]
    rows: list[Any] = [version.row for version in found if version.known_to is None]
    return sorted(rows)


def test_a_note_counts_when_it_was_issued_and_again_when_it_was_voided() -> None:
    told = [
        event("credit_note.created", credit_note(), id="evt_1"),
        event("credit_note.updated", credit_note(), id="evt_2"),
        event("credit_note.voided", VOID, id="evt_3"),
    ]
    for order in permutations(told):
        rows = [(row.at.timestamp(), row.kind, row.amount, row.net) for row in shown(*order)]
        assert rows == [(BORN, "issued", 6_000, 3_200), (BORN + 60, "voided", 6_000, 3_200)]


def test_several_notes_of_one_invoice_stand_beside_each_other() -> None:
    two = credit_note(id="cn_2", created=BORN + 30)
    rows = shown(event("credit_note.created", two), event("credit_note.created", credit_note(), id="evt_2"))
    assert [row.id for row in rows] == ["cn_1", "cn_2"]


@pytest.mark.parametrize(
    ("before", "refunded", "tax", "net"),
    [(6_000, 0, 1_200, 4_800), (0, 6_000, 1_200, 0), (3_000, 3_000, 0, 3_000), (2, 1, 1, 1), (0, 0, 0, 0)],
)
def test_its_net_is_without_tax_and_refunds(before: int, refunded: int, tax: int, net: int) -> None:
    note = credit_note(
        amount=before + refunded,
        total=before + refunded,
        pre_payment_amount=before,
        post_payment_amount=refunded,
        refunds=[{"amount_refunded": refunded, "refund": "re_1"}] if refunded else [],
        out_of_band_amount=None,
        customer_balance_transaction=None,
        total_taxes=[{"amount": tax}],
    )
    (row,) = shown(event("credit_note.created", note))
    assert row.net == net
