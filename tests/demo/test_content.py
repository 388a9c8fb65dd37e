"""Whatever a subscription business meets happens in a history of the usual size."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from ledgerstone.demo.clock import month_start
from ledgerstone.demo.history import generate

Json = dict[str, Any]


def words(text: str) -> set[str]:
    return set(text.split())


TYPES = words("""
    balance.available charge.dispute.closed charge.dispute.created charge.dispute.funds_reinstated
    charge.dispute.funds_withdrawn charge.dispute.updated charge.failed charge.refund.updated
    charge.refunded charge.succeeded charge.updated checkout.session.completed coupon.created
    coupon.deleted credit_note.created customer.created customer.deleted customer.discount.created
    customer.discount.deleted customer.subscription.created customer.subscription.deleted
    customer.subscription.paused customer.subscription.resumed customer.subscription.trial_will_end
    customer.subscription.updated customer.updated invoice.created invoice.finalized
    invoice.marked_uncollectible invoice.overdue invoice.paid invoice.payment_failed
    invoice.payment_succeeded invoice.sent invoice.upcoming invoice.updated invoice.voided
    invoice_payment.paid invoiceitem.created payment_intent.created payment_intent.payment_failed
    payment_intent.succeeded payment_method.attached payout.created payout.failed payout.paid
    payout.reconciliation_completed payout.updated plan.created price.created product.created
    product.updated refund.created refund.failed refund.updated tax_rate.created
""")

KINDS = words("""
    billed:week:1 billed:month:1 billed:month:3 billed:year:1 metered several-items per-seat graduated
    volume packed-up packed-down decimals free currency:usd currency:eur currency:jpy status:trialing
    status:active status:past_due status:unpaid status:paused status:incomplete
    status:incomplete_expired status:canceled became:trialing>active became:trialing>canceled
    became:past_due>active became:past_due>unpaid became:past_due>canceled became:incomplete>active
    became:active>past_due became:active>canceled cancel-at-period-end cancel-taken-back
    collection-paused collection-resumed ended:cancellation_requested ended:payment_failed
    ended:payment_disputed discount:forever:percent discount:once:percent discount:repeating:percent
    discount:forever:amount discount:repeating:amount on-a-subscription on-an-item on-a-customer stacked
    item-and-subscription coupon-reused ended-without-event quantity-changed price-changed items-added
    proration unused-time taxed credit-balance refund:whole refund:part refund:failed refund:pending
    dispute:won dispute:lost dispute:warning_closed dispute:inquiry several-subscriptions reactivation
    shared-tenant own-tenant no-tenant moved-abroad tenant-changed
""")


def prices(it: Json) -> Iterator[str]:
    recurring = it["recurring"]
    yield f"billed:{recurring['interval']}:{recurring['interval_count']}"
    yield it["tiers_mode"] if it.get("tiers") else "plain"
    if recurring["usage_type"] == "metered":
        yield "metered"
    if it["transform_quantity"]:
        yield f"packed-{it['transform_quantity']['round']}"
    if it["unit_amount"] is None and it["unit_amount_decimal"] and recurring["usage_type"] == "licensed":
        yield "decimals"


def subscriptions(it: Json, before: Json, kind: str) -> Iterator[str]:
    items = it["items"]["data"]
    for item in items:
        yield from prices(item["price"])
        yield "free" if item["price"]["unit_amount"] == 0 else "priced"
        yield "per-seat" if (item.get("quantity") or 0) > 1 else "single"
    yield f"currency:{it['currency']}"
    yield f"status:{it['status']}"
    yield "several-items" if len(items) > 1 else "one-item"
    yield "stacked" if len(it["discounts"]) > 1 else "unstacked"
    if it["discounts"] and any(item["discounts"] for item in items):
        yield "item-and-subscription"
    if kind.endswith("deleted"):
        yield f"ended:{it['cancellation_details']['reason']}"
    yield from differences(it, before)


def differences(it: Json, before: Json) -> Iterator[str]:
    if "cancel_at_period_end" in before:
        yield "cancel-taken-back" if before["cancel_at_period_end"] else "cancel-at-period-end"
    if "pause_collection" in before:
        yield "collection-resumed" if before["pause_collection"] else "collection-paused"
    old = {item["id"]: item for item in before.get("items", {}).get("data", ())}
    for item in it["items"]["data"] if old else ():
        was = old.get(item["id"])
        if was is None:
            yield "items-added"
        elif was["price"]["id"] != item["price"]["id"]:
            yield "price-changed"
        elif was.get("quantity") != item.get("quantity"):
            yield "quantity-changed"


def others(each: Json) -> Iterator[str]:
    it, before = each["data"]["object"], each["data"].get("previous_attributes", {})
    match it["object"]:
        case "invoice":
            lines = it["lines"]["data"]
            yield "unused-time" if any(line["description"].startswith("Unused") for line in lines) else "line"
            details = [line["parent"]["subscription_item_details"] for line in lines]
            yield from ("proration" for one in details if one["proration"])
            yield "taxed" if it["total_taxes"] else "untaxed"
            yield "credit-balance" if it["starting_balance"] < 0 else "no-balance"
        case "refund":
            yield f"refund:{it['status']}"
        case "charge" if each["type"] == "charge.refunded":
            yield "refund:whole" if it["refunded"] else "refund:part"
        case "dispute":
            yield f"dispute:{it['status']}"
            yield "dispute:money" if it["balance_transactions"] else "dispute:inquiry"
        case "customer":
            yield "moved-abroad" if "country" in before.get("address", {}) else "stays"
            yield "tenant-changed" if "tenant_id" in before.get("metadata", {}) else "stays"


class Reader:
    """Reads a history and remembers the kinds of things that happened in it."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.types: set[str] = set()
        self.coupons: dict[str, Json] = {}
        self.terms: dict[str, set[str]] = defaultdict(set)
        self.statuses: dict[str, str] = {}
        self.owners: dict[str, list[str]] = defaultdict(list)
        self.tenants: dict[str | None, set[str]] = defaultdict(set)
        self.ending: dict[str, int] = {}

    def read(self, each: Json) -> None:
        it, kind = each["data"]["object"], each["type"]
        self.types.add(kind)
        self.found.update(others(each))
        match it["object"]:
            case "subscription":
                self.found.update(subscriptions(it, each["data"].get("previous_attributes", {}), kind))
                self.status(it, kind)
            case "price":
                self.found.update(prices(it))
            case "coupon" if kind == "coupon.created":
                self.coupons[it["id"]] = it
            case "discount":
                self.discount(it, kind)
            case "customer":
                self.tenants[it["metadata"].get("tenant_id")].add(it["id"])

    def status(self, it: Json, kind: str) -> None:
        if it["id"] in self.statuses:
            self.found.add(f"became:{self.statuses[it['id']]}>{it['status']}")
        self.statuses[it["id"]] = it["status"]
        if kind.endswith("created"):
            before = [self.statuses[each] for each in self.owners[it["customer"]]]
            self.found.add("several-subscriptions" if "active" in before else "only-one")
            self.found.add("reactivation" if before and set(before) == {"canceled"} else "first")
            self.owners[it["customer"]].append(it["id"])

    def discount(self, it: Json, kind: str) -> None:
        if kind.endswith("deleted"):
            self.ending.pop(it["id"], None)
            return
        coupon = self.coupons[it["source"]["coupon"]]
        self.found.add(f"discount:{coupon['duration']}:{'percent' if coupon['percent_off'] else 'amount'}")
        where = (
            "an-item" if it["subscription_item"] else "a-subscription" if it["subscription"] else "a-customer"
        )
        self.found.add(f"on-{where}")
        self.terms[coupon["id"]].add(coupon["duration"])
        if it["end"]:
            self.ending[it["id"]] = it["end"]

    def all(self, end: int) -> set[str]:
        more = {"coupon-reused"} if any(len(each) > 1 for each in self.terms.values()) else set()
        more |= {"ended-without-event"} if any(each < end for each in self.ending.values()) else set()
        for tenant, customers in self.tenants.items():
            more.add(
                "no-tenant" if tenant is None else "shared-tenant" if len(customers) > 1 else "own-tenant"
            )
        return self.found | more


@pytest.fixture(scope="module", params=[1, 2, 3])
def reader(request: pytest.FixtureRequest) -> Reader:
    reader = Reader()
    for each in generate(seed=request.param).events:
        reader.read(each)
    return reader


def test_every_type_is_told(reader: Reader) -> None:
    assert TYPES - reader.types == set()


def test_everything_happens(reader: Reader) -> None:
    assert KINDS - reader.all(end=month_start("2026-11")) == set()
