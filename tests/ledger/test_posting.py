"""The posting table as a bookkeeper would write it down: numbers of the BAS chart, debit / credit, amount."""

from typing import Any

import pytest

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.corrections import undone
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.customer_balances import CustomerCashChanged, CustomerCashTransferred
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceOverpaid, InvoiceVoided, InvoiceWrittenOff
from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    PaidElsewhere,
    PaymentApplied,
    PaymentReceived,
    RefundFailed,
    RefundRequested,
    RefundSettled,
)
from ledgerstone.ledger.payouts import PayoutFailed, PayoutSent
from ledgerstone.ledger.periods import Part, PeriodClosed, PeriodReopened
from ledgerstone.ledger.platform import (
    ConnectedTransferMade,
    ConnectedTransferReversed,
    PlatformFeeEarned,
    PlatformFeeRefunded,
)
from ledgerstone.ledger.posting import TABLE, movements
from ledgerstone.ledger.reserves import ReserveHeld, ReserveReleased
from ledgerstone.ledger.sales_tax import Tax
from ledgerstone.ledger.topups import TopUpFailed, TopUpReceived, TopUpReversed, TopUpStarted
from ledgerstone.ledger.transfers import (
    Share,
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
    TransferUnassigned,
)

IN, NOTE, PAY, RE, DP = "in_1", "cn_1", "pi_1", "re_1", "dp_1"
TR = "tr_1"
MIXED = (Tax("DE 19", 19), Tax("SE 12", 12), Tax("SE 25", 25), Tax("SE 6", 6))


def posted(fact: Fact) -> list[str]:
    """`1510 / 2970 1000`, and where it is not crowns, in what."""
    return [
        f"{CHART[move.debit].bas} / {CHART[move.credit].bas} {move.amount}"
        + ("" if move.currency == "sek" else f" {move.currency}")
        for move in movements(fact)
    ]


def issued(net: int, tax: int, taxes: tuple[Tax, ...] = (), from_balance: int = 0) -> Fact:
    return InvoiceIssued(invoice=IN, currency="sek", net=net, tax=tax, taxes=taxes, from_balance=from_balance)


def seen(net: int, **amounts: Any) -> Fact:
    return BalanceTransactionSeen(
        transaction="txn_1", source="ch_1", kind="charge", currency="sek", net=net, **amounts
    )


def note(**parts: Any) -> Fact:
    return CreditNoteIssued(credit_note=NOTE, invoice=IN, currency="sek", **parts)


def assigned(**parts: Any) -> Fact:
    return TransferAssigned(transfer=TR, currency="sek", **parts)


def closed(**parts: Any) -> Fact:
    return PeriodClosed(period="2026-10", actor="ada", **parts)


def part(amount: int, rate: str = "") -> tuple[Part, ...]:
    return (Part("pro", "sek", amount, 1, "", rate),)


STRIPE = [
    (issued(1000, 250, (Tax("SE 25", 250),)), ["1510 / 2970 1000", "1510 / 2611 250"]),
    (
        issued(100, 69, MIXED),
        [
            "1510 / 2970 100",
            "1510 / 2670 19",
            "1510 / 2621 12",
            "1510 / 2611 25",
            "1510 / 2631 6",
            "1510 / 2600 7",
        ],
    ),
    (issued(1000, 250), ["1510 / 2970 1000", "1510 / 2600 250"]),
    (issued(1000, 0, from_balance=300), ["1510 / 2970 1000", "2420 / 1510 300"]),
    (issued(1000, 0, from_balance=-300), ["1510 / 2970 1000", "1510 / 2420 300"]),
    (issued(-1000, -250, (Tax("SE 25", -250),)), ["2970 / 1510 1000", "2611 / 1510 250"]),
    (PaymentReceived(charge="ch_1", payment=PAY, amount=1250, currency="sek"), ["1585 / 2998 1250"]),
    (PaymentApplied(invoice=IN, payment=PAY, amount=1250, currency="sek"), ["2998 / 1510 1250"]),
    (PaidElsewhere(invoice=IN, amount=1250, currency="sek"), ["2997 / 1510 1250"]),
    (InvoiceOverpaid(invoice=IN, amount=50, currency="sek"), ["1510 / 2420 50"]),
    (seen(1225, cleared=1250, fee=25), ["1580 / 1585 1250", "6040 / 1580 25"]),
    (seen(-1500, cleared=-1250, dispute_fee=250), ["1585 / 1580 1250", "6045 / 1580 250"]),
    (
        seen(1105, exchanged=1125, fee=20, presented=100, presented_currency="eur"),
        ["1580 / 1690 1125", "1690 / 1585 100 eur", "6040 / 1580 20"],
    ),
    (
        seen(1100, cleared=1250, fee=25, platform_fee=125),
        ["1580 / 1585 1250", "6040 / 1580 25", "6050 / 1580 125"],
    ),
    (note(before_payment=400, tax=80), ["3739 / 1510 400"]),
    (note(refunded=300, to_balance=200, tax=100), ["3739 / 2420 200"]),
    (note(elsewhere=100, tax=20), ["3739 / 2997 100"]),
    (RefundRequested(refund=RE, payment=PAY, amount=300, currency="sek"), ["3739 / 2440 300"]),
    (RefundSettled(refund=RE, payment=PAY, amount=300, currency="sek"), ["2440 / 1585 300"]),
    (RefundFailed(refund=RE, payment=PAY, amount=300, currency="sek"), ["2440 / 3739 300"]),
    (
        RefundFailed(refund=RE, payment=PAY, amount=300, currency="sek", returned=300),
        ["2440 / 3739 300", "1585 / 2440 300"],
    ),
    (DisputeOpened(dispute=DP, payment=PAY, amount=1250, currency="sek"), []),
    (DisputeFundsWithdrawn(dispute=DP, payment=PAY, amount=1250, currency="sek"), ["1581 / 1585 1250"]),
    (DisputeFundsReinstated(dispute=DP, payment=PAY, amount=1250, currency="sek"), ["1585 / 1581 1250"]),
    (DisputeLost(dispute=DP, payment=PAY, amount=1250, currency="sek"), ["3739 / 1581 1250"]),
    (InvoiceWrittenOff(invoice=IN, currency="sek", open=1250), ["6351 / 1515 1250"]),
    (InvoiceVoided(invoice=IN, currency="sek", open=1250), ["3739 / 1510 1250"]),
    (
        InvoiceVoided(invoice=IN, currency="sek", open=1250, to_balance=300),
        ["3739 / 1510 1250", "1510 / 2420 300"],
    ),
    (PayoutSent(payout="po_1", amount=900, currency="sek"), ["1590 / 1585 900"]),
    (PayoutFailed(payout="po_1", amount=900, currency="sek"), ["1585 / 1590 900"]),
    (TopUpStarted(top_up="tu_1", amount=900, currency="sek"), []),
    (TopUpReceived(top_up="tu_1", amount=900, currency="sek"), ["1585 / 1591 900"]),
    (TopUpFailed(top_up="tu_1", amount=900, currency="sek"), []),
    (TopUpReversed(top_up="tu_1", amount=900, currency="sek"), ["1591 / 1585 900"]),
    (ReserveHeld(hold="h_1", amount=90, currency="sek"), ["1582 / 1585 90"]),
    (ReserveReleased(release="r_1", amount=90, currency="sek"), ["1585 / 1582 90"]),
    (PlatformFeeEarned(fee="fee_1", amount=125, currency="sek"), ["1585 / 3900 125"]),
    (PlatformFeeRefunded(refund="fr_1", fee="fee_1", amount=25, currency="sek"), ["3900 / 1585 25"]),
    (ConnectedTransferMade(transfer="t_1", amount=800, currency="sek"), ["1584 / 1585 800"]),
    (
        ConnectedTransferReversed(reversal="v_1", transfer="t_1", amount=80, currency="sek"),
        ["1585 / 1584 80"],
    ),
    (
        CustomerCashChanged(transaction="c_1", customer="cus_1", kind="funded", amount=70, currency="sek"),
        ["1583 / 2421 70"],
    ),
    (
        CustomerCashTransferred(transaction="c_2", customer="cus_1", amount=70, currency="sek"),
        ["1585 / 1583 70"],
    ),
]

BANK = [
    (TransferReceived(transfer=TR, account="SE1", amount=1250, currency="sek"), ["1930 / 2999 1250"]),
    (TransferReceived(transfer=TR, account="SE1", amount=-300, currency="sek"), ["2999 / 1930 300"]),
    (
        assigned(invoices=(Share(IN, 1000), Share("in_2", 250))),
        ["2999 / 1510 1000", "2999 / 1510 250"],
    ),
    (assigned(invoices=(Share(IN, 400),)), ["2999 / 1510 400"]),  # of an invoice that asks for more
    (assigned(invoices=(Share(IN, 1250),), to_credit=50), ["2999 / 1510 1250", "2999 / 2420 50"]),
    (assigned(invoices=(Share(IN, 1250),), rounding=2), ["2999 / 1510 1250", "2999 / 3740 2"]),
    (assigned(invoices=(Share(IN, 1250),), rounding=-2), ["2999 / 1510 1250", "3740 / 2999 2"]),
    (assigned(invoices=(Share(IN, 1250),), fee=30), ["2999 / 1510 1250", "6570 / 2999 30"]),
    (assigned(elsewhere=(Share(IN, 1250),)), ["2999 / 2997 1250"]),
    (assigned(payouts=(Share("po_1", 900),)), ["2999 / 1590 900"]),
    (assigned(top_ups=(Share("tu_1", -900),)), ["1591 / 2999 900"]),
    (assigned(refunds=(Share(RE, -300),)), ["2440 / 2999 300"]),
    (TransferIgnored(TR, 10, "sek", "not_ours"), ["2999 / 2890 10"]),
    (TransferIgnored(TR, 10, "sek", "own_account"), ["2999 / 1940 10"]),
    (TransferIgnored(TR, -10, "sek", "bank_fee"), ["6570 / 2999 10"]),
    (TransferIgnored(TR, 10, "sek", "interest"), ["2999 / 8310 10"]),
    (TransferIgnored(TR, 10, "sek", "other_income"), ["2999 / 3990 10"]),
    (TransferReturned(TR, "tr_2", 1250, "sek"), ["2999 / 2999 1250"]),
]

CLOSE = [
    (closed(earned=part(500)), ["2970 / 3001 500"]),
    (closed(returned=part(50)), ["3730 / 3739 50"]),
    (closed(lost=part(50)), ["3735 / 3739 50"]),
    (closed(freed=part(50)), ["2970 / 3739 50"]),
    (closed(taxed=part(25)), ["2600 / 3739 25"]),
    (closed(taxed=part(25, "SE 25")), ["2611 / 3739 25"]),
    (closed(taxed=part(12, "SE 12")), ["2621 / 3739 12"]),
    (closed(taxed=part(6, "SE 6")), ["2631 / 3739 6"]),
    (closed(taxed=part(19, "DE 19")), ["2670 / 3739 19"]),
]


@pytest.mark.parametrize(("fact", "said"), [*STRIPE, *BANK, *CLOSE])
def test_a_fact_is_posted_as_a_bookkeeper_would(fact: Fact, said: list[str]) -> None:
    assert posted(fact) == said


UNDOING: list[tuple[type[Fact], type[Fact]]] = [
    (CreditNoteIssued, CreditNoteVoided),
    (TransferAssigned, TransferUnassigned),
    (PeriodClosed, PeriodReopened),
]


@pytest.mark.parametrize(("done", "taken_back"), UNDOING)
def test_what_is_taken_back_moves_the_same_the_other_way(done: type[Fact], taken_back: type[Fact]) -> None:
    facts = [fact for fact, _ in (*STRIPE, *BANK, *CLOSE) if type(fact) is done]
    same = set(done.__struct_fields__) & set(taken_back.__struct_fields__)
    for fact in facts:
        back = taken_back(**{name: getattr(fact, name) for name in same})
        assert sorted(movements(back), key=repr) == sorted(undone(movements(fact)), key=repr)
    assert len(facts) > 1


def test_every_fact_of_the_table_is_here() -> None:
    shown = {type(fact) for fact, _ in (*STRIPE, *BANK, *CLOSE)} | {back for _, back in UNDOING}
    assert shown == TABLE.keys()
