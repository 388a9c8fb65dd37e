"""Whoever reads the events in order, and nothing else, arrives at the true figures."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest

from ledgerstone.demo.clock import DAY, month_start
from ledgerstone.demo.history import generate

Json = dict[str, Any]
CURRENCIES = ("usd", "eur", "jpy")
INVOICE = ("total", "amount_due", "amount_paid", "amount_remaining", "status")
PERIODS = {"week": Fraction(12, 52), "month": Fraction(1), "year": Fraction(12)}


class Reader:
    """The last state of every object, by plain replacement."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Json]] = defaultdict(dict)
        self.coupon_of: dict[str, Json] = {}

    def read(self, each: Json) -> None:
        it, kind = each["data"]["object"], each["type"]
        if kind in ("plan.created", "invoice.upcoming", "balance.available"):
            return
        self.objects[it["object"]][it["id"]] = it
        if kind == "customer.discount.created":
            self.coupon_of[it["id"]] = self.objects["coupon"][it["source"]["coupon"]]

    def mrr(self, end: int) -> Counter[str]:
        total: Counter[str] = Counter()
        for sub in self.objects["subscription"].values():
            if sub["status"] in ("active", "past_due") and not sub["pause_collection"]:
                total[sub["currency"]] += sum(self.items(sub, end))
        return total

    def items(self, sub: Json, end: int) -> Iterable[int]:
        items = sub["items"]["data"]
        customer = self.objects["customer"][sub["customer"]]
        held = sub["discounts"] or ([customer["discount"]["id"]] if customer["discount"] else [])
        left = [self.less([self.gross(item)], item["discounts"], end)[0] for item in items]
        for item, amount in zip(items, self.less(left, held, end), strict=True):
            recurring = item["price"]["recurring"]
            yield round(amount / PERIODS[recurring["interval"]] / recurring["interval_count"])

    def less(self, amounts: list[Fraction], discounts: list[str], end: int) -> list[Fraction]:
        for id in discounts:
            coupon, until = self.coupon_of[id], self.objects["discount"][id]["end"]
            if coupon["duration"] == "once" or (until is not None and until < end):
                continue
            part = 1 - Fraction(str(coupon["percent_off"] or 0)) / 100
            if coupon["amount_off"] and sum(amounts):
                part = max(Fraction(0), 1 - coupon["amount_off"] / sum(amounts, Fraction(0)))
            amounts = [amount * part for amount in amounts]
        return amounts

    def gross(self, item: Json) -> Fraction:
        price = self.objects["price"][item["price"]["id"]]
        if price["recurring"]["usage_type"] == "metered":
            return Fraction(0)
        quantity = item["quantity"]
        if price["tiers_mode"]:
            return Fraction(tiers(price, quantity))
        if packed := price["transform_quantity"]:
            quantity += packed["divide_by"] - 1 if packed["round"] == "up" else 0
            quantity //= packed["divide_by"]
        return Fraction(price["unit_amount_decimal"]) * int(quantity)


def tiers(price: Json, quantity: int) -> int:
    total, floor = 0, 0
    for tier in price["tiers"]:
        top = tier["up_to"] or quantity
        if price["tiers_mode"] == "graduated" and quantity > floor:
            total += (min(quantity, top) - floor) * tier["unit_amount"] + (tier["flat_amount"] or 0)
        if price["tiers_mode"] == "volume" and floor < quantity <= top:
            total = quantity * tier["unit_amount"] + (tier["flat_amount"] or 0)
        floor = top
    return total


@pytest.mark.parametrize("seed", [21, 22])
def test_days_invoices_and_payments(seed: int) -> None:
    history, reader = generate(seed, customers=70, months=20), Reader()
    days: list[Counter[str]] = []
    midnight = month_start("2024-11") + DAY
    for each in history.events:
        while each["created"] >= midnight:
            days.append(reader.mrr(midnight))
            midnight += DAY
        reader.read(each)
    days.append(reader.mrr(midnight))

    truth = history.truth()
    assert [day[currency] for day in days for currency in CURRENCIES] == [
        row["mrr"] for row in truth["daily"]
    ]
    for row in truth["invoices"]:
        seen = reader.objects["invoice"][row["id"]]
        assert {field: seen[field] for field in INVOICE} == {field: row[field] for field in INVOICE}
    for row in truth["payments"]:
        seen = reader.objects["charge"][row["id"]]
        assert (seen["amount"], seen["amount_refunded"]) == (row["amount"], row["refunded"])
        assert seen["status"] == row["status"]
    for row in truth["subscriptions"]:
        assert reader.objects["subscription"][row["id"]]["status"] == row["status"]
