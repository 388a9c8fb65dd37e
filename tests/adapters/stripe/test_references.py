"""Expanded and unexpanded references, and objects of which only a part is there."""

import pytest

from ledgerstone.ledger.catalogue import Product, ProductSeen
from ledgerstone.ledger.customers import NOT_SHOWN, CustomerSeen
from tests.stripe_objects import (
    Json,
    charge,
    customer,
    discount,
    dispute,
    facts,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    parked,
    payment_intent,
    price,
    refund,
    subscription,
    without,
)

SUBSCRIPTION, INVOICE = "customer.subscription.updated", "invoice.paid"

EXPANDED: dict[str, tuple[str, Json, str, Json]] = {
    "a subscription's customer": (SUBSCRIPTION, subscription(), "customer", customer()),
    "an invoice's customer": (INVOICE, invoice(), "customer", customer()),
    "an invoice's older subscription": (
        INVOICE,
        without(invoice(subscription="sub_1"), "parent"),
        "subscription",
        subscription(),
    ),
    "a price's product": ("price.created", price(), "product", {"id": "prod_1", "name": "Pro"}),
    "a charge's payment": ("charge.succeeded", charge(), "payment_intent", payment_intent()),
    "a charge's customer": ("charge.succeeded", charge(), "customer", customer()),
    "a charge's invoice": ("charge.succeeded", charge(invoice="in_1"), "invoice", invoice()),
    "a payment's customer": ("payment_intent.created", payment_intent(), "customer", customer()),
    "a refund's charge": ("refund.created", refund(), "charge", charge()),
    "a refund's payment": ("refund.created", refund(), "payment_intent", payment_intent()),
    "a dispute's charge": ("charge.dispute.created", dispute(), "charge", charge()),
    "a dispute's payment": ("charge.dispute.created", dispute(), "payment_intent", payment_intent()),
    "an invoice payment's invoice": ("invoice_payment.paid", invoice_payment(), "invoice", invoice()),
    "an invoice payment's payment": (
        "invoice_payment.paid",
        invoice_payment(),
        "payment",
        {"payment_intent": payment_intent(), "type": "payment_intent"},
    ),
    "an invoice payment's charge": (
        "invoice_payment.paid",
        invoice_payment(payment={"charge": "ch_1", "type": "charge"}),
        "payment",
        {"charge": charge(), "type": "charge"},
    ),
    "a failed refund's balance transaction": (
        "refund.failed",
        refund(status="failed", failure_balance_transaction="txn_1"),
        "failure_balance_transaction",
        {"id": "txn_1", "object": "balance_transaction"},
    ),
    "a product within an item's price": (
        SUBSCRIPTION,
        subscription(),
        "items",
        listed(item(price=price(product={"id": "prod_1", "object": "product", "name": "Pro"}))),
    ),
    "a product of a line": (
        INVOICE,
        invoice(lines=listed(line("prod_1"))),
        "lines",
        listed({"pricing": {"price_details": {"price": price(), "product": {"id": "prod_1"}}}}),
    ),
    "a deleted product within an older line's price": (
        INVOICE,
        invoice(lines=listed(line("prod_1"))),
        "lines",
        listed({"price": price(product={"id": "prod_1", "object": "product", "deleted": True})}),
    ),
    "a discount's customer": ("customer.discount.created", discount(), "customer", customer()),
    "a discount's subscription": (
        "customer.discount.created",
        discount(subscription="sub_1"),
        "subscription",
        subscription(),
    ),
}


@pytest.mark.parametrize("reference", EXPANDED)
def test_an_object_where_its_id_could_stand_tells_the_same(reference: str) -> None:
    type, plain, field, object = EXPANDED[reference]
    assert facts(type, {**plain, field: object}) == facts(type, plain)


@pytest.mark.parametrize("reference", [key for key in EXPANDED if key.endswith("customer")])
def test_so_does_what_is_left_of_a_deleted_object(reference: str) -> None:
    type, plain, field, _ = EXPANDED[reference]
    left = {"id": "cus_1", "object": "customer", "deleted": True}
    assert facts(type, {**plain, field: left}) == facts(type, plain)


def test_a_discount_of_a_deleted_coupon_is_read_without_its_terms() -> None:
    left = {"id": "WELCOME", "object": "coupon", "deleted": True}
    given = discount(source={"coupon": left, "type": "coupon"})
    assert facts("customer.discount.created", given) == facts("customer.discount.created", discount())
    assert "creation" in parked("coupon.deleted", left)


def test_a_deleted_customer_of_three_keys_is_gone_and_says_nothing_else() -> None:
    told = facts("customer.deleted", {"id": "cus_1", "object": "customer", "deleted": True})
    assert told == {"stripe/evt_1/customer": CustomerSeen(id="cus_1", now=NOT_SHOWN, last=True)}


def test_a_deleted_product_of_three_keys_is_gone() -> None:
    told = facts("product.deleted", {"id": "prod_1", "object": "product", "deleted": True})
    assert told == {"stripe/evt_1/product": ProductSeen(id="prod_1", now=Product(name=""), last=True)}
    assert "name" in parked("product.updated", {"id": "prod_1", "object": "product"})


def test_an_item_without_price_or_plan_is_no_item() -> None:
    bare = subscription(items=listed(without(item(), "price")))
    assert "neither price nor plan" in parked(SUBSCRIPTION, bare)


@pytest.mark.parametrize("type", ["one_time", None])
def test_a_price_without_recurring_has_no_interval(type: str | None) -> None:
    once = without(price(type=type), "recurring")
    assert facts("price.created", once) == facts("price.created", price(recurring=None))
