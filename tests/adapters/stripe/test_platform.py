"""Application fees and transfers to connected accounts: children are facts, sums over them never."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledgerstone.ledger.evidence import RefetchWanted
from ledgerstone.ledger.platform import (
    ConnectedTransferMade,
    ConnectedTransferReversed,
    PlatformFeeEarned,
    PlatformFeeRefunded,
)
from tests.stripe_money import fee, fee_refund, reversal, transfer
from tests.stripe_objects import BORN, books, event, facts, listed, parked, read


@pytest.mark.parametrize("type", ["application_fee.created", "application_fee.refunded"])
def test_a_fee_is_earned_when_it_was_made(type: str) -> None:
    row = read(event(type, fee())).rows[1]
    assert (row.name, row.happened_at) == ("platform-fee/fee_1/earned", datetime.fromtimestamp(BORN, UTC))
    assert row.body == PlatformFeeEarned(
        fee="fee_1", amount=250, currency="usd", account="acct_1", charge="ch_1"
    )


def test_a_refund_of_a_fee_is_the_same_fact_by_itself_and_in_the_list() -> None:
    listed_too = facts("application_fee.refunded", fee(fee_refund()))["platform-fee-refund/fr_1"]
    alone = facts("application_fee.refund.updated", fee_refund(fee=fee()))["platform-fee-refund/fr_1"]
    refunded = PlatformFeeRefunded(refund="fr_1", fee="fee_1", amount=100, currency="usd")
    assert listed_too == alone == refunded


def test_the_sum_of_refunds_is_no_fact() -> None:
    assert list(facts("application_fee.refunded", fee(amount_refunded=250))) == ["platform-fee/fee_1/earned"]


def test_a_fee_is_income_less_what_was_given_back() -> None:
    one, two = fee_refund(), fee_refund(id="fr_2", amount=150)
    told = [
        ("application_fee.created", fee()),
        ("application_fee.refunded", fee(one)),
        ("application_fee.refund.updated", one),
    ]
    for order in (told, told[::-1]):
        assert books(*order) == {"stripe_uncleared": 150, "platform_fees": -150}
    assert not any(books(*told, ("application_fee.refunded", fee(two, one))).values())


@pytest.mark.parametrize("type", ["transfer.created", "transfer.updated", "transfer.reversed"])
def test_a_transfer_is_made_and_every_reversal_that_it_lists(type: str) -> None:
    told = facts(type, transfer(reversal(), reversal(id="trr_2", amount=500)))
    assert told["transfer/tr_1/made"] == ConnectedTransferMade(
        transfer="tr_1", amount=4_000, currency="usd", account="acct_1", charge="ch_1"
    )
    assert told["transfer-reversal/trr_2"] == ConnectedTransferReversed(
        reversal="trr_2", transfer="tr_1", amount=500, currency="usd", account="acct_1"
    )
    assert len(told) == 3


def test_what_is_reversed_wholly_leaves_nothing_behind() -> None:
    whole = transfer(reversal(), reversal(id="trr_2", amount=2_500))
    told = [("transfer.created", transfer()), ("transfer.reversed", transfer(reversal()))]
    assert books(*told) == {"passed_on": 2_500, "stripe_uncleared": -2_500}
    for order in (told, told[::-1]):
        assert not any(books(*order, ("transfer.reversed", whole)).values())


@pytest.mark.parametrize(
    ("type", "object", "list"),
    [
        ("application_fee.refunded", fee(refunds=listed(fee_refund(), has_more=True)), "refunds"),
        ("transfer.reversed", transfer(reversals=listed(reversal(), has_more=True)), "reversals"),
    ],
)
def test_a_list_that_is_not_whole_is_marked(type: str, object: Any, list: str) -> None:
    wanted = facts(type, object)["stripe/evt_1/refetch"]
    assert isinstance(wanted, RefetchWanted)
    assert list in wanted.reason


@pytest.mark.parametrize("amount", [5000.0, True, "5000", None, 2**60])
@pytest.mark.parametrize(
    ("type", "object"), [("application_fee.created", fee()), ("transfer.created", transfer())]
)
def test_an_amount_that_is_no_integer_parks_the_event(type: str, object: Any, amount: Any) -> None:
    assert parked(type, object | {"amount": amount}).startswith("data.object.amount: expected `int`")
