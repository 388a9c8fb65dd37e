"""What bank transfers move, and how what waits is divided."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.payments import PaidElsewhere
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.transfers import (
    Reason,
    Share,
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
    TransferUnassigned,
    rest,
)

Held = dict[tuple[str, str], int]


def held(*facts: Fact) -> Held:
    """What each account holds of each subject."""
    found: Counter[tuple[str, str]] = Counter()
    for move in [move for fact in facts for move in movements(fact)]:
        found[move.debit, move.debit_of] += move.amount
        found[move.credit, move.credit_of] -= move.amount
    return {key: amount for key, amount in found.items() if amount}


def received(amount: int = 10_000, transfer: str = "tr_1") -> TransferReceived:
    return TransferReceived(transfer=transfer, account="SE1", amount=amount, currency="sek")


def assigned(**fields: Any) -> TransferAssigned:
    return TransferAssigned(transfer="tr_1", currency="sek", **fields)


def shares(**amounts: int) -> tuple[Share, ...]:
    return tuple(Share(of, amount) for of, amount in amounts.items())


def test_a_transfer_waits_until_it_is_known_what_it_is_for() -> None:
    assert held(received()) == {("bank", "SE1"): 10_000, ("unapplied_bank", "tr_1"): -10_000}
    assert held(received(-500)) == {("bank", "SE1"): -500, ("unapplied_bank", "tr_1"): 500}


def test_it_pays_several_invoices_and_the_rest_is_credit() -> None:
    told = assigned(invoices=shares(in_1=4_000, in_2=5_000), customer="cus_1", to_credit=1_000)

    assert told.taken == 10_000
    assert held(received(), told) == {
        ("bank", "SE1"): 10_000,
        ("receivable", "in_1"): -4_000,
        ("receivable", "in_2"): -5_000,
        ("customer_credit", "cus_1"): -1_000,
    }


@pytest.mark.parametrize(("came", "rounding"), [(9_998, -2), (10_003, 3)])
def test_what_is_too_small_to_ask_for_is_rounded(came: int, rounding: int) -> None:
    told = assigned(invoices=shares(in_1=10_000), rounding=rounding)

    assert told.taken == came
    assert held(received(came), told) == {
        ("bank", "SE1"): came,
        ("receivable", "in_1"): -10_000,
        ("rounding", "tr_1"): -rounding,
    }


def test_what_a_bank_kept_on_the_way_is_a_fee() -> None:
    told = assigned(invoices=shares(in_1=10_200), fee=200)

    assert told.taken == 10_000
    assert held(received(), told)["bank_fees", "tr_1"] == 200
    assert ("unapplied_bank", "tr_1") not in held(received(), told)


def test_the_money_of_an_invoice_that_was_paid_elsewhere_is_found() -> None:
    told = PaidElsewhere(invoice="in_1", amount=10_000, currency="sek")

    assert held(told, received(), assigned(elsewhere=shares(in_1=10_000))) == {
        ("bank", "SE1"): 10_000,
        ("receivable", "in_1"): -10_000,
    }


def test_a_payout_arrives_a_top_up_leaves_and_a_refund_is_paid_by_transfer() -> None:
    assert held(received(), assigned(payouts=shares(po_1=10_000)))["payouts_in_transit", "po_1"] == -10_000
    out = received(-10_000)
    assert held(out, assigned(top_ups=shares(tu_1=-10_000)))["top_ups_in_transit", "tu_1"] == 10_000
    assert held(out, assigned(refunds=shares(re_1=-10_000))) == {
        ("bank", "SE1"): -10_000,
        ("refunds_payable", "re_1"): 10_000,
    }


amounts = st.integers(-10_000, 10_000)
some = st.lists(st.builds(Share, st.sampled_from(["a_1", "a_2"]), amounts), max_size=3).map(tuple)
assignments = st.fixed_dictionaries(
    {
        **dict.fromkeys(("invoices", "elsewhere", "payouts", "top_ups", "refunds"), some),
        **dict.fromkeys(("to_credit", "rounding", "fee"), amounts),
        "customer": st.just("cus_1"),
    }
)


@given(assignments)
def test_an_assignment_takes_what_it_says_and_can_be_taken_back(fields: dict[str, Any]) -> None:
    told = assigned(**fields)
    undone = TransferUnassigned(transfer="tr_1", currency="sek", **fields)

    assert held(told).get(("unapplied_bank", "tr_1"), 0) == told.taken
    assert held(told, undone) == {}


@pytest.mark.parametrize("reason", get_args(Reason))
def test_what_is_ignored_waits_no_more(reason: Reason) -> None:
    told = TransferIgnored(transfer="tr_1", amount=10_000, currency="sek", reason=reason)
    (bank, other) = sorted(held(received(), told).items(), key=lambda each: -each[1])

    assert bank == (("bank", "SE1"), 10_000)
    assert other[1] == -10_000
    assert other[0][0] not in ("bank", "unapplied_bank")


def test_every_reason_has_an_account_of_its_own() -> None:
    accounts = [
        movements(TransferIgnored(transfer="t", amount=1, currency="sek", reason=reason))[0].credit
        for reason in get_args(Reason)
    ]
    assert len(set(accounts)) == len(accounts)


def test_what_is_sent_back_leaves_the_bank_once() -> None:
    back = TransferReturned(transfer="tr_1", by="tr_2", amount=10_000, currency="sek")

    assert held(received(), received(-10_000, "tr_2"), back) == {}


@given(st.permutations([0, 1, 2, 3, 4]), st.lists(st.integers(0, 4)))
def test_order_changes_no_balance_and_a_second_telling_moves_nothing(
    order: list[int], again: list[int]
) -> None:
    told: list[tuple[str, Fact]] = [
        ("received", received()),
        ("assigned/1", assigned(invoices=shares(in_1=9_000), rounding=1_000)),
        (
            "unassigned/1",
            TransferUnassigned(transfer="tr_1", currency="sek", invoices=shares(in_1=9_000), rounding=1_000),
        ),
        ("assigned/2", assigned(number=2, payouts=shares(po_1=10_000))),
        ("ignored", TransferIgnored(transfer="tr_2", amount=-70, currency="sek", reason="bank_fee")),
    ]

    assert held(*_once([told[n] for n in (*order, *again)])) == held(*(fact for _, fact in told))


def _once(told: Iterable[tuple[str, Fact]]) -> Iterable[Fact]:
    return dict(told).values()


@pytest.mark.parametrize(
    ("amount", "fee", "expected"),
    [
        (10_000, 0, (0, 0)),
        (10_004, 0, (0, 4)),
        (9_995, 0, (0, -5)),
        (10_006, 0, (6, 0)),
        (9_900, 100, (0, 0)),
    ],
)
def test_a_rest_is_rounded_within_the_limit_and_credited_beyond(
    amount: int, fee: int, expected: tuple[int, int]
) -> None:
    assert rest(amount, fee, shares(in_1=4_000, in_2=6_000), limit=5) == expected


def test_shares_beyond_what_came_are_refused() -> None:
    with pytest.raises(ValueError, match="the shares are 6 more than came, and 5 may be rounded"):
        rest(9_994, 0, shares(in_1=10_000), limit=5)


@given(st.integers(0, 10_000), st.integers(0, 500), some, st.integers(0, 100))
def test_an_assignment_of_the_rest_takes_all_of_it(
    amount: int, fee: int, invoices: tuple[Share, ...], limit: int
) -> None:
    if amount + fee - sum(share.amount for share in invoices) < -limit:
        return
    to_credit, rounding = rest(amount, fee, invoices, limit)

    told = assigned(invoices=invoices, fee=fee, customer="cus_1", to_credit=to_credit, rounding=rounding)
    assert told.taken == amount
    assert abs(rounding) <= limit
    assert to_credit >= 0
