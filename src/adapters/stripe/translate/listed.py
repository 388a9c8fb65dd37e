"""What is to be recorded when one of Stripe's lists shows this object?

A list says what an object is, not what happened to it nor when, and may lag behind. So what it shows counts
from five minutes before the request: any event since then wins."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ledgerstone.adapters.stripe import strict_json
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.message import Message, facts, row
from ledgerstone.ledger.evidence import StripeObjectListed
from ledgerstone.ledger.recorded import Book, Recorded

LAG = timedelta(minutes=5)
"""By how much Stripe's lists may be behind its events."""

READ_AS = {
    "balance_transaction": "balance_transaction",
    "charge": "charge.updated",
    "coupon": "coupon.updated",
    "customer": "customer.updated",
    "dispute": "charge.dispute.updated",
    "invoice": "invoice.updated",
    "payment_intent": "payment_intent.processing",
    "payout": "payout.updated",
    "price": "price.updated",
    "product": "product.updated",
    "refund": "refund.updated",
    "subscription": "customer.subscription.updated",
}
"""Which event would show the same object, and tell of no change; what no event shows is read by its kind.
Objects of other kinds are not swept."""


def read_listed(body: bytes, *, requested: datetime, account: str | None, livemode: bool) -> Message:
    """What one object of a list becomes: its evidence, named
    `swept/<object>/<request start>`, and what it shows. Whether that says anything new is for the caller to
    find out, with `timeline.says_more`.

    Raises Unreadable for what is not an object that can be swept. An object of the other mode is ignored."""
    shown, oddity = strict_json.parse(body)
    kind, id = _kind(shown), shown["id"]
    if shown.get("livemode", livemode) is not livemode:
        return Message(ignored="livemode")
    listed = StripeObjectListed(
        id=id,
        object=kind,
        requested=requested.replace(microsecond=0),
        account=account,
        livemode=livemode,
        payload=body,
    )
    name, at, book = listed.name, listed.requested - LAG, Book(account or "", livemode)
    page = Envelope(
        id=id,
        type=READ_AS[kind],
        created=at,
        livemode=livemode,
        object=shown,
        previous=None,
        account=account,
        parked=oddity,
        swept=name,
    )
    told, parked = facts(page)
    evidence = Recorded(name=name, book=book, happened_at=at, body=replace(listed, parked=parked))
    return Message(rows=(evidence, *[row(each, book, name) for each in told]))


def _kind(shown: Any) -> str:
    kind = shown.get("object") if isinstance(shown, dict) else None
    if kind not in READ_AS or not isinstance(shown.get("id"), str):
        raise Unreadable("this is not an object with an id, of a kind that is swept from lists")
    return str(kind)
