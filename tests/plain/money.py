"""Invoices and payments at the end of all messages: what was asked, received, given back and disputed.

Silent in the design, and read so: the words of `settlement` outweigh each other from the last to the first;
a payment is known by its intent, or by its charge where there is none; it failed when its charge did and its
intent wants another way to pay; a refund is given back when it succeeded; what was paid for an invoice is
what it says itself, or the payments for it if they are more; a dispute holds what was withdrawn and not put
back, by the transactions that any of its messages lists, or by the messages of that name.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.plain import lives
from tests.plain.history import History, Json, Name

Known = dict[Name, History]
EVER = float("inf")


def of_kind(known: Known, kind: str) -> list[Json]:
    return [history.last().state for name, history in known.items() if name[0] == kind]


def payments(messages: Iterable[Json], known: Known) -> dict[str, Json]:
    found: dict[str, Json] = defaultdict(
        lambda: {"amount": 0, "refunded": 0, "disputed": 0, "status": None, "invoice": None}
    )
    for intent in of_kind(known, "payment_intent"):
        found[intent["id"]].update(
            amount=intent["amount"], currency=intent["currency"], status=intent["status"]
        )
    for charge in sorted(of_kind(known, "charge"), key=lambda it: bool(it["captured"])):
        it = found[charge["payment_intent"] or charge["id"]]
        it.update(currency=charge["currency"])
        if charge["captured"]:
            it.update(amount=charge["amount_captured"], status="succeeded")
        elif it["status"] in (None, "requires_payment_method"):
            it.update(amount=charge["amount"], status="failed")
    for refund in of_kind(known, "refund"):
        if refund["status"] == "succeeded":
            found[refund["payment_intent"] or refund["charge"]]["refunded"] += refund["amount"]
    for dispute, amount in _withdrawn(messages).items():
        said = known["dispute", dispute].last().state
        found[said["payment_intent"] or said["charge"]]["disputed"] += amount
    for applied in of_kind(known, "invoice_payment"):
        if applied["payment"].get("payment_intent"):
            found[applied["payment"]["payment_intent"]]["invoice"] = applied["invoice"]
    return dict(found)


def _withdrawn(messages: Iterable[Json]) -> dict[str, int]:
    """What each dispute holds: what was taken less what was put back, each once, however often it is told."""
    moved: dict[str, dict[str, int]] = defaultdict(dict)
    named: dict[str, dict[str, int]] = defaultdict(dict)
    for message in messages:
        it: Any = message.get("data", {}).get("object", {})
        if it.get("object") == "dispute":
            for each in it.get("balance_transactions") or []:
                moved[it["id"]][each["id"]] = -each["amount"]
            sign = {"funds_withdrawn": 1, "funds_reinstated": -1}.get(message["type"].rpartition(".")[2])
            if sign:
                named[it["id"]][message["type"]] = sign * it["amount"]
    return {id: max(0, _held(moved[id].values(), named[id].values())) for id in {*moved, *named}}


def _held(listed: Iterable[int], named: Iterable[int]) -> int:
    """Movements out (above 0) and back: those that any message lists, else the ones that have a message."""
    found = 0
    for sign in (1, -1):
        some = [amount for amount in listed if amount * sign > 0]
        found += sum(some or [amount for amount in named if amount * sign > 0])
    return found


def invoices(messages: Iterable[Json], known: Known) -> dict[str, Json]:
    """What is there of each, with what was paid for it; a deleted draft is not there."""
    told = list(messages)
    paid_by = payments(told, known)
    found = {}
    for name, history in known.items():
        it = lives.invoice(history).at(EVER) if name[0] == "invoice" else None
        if it is not None:
            mine = [payment for payment in paid_by.values() if payment["invoice"] == it["id"]]
            applied = [each for each in of_kind(known, "invoice_payment") if each["invoice"] == it["id"]]
            found[it["id"]] = {**it, "settlement": settlement(it, mine, applied)}
    return found


def settlement(it: Json, mine: list[Json], applied: list[Json]) -> str:
    received = sum(each["amount_paid"] for each in applied if each["status"] == "paid")
    paid = max(received, it["amount_paid"])
    given_back = sum(payment["refunded"] for payment in mine)
    if any(payment["disputed"] for payment in mine):
        return "disputed"
    if given_back:
        return "refunded" if given_back >= paid else "partially_refunded"
    if paid > it["amount_due"] or it.get("amount_overpaid"):
        return "overpaid"
    if it["status"] == "paid" or 0 < it["amount_due"] <= paid:
        return "paid"
    return "partially_paid" if paid else "unpaid"
