"""Each field that a version of Stripe's API moved or retyped: the older place tells the same facts.

By the version that took the older place away, as in https://docs.stripe.com/changelog."""

from typing import Any

import pytest

from ledgerstone.ledger.invoices import InvoiceSeen
from ledgerstone.ledger.payments import PaymentApplied, RefundRequested, RefundSeen
from ledgerstone.ledger.subscriptions import SubscriptionSeen
from tests.stripe_money import credit_note, older_credit_note
from tests.stripe_objects import (
    BORN,
    NOW,
    Json,
    charge,
    coupon,
    discount,
    dispute,
    event,
    facts,
    heard,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    marks,
    payment_intent,
    price,
    read,
    refund,
    subscription,
    without,
)

SUBSCRIPTION, INVOICE = "customer.subscription.updated", "invoice.paid"


def plan(**fields: Any) -> Json:
    """The price of `stripe_objects` in the words of before May 2020."""
    return {
        "id": "price_1",
        "object": "plan",
        "amount": 4900,
        "amount_decimal": "4900",
        "billing_scheme": "per_unit",
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "product": "prod_1",
        "tiers_mode": None,
        "transform_usage": None,
        "usage_type": "licensed",
        **fields,
    }


GIVEN = discount(source={"coupon": coupon(), "type": "coupon"})
GIVEN_BEFORE_CLOVER = without(GIVEN, "source", coupon=coupon())
PERIOD = {"current_period_start": BORN, "current_period_end": NOW}
OLD_PARENT = {"subscription": "sub_1", "subscription_details": {"metadata": {}}}
OLD_LINE = {"id": "il_1", "object": "line_item", "type": "subscription", "proration": False}
ALL_REFUNDED: Json = {
    "post_payment_amount": 6_000,
    "pre_payment_amount": 0,
    "refunds": [{"amount_refunded": 6_000, "refund": "re_1"}],
    "out_of_band_amount": None,
    "customer_balance_transaction": None,
}

MOVED: dict[str, tuple[str, Json, Json]] = {
    "basil: the period of a subscription is that of its items": (
        SUBSCRIPTION,
        subscription(items=listed(item(**PERIOD))),
        subscription(**PERIOD),
    ),
    "basil: a subscription's one discount": (
        SUBSCRIPTION,
        subscription(discounts=[GIVEN]),
        without(subscription(discount=GIVEN_BEFORE_CLOVER), "discounts"),
    ),
    "clover: a discount's coupon": (
        "customer.discount.created",
        GIVEN,
        GIVEN_BEFORE_CLOVER,
    ),
    "clover: a coupon within a source that is empty": (
        "customer.discount.created",
        GIVEN,
        {**GIVEN_BEFORE_CLOVER, "source": {"coupon": None, "type": "coupon"}},
    ),
    "2020-08-27: an item's plan": (
        SUBSCRIPTION,
        subscription(),
        subscription(items=listed(without(item(), "price", plan=plan()))),
    ),
    "a plan and a quantity of the whole subscription say nothing more": (
        SUBSCRIPTION,
        subscription(),
        subscription(plan=plan(amount=1), quantity=99),
    ),
    "dahlia: decimals beside whole quantities": (
        SUBSCRIPTION,
        subscription(items=listed(item(quantity_decimal="2"))),
        subscription(),
    ),
    "dahlia: an exact price without its decimal text": (
        SUBSCRIPTION,
        subscription(),
        subscription(items=listed(item(price=without(price(), "unit_amount_decimal")))),
    ),
    "endive: why a subscription is paused": (
        SUBSCRIPTION,
        subscription(status="paused", status_details={"paused": {"type": "subscription"}}),
        subscription(status="paused"),
    ),
    "basil: an invoice's subscription": (INVOICE, invoice(), without(invoice(**OLD_PARENT), "parent")),
    "basil: an invoice's subscription beside an empty parent": (
        INVOICE,
        invoice(),
        invoice(**OLD_PARENT, parent=None),
    ),
    "basil: an invoice's taxes": (
        INVOICE,
        invoice(),
        without(invoice(total_tax_amounts=[{"amount": 2_000}, {"amount": 500}], tax=2_500), "total_taxes"),
    ),
    "basil: an invoice's tax in one sum": (INVOICE, invoice(), without(invoice(tax=2_500), "total_taxes")),
    "basil: an invoice's charge, payment intent and whether it is paid": (
        INVOICE,
        invoice(status="paid", amount_paid=12_500, amount_remaining=0),
        invoice(
            status="paid",
            amount_paid=12_500,
            amount_remaining=0,
            paid=True,
            paid_out_of_band=False,
            charge="ch_1",
            payment_intent="pi_1",
        ),
    ),
    "basil: what was paid out of band counts as paid, and dahlia says how much": (
        INVOICE,
        invoice(status="paid", amount_paid=12_500, amount_remaining=0, amount_paid_off_stripe=12_500),
        without(invoice(status="paid", paid=True, paid_out_of_band=True), "amount_paid_off_stripe"),
    ),
    "basil: a line's price": (
        INVOICE,
        invoice(lines=listed(line("prod_1"))),
        invoice(lines=listed({**OLD_LINE, "price": price(), "plan": plan(), "subscription_item": "si_1"})),
    ),
    "2020-08-27: a line's plan": (
        INVOICE,
        invoice(lines=listed(line("prod_1"))),
        invoice(lines=listed({**OLD_LINE, "price": None, "plan": plan()})),
    ),
    "an invoice from before there were statuses (2018): open": (
        INVOICE,
        invoice(),
        invoice(status=None, paid=False),
    ),
    "an invoice from before there were statuses (2018): paid": (
        INVOICE,
        invoice(status="paid"),
        invoice(status=None, paid=True),
    ),
    "an invoice from before there were statuses (2018): draft": (
        INVOICE,
        invoice(status="draft", status_transitions=marks()),
        invoice(status=None, paid=False, status_transitions=marks()),
    ),
    "basil: a payment intent's invoice": (
        "payment_intent.succeeded",
        payment_intent(),
        payment_intent(invoice="in_1"),
    ),
    "2022-11-15: a payment intent's charges": (
        "payment_intent.succeeded",
        payment_intent(latest_charge="ch_1"),
        payment_intent(charges=listed(charge())),
    ),
    "basil: a credit note's refunds, and its parts": (
        "credit_note.created",
        credit_note(**ALL_REFUNDED),
        older_credit_note(refund="re_1"),
    ),
    "endive: a dispute's status that no version before had": (
        "charge.dispute.updated",
        dispute(status="appeal_under_review"),
        dispute(status="under_review"),
    ),
}


@pytest.mark.parametrize("moved", MOVED)
def test_the_older_place_tells_the_same(moved: str) -> None:
    type, newest, older = MOVED[moved]
    assert facts(type, older) == facts(type, newest)
    assert facts(type, older)


NEWEST_FIRST: dict[str, tuple[str, Json, Json]] = {
    "a subscription's discounts": (
        SUBSCRIPTION,
        subscription(discounts=["di_2"]),
        subscription(discounts=["di_2"], discount=GIVEN_BEFORE_CLOVER),
    ),
    "a discount's coupon": (
        "customer.discount.created",
        GIVEN,
        {**GIVEN, "coupon": coupon(id="OTHER")},
    ),
    "an item's price": (
        SUBSCRIPTION,
        subscription(),
        subscription(items=listed(item(plan=plan(amount=1, amount_decimal="1")))),
    ),
    "an invoice's subscription": (INVOICE, invoice(), invoice(subscription="sub_2")),
    "an invoice's taxes": (INVOICE, invoice(), invoice(total_tax_amounts=[{"amount": 1}], tax=1)),
    "a line's price": (
        INVOICE,
        invoice(lines=listed(line("prod_1"))),
        invoice(lines=listed({**line("prod_1"), "price": price(product="prod_9")})),
    ),
}


@pytest.mark.parametrize("field", NEWEST_FIRST)
def test_where_both_places_are_filled_the_newest_is_read(field: str) -> None:
    type, newest, both = NEWEST_FIRST[field]
    assert facts(type, both) == facts(type, newest)


def before(type: str, object: Json, previous: Json) -> Any:
    """What the one observation of an update says of the state before it."""
    seen = next(
        fact
        for fact in facts(type, object, previous).values()
        if isinstance(fact, InvoiceSeen | SubscriptionSeen)
    )
    return seen.before


PREVIOUS: dict[str, tuple[str, tuple[Json, Json], tuple[Json, Json]]] = {
    "basil: the period of a subscription": (
        SUBSCRIPTION,
        (subscription(items=listed(item(**PERIOD))), {"items": {"data": [item(current_period_end=BORN)]}}),
        (subscription(**PERIOD), {"current_period_end": BORN}),
    ),
    "basil: a discount that was not there": (
        SUBSCRIPTION,
        (subscription(discounts=["di_1"]), {"discounts": []}),
        (without(subscription(discount=GIVEN_BEFORE_CLOVER), "discounts"), {"discount": None}),
    ),
    "2020-08-27: another plan": (
        SUBSCRIPTION,
        (subscription(), {"items": {"data": [item(price=price(unit_amount=1, unit_amount_decimal="1"))]}}),
        (
            subscription(items=listed(without(item(), "price", plan=plan()))),
            {"items": {"data": [without(item(), "price", plan=plan(amount=1, amount_decimal="1"))]}},
        ),
    ),
    "basil: another sum of tax": (
        INVOICE,
        (invoice(), {"total_taxes": [{"amount": 1}]}),
        (without(invoice(tax=2_500), "total_taxes"), {"tax": 1}),
    ),
    "basil: unpaid, before it was paid out of band": (
        INVOICE,
        (
            invoice(status="paid", amount_paid=12_500, amount_remaining=0, amount_paid_off_stripe=12_500),
            {"status": "open", "amount_paid": 0, "amount_remaining": 12_500, "amount_paid_off_stripe": 0},
        ),
        (
            without(invoice(status="paid", paid=True, paid_out_of_band=True), "amount_paid_off_stripe"),
            {"status": "open", "paid": False, "paid_out_of_band": False},
        ),
    ),
}


@pytest.mark.parametrize("moved", PREVIOUS)
def test_what_was_before_is_read_from_the_older_place_too(moved: str) -> None:
    type, newest, older = PREVIOUS[moved]
    assert before(type, *older) == before(type, *newest)


def test_a_charge_that_names_its_invoice_tells_what_an_invoice_payment_does() -> None:
    """Until 2025-03-31; one name, so that it happens once whichever message comes first."""
    name, fact = "applied/in_1/pi_1", PaymentApplied("in_1", "pi_1", 12_500, "usd")
    assert facts("charge.succeeded", charge(invoice="in_1"))[name] == fact
    assert facts("invoice_payment.paid", invoice_payment())[name] == fact
    assert name not in facts("charge.succeeded", charge())
    assert name not in facts("charge.updated", charge(invoice="in_1"))
    assert name not in facts("charge.failed", charge(invoice="in_1", status="failed", captured=False))


def test_a_debit_pays_its_invoice_when_it_succeeds_not_when_it_is_asked_for() -> None:
    debit = charge(invoice="in_1", created=NOW - 5 * 86_400)
    *_, row = read(event("charge.succeeded", debit)).rows
    assert (row.name, row.happened_at.timestamp()) == ("applied/in_1/pi_1", NOW)


def test_an_invoice_that_lists_its_payments_tells_of_them_too() -> None:
    """Since 2025-03-31, where the list was asked for; under the same name and at the same time."""
    links = [invoice_payment(), invoice_payment(id="inpay_2", status="open", payment=OTHER)]
    listing = read(event("invoice.paid", invoice(payments=listed(*links)))).rows
    alone = read(event("invoice_payment.paid", invoice_payment())).rows
    applied = [(row.name, row.happened_at, row.body) for row in listing if row.name.startswith("applied/")]
    assert applied == [(row.name, row.happened_at, row.body) for row in alone[1:]]


OTHER = {"payment_intent": "pi_2", "type": "payment_intent"}


def test_a_refunded_charge_tells_of_the_refunds_that_it_shows() -> None:
    """Until 2022-11-15. What the list does not show is left to the refunds' own messages."""
    shown = charge(refunds=listed(refund(), refund(id="re_2", status="pending")), amount_refunded=10_000)
    told = facts("charge.refunded", shown)
    assert told["stripe/evt_1/refund/re_2"] == RefundSeen(
        id="re_2", payment="pi_1", now=seen_refund("pending").now
    )
    assert told["refund/re_1/requested"] == RefundRequested("re_1", "pi_1", 5_000, "usd", charge="ch_1")
    assert "refund/re_1/settled" in told
    assert "refund/re_2/settled" not in told
    assert set(facts("charge.refunded", charge(amount_refunded=10_000))) == {"charge/ch_1/captured"}


def seen_refund(status: str) -> RefundSeen:
    fact = facts("refund.created", refund(status=status))["stripe/evt_1/refund"]
    assert isinstance(fact, RefundSeen)
    return fact


@pytest.mark.parametrize("version", [None, "1999-12-31", "2031-01-01.zinnia", 7, ""])
def test_a_version_that_is_missing_or_unknown_is_tried(version: Any) -> None:
    message = read(event(SUBSCRIPTION, subscription(), api_version=version))
    assert heard(message).parked is None
    assert len(message.rows) == 2
    unusable = read(event(SUBSCRIPTION, {"id": "sub_1"}, api_version=version))
    assert "customer" in str(heard(unusable).parked)
