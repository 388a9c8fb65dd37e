"""How invoices stand that do not end as most do: paid elsewhere or too much, written off, credited."""

from itertools import permutations
from typing import Any

import pytest

from ledgerstone.projections.folder import fold
from ledgerstone.projections.invoices import InvoiceRow, Invoices
from ledgerstone.projections.money import Money
from tests.stripe_money import credit_note
from tests.stripe_objects import NOW, Json, charge, event, invoice, invoice_payment, marks, read, without

HOUR = 3600
ISSUED, BAD_AT, PAID_AT, VOID_AT = NOW - 9 * HOUR, NOW - 6 * HOUR, NOW - 3 * HOUR, NOW - 2 * HOUR


def told(type: str, object: Json, at: int, id: str, previous: Any = None) -> Json:
    return event(type, object, previous, id=id, created=at)


def stood(*events: Json) -> list[InvoiceRow]:
    """The invoice's rows in the order of their time: the same for every order of the messages."""
    found: list[list[InvoiceRow]] = []
    for order in permutations(events):
        first = {row.name: row for each in order for row in read(each).rows}
        shown = fold((Money(), Invoices()), list(enumerate(first.values(), 1)))["invoices"]
        rows: list[Any] = [version.row for version in shown if version.known_to is None]
        found.append(sorted(rows, key=lambda row: row.valid_from))
    assert all(each == found[0] for each in found)
    return found[0]


def dated(status: str, **times: int) -> Json:
    return {"status": status, "status_transitions": marks(finalized_at=ISSUED, **times)}


OPEN = told("invoice.finalized", invoice(created=ISSUED, **dated("open")), ISSUED, "evt_1")
BAD = told(
    "invoice.marked_uncollectible",
    invoice(created=ISSUED, **dated("uncollectible", marked_uncollectible_at=BAD_AT)),
    BAD_AT,
    "evt_2",
)
SETTLED: Json = {"created": ISSUED, "amount_paid": 12_500, "amount_remaining": 0}


def line(row: InvoiceRow) -> tuple[str, str, int]:
    return row.status, row.settlement, row.amount_remaining


def test_what_was_written_off_and_is_paid_after_all_is_paid() -> None:
    paid = dated("paid", marked_uncollectible_at=BAD_AT, paid_at=PAID_AT)
    end = told("invoice.paid", invoice(**SETTLED, **paid), PAID_AT, "evt_3")

    rows = stood(OPEN, BAD, end)

    assert [line(row) for row in rows] == [
        ("open", "unpaid", 12_500),
        ("uncollectible", "unpaid", 12_500),
        ("paid", "paid", 0),
    ]
    assert [row.valid_from.timestamp() for row in rows] == [ISSUED, BAD_AT, PAID_AT]


def test_what_was_written_off_in_part_stays_paid_in_part() -> None:
    part = {"created": ISSUED, "amount_paid": 2_500, "amount_remaining": 10_000}
    bad = invoice(**part, **dated("uncollectible", marked_uncollectible_at=BAD_AT))
    rows = stood(OPEN, told("invoice.marked_uncollectible", bad, BAD_AT, "evt_2"))
    assert line(rows[-1]) == ("uncollectible", "partially_paid", 10_000)


def test_what_was_written_off_can_be_voided() -> None:
    void = dated("void", marked_uncollectible_at=BAD_AT, voided_at=VOID_AT)
    rows = stood(OPEN, BAD, told("invoice.voided", invoice(created=ISSUED, **void), VOID_AT, "evt_3"))
    assert [row.status for row in rows] == ["open", "uncollectible", "void"]


@pytest.mark.parametrize("said", ["by the invoice", "by its payment"])
def test_too_much_shows_whether_the_invoice_says_it_or_its_payment(said: str) -> None:
    paid = invoice(**SETTLED, **dated("paid", paid_at=PAID_AT), amount_overpaid=500)
    shown = paid if said == "by the invoice" else without(paid, "amount_overpaid")
    amount = 12_500 if said == "by the invoice" else 13_000
    marks = {"canceled_at": None, "paid_at": PAID_AT}
    link = invoice_payment(amount_paid=amount, status_transitions=marks)
    rows = stood(
        OPEN,
        told("invoice_payment.paid", link, PAID_AT, "evt_2"),
        told("invoice.paid", shown, PAID_AT, "evt_3"),
    )
    assert line(rows[-1]) == ("paid", "overpaid", 0)


def test_what_was_paid_elsewhere_shows_from_when_it_was_and_is_no_payment_of_ours() -> None:
    record = invoice_payment(
        payment={"payment_record": "pr_1"}, amount_paid=2_500, status_transitions={"paid_at": BAD_AT}
    )
    rows = stood(OPEN, told("invoice_payment.paid", record, BAD_AT, "evt_2"))
    assert [(row.paid_elsewhere, row.payments) for row in rows] == [(0, ()), (2_500, ())]


def test_a_credit_note_shows_from_when_it_was_issued_until_it_is_voided() -> None:
    note = credit_note(created=BAD_AT)
    void = note | {"status": "void", "voided_at": VOID_AT}
    rows = stood(
        OPEN,
        told("credit_note.created", note, BAD_AT, "evt_2"),
        told("credit_note.voided", void, VOID_AT, "evt_3"),
    )
    shown = [(row.valid_from.timestamp(), row.credited, row.credited_tax) for row in rows]
    assert shown == [(ISSUED, 0, 0), (BAD_AT, 6_000, 1_200), (VOID_AT, 0, 0)]


def test_a_credited_invoice_is_paid_when_the_rest_is() -> None:
    reduced = {"created": ISSUED, "amount_due": 6_500, "amount_paid": 6_500, "amount_remaining": 0}
    paid = invoice(**reduced, **dated("paid", paid_at=PAID_AT), pre_payment_credit_notes_amount=6_000)
    note = credit_note(
        created=BAD_AT, pre_payment_amount=6_000, post_payment_amount=0, refunds=[], out_of_band_amount=None
    )
    rows = stood(
        OPEN,
        told("credit_note.created", note, BAD_AT, "evt_2"),
        told("charge.succeeded", charge(created=PAID_AT, amount_captured=6_500), PAID_AT, "evt_3"),
        told("invoice.paid", paid, PAID_AT, "evt_4"),
    )
    assert line(rows[-1]) == ("paid", "paid", 0)
    assert rows[-1].credited == 6_000
