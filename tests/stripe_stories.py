"""Whole stories of money as Stripe tells them, each with what the accounts hold when it has ended.

The expected amounts are plain arithmetic over what happened: they know no facts and no posting rules."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tests.stripe_money import (
    cash_transaction,
    credit_note,
    fee,
    fee_refund,
    hold,
    moved,
    release,
    reversal,
    top_up,
    transfer,
)
from tests.stripe_objects import BORN, NOW, Json, charge, dispute, invoice, invoice_payment, marks, refund

Message = tuple[str, Json]
OUT, BACK = moved("txn_1", -12_500), moved("txn_2", 12_500, BORN + 60)
PART, REST = moved("txn_9", 2_500, BORN + 60), moved("txn_3", 10_000, BORN + 90)


def said(verb: str, status: str, *listed: Json | str, listing: bool = True, **fields: Any) -> Message:
    lists = {"balance_transactions": list(listed)} if listing else {}
    return f"charge.dispute.{verb}", dispute(status=status, **lists, **fields)


OPEN = [said("created", "needs_response", OUT), said("funds_withdrawn", "needs_response", OUT)]
PLAIN = [
    said("created", "needs_response", listing=False),
    said("funds_withdrawn", "needs_response", listing=False),
]
LOST = {"to_allocate": 12_500, "stripe_uncleared": -12_500}
OUTCOMES: dict[str, tuple[list[Message], dict[str, int]]] = {
    "won": ([*OPEN, said("closed", "won", OUT, BACK), said("funds_reinstated", "won", OUT, BACK)], {}),
    "won, and closed before the money came back": (
        [*OPEN, said("closed", "won", OUT), said("funds_reinstated", "won", OUT, BACK)],
        {},
    ),
    "lost": ([*OPEN, said("closed", "lost", OUT)], LOST),
    "won, by messages that list nothing": (
        [*PLAIN, said("closed", "won", listing=False), said("funds_reinstated", "won", listing=False)],
        {},
    ),
    "lost, by messages that list nothing": ([*PLAIN, said("closed", "lost", listing=False)], LOST),
    "lost, by messages whose list is empty": (
        [said("funds_withdrawn", "needs_response"), said("closed", "lost")],
        LOST,
    ),
    "won, by messages that list ids only": (
        [
            said("funds_withdrawn", "needs_response", "txn_1"),
            said("closed", "won", "txn_1", "txn_2"),
            said("funds_reinstated", "won", "txn_1", "txn_2"),
        ],
        {},
    ),
    "undecided": (
        [*OPEN, said("updated", "under_review", OUT)],
        {"disputed": 12_500, "stripe_uncleared": -12_500},
    ),
    "appealed and undecided": (
        [*OPEN, said("updated", "appeal_under_review", OUT)],
        {"disputed": 12_500, "stripe_uncleared": -12_500},
    ),
    "an inquiry": (
        [said("created", "warning_needs_response"), said("updated", "warning_under_review"),
         said("closed", "warning_closed")],
        {},
    ),
    "an inquiry that became a dispute and was lost": (
        [said("created", "warning_needs_response"), said("updated", "needs_response"),
         said("funds_withdrawn", "needs_response", OUT), said("closed", "lost", OUT)],
        LOST,
    ),
    "prevented": ([said("created", "warning_needs_response"), said("closed", "prevented")], {}),
    "prevented, and taken": ([*OPEN, said("closed", "prevented", OUT)], LOST),
    "refunded in time": ([said("created", "needs_response"), said("closed", "charge_refunded")], {}),
    "refunded in part before, and lost": (
        [*OPEN, said("funds_reinstated", "under_review", OUT, PART), said("closed", "lost", OUT, PART)],
        {"to_allocate": 10_000, "stripe_uncleared": -10_000},
    ),
    "refunded in part before, and won": (
        [*OPEN, said("funds_reinstated", "under_review", OUT, PART),
         said("funds_reinstated", "won", OUT, PART, REST), said("closed", "won", OUT, PART, REST)],
        {},
    ),
    "of less than the payment, and lost": (
        [said("funds_withdrawn", "needs_response", moved("txn_1", -900), amount=900),
         said("closed", "lost", moved("txn_1", -900), amount=900)],
        {"to_allocate": 900, "stripe_uncleared": -900},
    ),
}  # fmt: skip

Story = tuple[list[Message], dict[str, int]]
AMOUNTS = st.integers(1, 40)
PARTS = st.lists(AMOUNTS, max_size=3)


@st.composite
def notes(draw: st.DrawFn) -> Story:
    """An invoice of 125.00, half of it paid; a credit note of any parts, and its refund; perhaps voided."""
    before, back, credit, elsewhere = (draw(st.integers(0, 40)) for _ in range(4))
    kept = {
        "amount": before + back + credit + elsewhere,
        "total": before + back + credit + elsewhere,
        "pre_payment_amount": before,
        "post_payment_amount": back + credit + elsewhere,
        "refunds": [{"amount_refunded": back, "refund": "re_1", "type": "refund"}] if back else [],
        "out_of_band_amount": elsewhere or None,
        "customer_balance_transaction": "cbtxn_1" if credit else None,
    }
    told = [("credit_note.created", credit_note(**kept)), ("credit_note.updated", credit_note(**kept))]
    if draw(st.booleans()):
        return [*told, ("credit_note.voided", credit_note(**kept, status="void", voided_at=NOW))], {}
    told += [("refund.created", refund(amount=back))] if back else []
    return told, {
        "to_allocate": before + back + credit + elsewhere,
        "receivable": -before,
        "stripe_uncleared": -back,
        "customer_credit": -credit,
        "paid_elsewhere": -elsewhere,
    }


@st.composite
def invoices(draw: st.DrawFn) -> Story:
    """An invoice that is written off or not, then paid by card (perhaps too much) or elsewhere, or voided."""
    issued, tax = invoice(), 2_500
    books = {"deferred_revenue": tax - 12_500, "tax": -tax}
    told: list[Message] = [("invoice.finalized", issued)]
    bad = draw(st.booleans())
    since = marks(finalized_at=BORN, **({"marked_uncollectible_at": NOW} if bad else {}))
    if bad:
        told.append(
            (
                "invoice.marked_uncollectible",
                issued | {"status": "uncollectible", "status_transitions": since},
            )
        )
        books |= {"bad_debt": 12_500, "doubtful": -12_500}
    match draw(st.sampled_from(["card", "elsewhere", "void"])):
        case "void":
            void = issued | {"status": "void", "status_transitions": {**since, "voided_at": NOW}}
            return [*told, ("invoice.voided", void), ("invoice.updated", void)], books | {
                "to_allocate": 12_500
            }
        case "elsewhere":
            told.append(("invoice_payment.paid", invoice_payment(payment={"payment_record": "pr_1"})))
            return told, books | {"paid_elsewhere": 12_500}
    over = draw(st.integers(0, 20))
    paid = issued | {"status": "paid", "amount_paid": 12_500, "amount_remaining": 0, "amount_overpaid": over}
    paid["status_transitions"] = {**since, "paid_at": NOW}
    told += [
        ("charge.succeeded", charge(amount=12_500 + over, amount_captured=12_500 + over)),
        ("invoice_payment.paid", invoice_payment(amount_paid=12_500 + over)),
        ("invoice.paid", paid),
    ]
    told += [("invoice.overpaid", paid)] if over else []
    return told, books | {"stripe_uncleared": 12_500 + over, "customer_credit": -over}


@st.composite
def fees(draw: st.DrawFn) -> Story:
    """A fee of 2.50, given back in parts: listed by the fee as far as they came, and told by themselves."""
    parts = [fee_refund(id=f"fr_{n}", amount=amount) for n, amount in enumerate(draw(PARTS))]
    told = [("application_fee.created", fee())]
    told += [("application_fee.refunded", fee(*parts[: n + 1][::-1])) for n in range(len(parts))]
    told += [("application_fee.refund.updated", each) for each in parts]
    kept = 250 - sum(part["amount"] for part in parts)
    return told, {"stripe_uncleared": kept, "platform_fees": -kept}


@st.composite
def transfers(draw: st.DrawFn) -> Story:
    """A transfer of 40.00, reversed in parts."""
    parts = [reversal(id=f"trr_{n}", amount=amount) for n, amount in enumerate(draw(PARTS))]
    told = [("transfer.created", transfer())]
    told += [("transfer.reversed", transfer(*parts[: n + 1])) for n in range(len(parts))]
    told += [("transfer.updated", transfer(*parts))] if parts else []
    kept = 4_000 - sum(part["amount"] for part in parts)
    return told, {"passed_on": kept, "stripe_uncleared": -kept}


@st.composite
def top_ups(draw: st.DrawFn) -> Story:
    """A top-up that arrives and perhaps goes back, or never arrives."""
    told = [("topup.created", top_up())]
    end = draw(st.sampled_from(["succeeded", "failed", "canceled", "reversed"]))
    if end == "reversed":
        told.append(("topup.succeeded", top_up(status="succeeded")))
    arrived = 20_000 if end == "succeeded" else 0
    return (
        [*told, (f"topup.{end}", top_up(status=end))],
        {"stripe_uncleared": arrived, "top_ups_in_transit": -arrived},
    )


@st.composite
def reserves(draw: st.DrawFn) -> Story:
    """Holds, released one by one or several by one release, some of them not yet."""
    held = [hold(id=f"reshold_{n}", amount=amount) for n, amount in enumerate(draw(PARTS))]
    told = [("reserve.hold.created", each) for each in held]
    told += [("reserve.hold.updated", each) for each in held]
    freed = held[: draw(st.integers(0, len(held)))]
    if draw(st.booleans()):
        told += [
            ("reserve.release.created", release(id=f"resrel_{n}", amount=it["amount"], reserve_hold=it["id"]))
            for n, it in enumerate(freed)
        ]
    elif freed:
        whole = sum(it["amount"] for it in freed)
        told.append(("reserve.release.created", release(amount=whole, reserve_hold=None)))
    kept = sum(it["amount"] for it in held[len(freed) :])
    return told, {"reserved": kept, "stripe_uncleared": -kept}


@st.composite
def cash(draw: st.DrawFn) -> Story:
    """Cash that a customer sent, some of which was used, went back, or became ours to hold."""
    came, used, back, ours = draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS)
    kinds = {
        "funded": came + used + back + ours,
        "applied_to_payment": -used,
        "return_initiated": -back,
        "transferred_to_balance": -ours,
    }
    told = [
        ("customer_cash_balance_transaction.created", cash_transaction(kind, amount, id=f"ccsbtxn_{n}"))
        for n, (kind, amount) in enumerate(kinds.items())
    ]
    return told, {"customer_cash_held": came, "customer_cash": -came - ours, "stripe_uncleared": ours}


STORIES = st.one_of(
    st.sampled_from(list(OUTCOMES.values())),
    notes(),
    invoices(),
    fees(),
    transfers(),
    top_ups(),
    reserves(),
    cash(),
)


def apart(stories: Iterable[Story]) -> Story:
    """Several stories as one, each about objects of its own."""
    told, held = [], Counter[str]()
    for number, (messages, amounts) in enumerate(stories):
        told += [(type, _renamed(object, number)) for type, object in messages]
        held.update(amounts)
    return told, {account: amount for account, amount in held.items() if amount}


def _renamed(object: Json, number: int) -> Json:
    text = re.sub(r'"([a-z]+)_(\d+)"', rf'"\1_{number}n\2"', json.dumps(object))
    renamed: Json = json.loads(text)
    return renamed
