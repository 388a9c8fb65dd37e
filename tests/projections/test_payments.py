"""Payments where messages are missing."""

from tests.plain.history import Json
from tests.second_opinion import Shown, read
from tests.stripe_objects import NOW, charge, dispute, event

PAID = event("charge.succeeded", charge(), id="evt_1", created=NOW)


def disputed(*told: Json) -> int:
    (row,) = (row for row in Shown(map(read, told)).rows["payments"] if row.valid_to is None)
    return int(row.disputed)


def test_what_came_back_of_a_dispute_had_been_taken_though_nobody_told() -> None:
    back = event("charge.dispute.funds_reinstated", dispute(), id="evt_2", created=NOW + 9)
    other = event(
        "charge.dispute.funds_withdrawn", dispute(id="dp_2", amount=700), id="evt_3", created=NOW + 9
    )

    assert disputed(PAID, back) == 0
    assert disputed(PAID, back, other) == 700
