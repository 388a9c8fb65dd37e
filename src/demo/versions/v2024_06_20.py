"""From basil to 2024-06-20 (acacia, for what is read here): an invoice has one payment and knows it, and so
does the payment; its subscription and its lines' prices stand in the invoice itself; a subscription has one
period.

https://docs.stripe.com/changelog/basil/2025-03-31"""

from ledgerstone.demo.stripe_shapes import Json
from ledgerstone.demo.versions.known import Known, invoice_of
from ledgerstone.demo.versions.steps import Step, without

PERIOD = ("current_period_start", "current_period_end")


def subscription(it: Json, known: Known) -> Json:
    """The period of its first item is that of all; a discount is shown whole where it is the only one."""
    items = it["items"]["data"]
    listed = {**it["items"], "data": [without(item, *PERIOD) for item in items]}
    period = {name: items[0][name] for name in PERIOD}
    only = it["discounts"][0] if len(it["discounts"]) == 1 else None
    return {**it, **period, "items": listed, "discount": known.get("discount", only) if only else None}


def invoice(it: Json, known: Known) -> Json:
    intents = known.within("payment_intent", it["id"])
    intent = intents[-1] if intents else None
    details = it["parent"]["subscription_details"]
    rest = without(it, "parent", "total_taxes", "amount_overpaid")
    return {
        **rest,
        "application_fee_amount": None,
        "charge": intent["latest_charge"] if intent else None,
        "discount": None,
        "paid": it["status"] == "paid",
        "paid_out_of_band": False,
        "payment_intent": intent["id"] if intent else None,
        "quote": None,
        "subscription": details["subscription"],
        "subscription_details": {"metadata": details["metadata"]},
        "tax": sum(tax["amount"] for tax in it["total_taxes"]) if it["total_taxes"] else None,
        "total_tax_amounts": tax_amounts(it["total_taxes"]),
        "transfer_data": None,
    }


def line(it: Json, known: Known) -> Json:
    details = it["parent"]["subscription_item_details"]
    return {
        **without(it, "parent", "pricing", "taxes", "subtotal"),
        **priced(it, known),
        "amount_excluding_tax": it["amount"],
        "invoice_item": details["invoice_item"],
        "proration": details["proration"],
        "proration_details": details["proration_details"],
        "subscription_item": details["subscription_item"],
        "tax_amounts": tax_amounts(it["taxes"]),
        "tax_rates": [],
        "type": "invoiceitem" if details["invoice_item"] else "subscription",
        "unit_amount_excluding_tax": it["pricing"]["unit_amount_decimal"],
    }


def invoice_item(it: Json, known: Known) -> Json:
    details, priced_at = it["parent"]["subscription_details"], priced(it, known)
    rest = without(it, "parent", "pricing", "net_amount")
    return {**rest, **priced_at, **details, "unit_amount": priced_at["price"]["unit_amount"]}


def priced(it: Json, known: Known) -> Json:
    """The price whole, and the same as a plan. Tiers are never shown within another object."""
    id = it["pricing"]["price_details"]["price"]
    return {"price": without(known.get("price", id) or {}, "tiers"), "plan": known.get("plan", id)}


def tax_amounts(taxes: list[Json]) -> list[Json]:
    return [
        {
            "amount": tax["amount"],
            "inclusive": tax["tax_behavior"] == "inclusive",
            "tax_rate": tax["tax_rate_details"]["tax_rate"],
            "taxability_reason": tax["taxability_reason"],
            "taxable_amount": tax["taxable_amount"],
        }
        for tax in taxes
    ]


def payment_intent(it: Json, known: Known) -> Json:
    return {**without(it, "payment_details"), "invoice": invoice_of(it)}


def charge(it: Json, known: Known) -> Json:
    intent = known.get("payment_intent", it["payment_intent"])
    return {**it, "invoice": invoice_of(intent) if intent else None}


def credit_note(it: Json, known: Known) -> Json:
    refunds = it["refunds"]
    rest = without(it, "refunds", "total_taxes", "pre_payment_amount", "post_payment_amount")
    refund = refunds[0]["refund"] if refunds else None
    return {**rest, "refund": refund, "tax_amounts": tax_amounts(it["total_taxes"])}


def credit_note_line(it: Json, known: Known) -> Json:
    return {**without(it, "taxes"), "tax_amounts": tax_amounts(it["taxes"])}


STEP = Step(
    "2024-06-20",
    {
        "subscription": subscription,
        "invoice": invoice,
        "line_item": line,
        "invoiceitem": invoice_item,
        "payment_intent": payment_intent,
        "charge": charge,
        "credit_note": credit_note,
        "credit_note_line_item": credit_note_line,
    },
    frozenset({"invoice_payment.paid", "invoice.overpaid"}),
)
