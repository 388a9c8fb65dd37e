"""Worlds of one or two objects that do everything at once: several changes within a second, changes that are
taken back, ends, messages that are missing, and pages of lists. What is told is always true."""

from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

from ledgerstone.demo.stripe_shapes import changes
from tests.plain.history import Json
from tests.stripe_objects import (
    BORN,
    NOW,
    charge,
    coupon,
    customer,
    discount,
    dispute,
    event,
    invoice,
    invoice_payment,
    item,
    listed,
    marks,
    payment_intent,
    price,
    refund,
    subscription,
)

TIERS = [
    {"up_to": 3, "unit_amount_decimal": "1000", "flat_amount_decimal": "500"},
    {"up_to": None, "unit_amount_decimal": "800", "flat_amount_decimal": None},
]
LATER = st.sampled_from([0, 0, 0, 0, 1, 200, 301, 40 * 86_400])
NAMES = st.permutations([f"evt_{letter}" for letter in "abcdefghijklmnop"])
Change = Callable[[Json, int], Json]
Said = tuple[str, int, Json, Json | None]
"""Of an event its type and time, the object, and what was before."""


def tiered() -> Json:
    """As an item shows it: without its tiers."""
    tiers: Json = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    return price(id="price_t", unit_amount=None, unit_amount_decimal=None, **tiers)


def _status(status: str) -> Change:
    return lambda it, at: {**it, "status": status}


def _quantity(quantity: int) -> Change:
    return lambda it, at: {**it, "items": listed(item(quantity=quantity))}


def _end(status: str) -> Change:
    return lambda it, at: {**it, "status": status, "ended_at": at, "canceled_at": at}


CHANGES: dict[str, Change] = {
    "active": _status("active"),
    "past due": _status("past_due"),
    "unpaid": _status("unpaid"),
    "trial": lambda it, at: {**it, "status": "trialing", "trial_end": at + 200},
    "three": _quantity(3),
    "five": _quantity(5),
    "tiered": lambda it, at: {**it, "items": listed(item(price=tiered()), item(id="si_2"))},
    "half": lambda it, at: {**it, "discounts": ["di_half"]},
    "full": lambda it, at: {**it, "discounts": []},
    "hold": lambda it, at: {**it, "pause_collection": {"behavior": "void", "resumes_at": None}},
    "release": lambda it, at: {**it, "pause_collection": None},
    "leave": lambda it, at: {**it, "cancel_at_period_end": True, "canceled_at": at},
    "stay": lambda it, at: {**it, "cancel_at_period_end": False, "canceled_at": None},
    "note": lambda it, at: {**it, "metadata": {"note": str(len(it["metadata"]))}},
    "nothing": lambda it, at: it,
}


CALM = ["three", "five", "half", "full", "hold", "release", "leave", "stay", "tiered"]
"""Changes that leave the status alone, so that ranks are equal."""


@st.composite
def subscriptions(draw: st.DrawFn, most: int = 7) -> list[Json]:
    """What is told of one subscription; half of them live through one calm second."""
    calm = draw(st.booleans())
    at = NOW
    told: list[Said] = []
    it = subscription(status=draw(st.sampled_from(["incomplete", "trialing", "active"])), start_date=at)
    if draw(st.booleans()):
        told.append(("customer.subscription.created", at, it, None))
    some = st.lists(st.sampled_from(CALM if calm else sorted(CHANGES)), min_size=most // 2, max_size=most)
    at += draw(st.sampled_from([0, 1]))
    for name in draw(some):
        at += 0 if calm else draw(LATER)
        after = CHANGES[name](it, at)
        verb = "trial_will_end" if after == it else "updated"
        told.append((f"customer.subscription.{verb}", at, after, None if after == it else changes(it, after)))
        it = after
    if draw(st.booleans()):
        at += draw(LATER)
        gone = _end("canceled")(it, at)
        told.append(("customer.subscription.updated", at, gone, changes(it, gone)))
        told.append(("customer.subscription.deleted", at, gone, None))
    return _told(draw, told, "s")


@st.composite
def invoices(draw: st.DrawFn) -> list[Json]:
    """What is told of one invoice: finalised, perhaps given up, paid or voided, often within a second."""
    at = NOW
    told: list[Said] = []
    it = invoice(status="draft", created=at, status_transitions=marks(), number=None)
    told.append(("invoice.created", at, it, None))
    for status in draw(st.sampled_from(WAYS)):
        at += draw(LATER)
        after = _turned(it, status, at)
        at += draw(st.sampled_from([0, 0, 5]))  # told later than it was
        told.append(("invoice.updated", at, after, changes(it, after)))
        told.append((f"invoice.{VERBS[status]}", at, after, None))
        it = after
    if draw(st.booleans()):
        at += draw(LATER)
        after = {**it, "number": "N-0002"}
        told.append(("invoice.updated", at, after, changes(it, after)))
        it = after
    if it["status"] == "draft" and draw(st.booleans()):
        told.append(("invoice.deleted", at + draw(LATER), it, None))
    return _told(draw, told, "i")


WAYS = [
    (),
    ("open",),
    ("open", "paid"),
    ("open", "void"),
    ("open", "uncollectible"),
    ("open", "uncollectible", "paid"),
]
VERBS = {"open": "finalized", "paid": "paid", "void": "voided", "uncollectible": "marked_uncollectible"}
MARKS = {
    "open": "finalized_at",
    "paid": "paid_at",
    "void": "voided_at",
    "uncollectible": "marked_uncollectible_at",
}


def _turned(it: Json, status: str, at: int) -> Json:
    amounts = {"amount_paid": 12_500, "amount_remaining": 0} if status == "paid" else {}
    transitions = {**it["status_transitions"], MARKS[status]: at}
    return {**it, **amounts, "status": status, "number": "N-0001", "status_transitions": transitions}


@st.composite
def catalogues(draw: st.DrawFn) -> list[Json]:
    """A price with tiers, a coupon of two lives, and a discount that takes the first one's terms."""
    lasting = draw(st.sampled_from(["forever", "forever", "once"]))
    first, again = (
        coupon(id="HALF", percent_off=50, duration=lasting),
        coupon(id="HALF", percent_off=10, created=NOW + 5),
    )
    ends = draw(st.sampled_from([None, NOW + 200, NOW + 10 * 86_400]))
    half = discount(id="di_half", source={"coupon": "HALF"}, start=NOW, end=ends, subscription="sub_1")
    whole = {**tiered(), "tiers": TIERS}
    told: list[Said] = [
        ("price.created", BORN, whole, None),
        ("price.updated", NOW + 1, tiered(), {"active": False}),
        ("coupon.created", BORN, first, None),
        ("coupon.deleted", NOW + 5, {**first, "deleted": True}, None),
        ("coupon.created", NOW + 5, again, None),
        ("customer.discount.created", NOW, half, None),
    ]
    if draw(st.booleans()):
        told.append(("customer.discount.deleted", NOW + draw(st.sampled_from([0, 300])), half, None))
    own = discount(id="di_own", source={"coupon": "HALF"}, start=NOW + 1)
    rich, poor = customer(discount=own), customer(discount=None)
    told.append(("customer.updated", NOW + 1, rich, {"discount": None}))
    told.append(("customer.discount.created", NOW + 1, own, None))
    if draw(st.booleans()):
        told.append(("customer.updated", NOW + 400, poor, {"discount": own}))
    return _told(draw, told, "c")


@st.composite
def payments(draw: st.DrawFn) -> list[Json]:
    """What is told of one payment: tried, received, used for an invoice, given back, and disputed."""
    asked, link = payment_intent(status="requires_payment_method", created=NOW), invoice_payment()
    paid, taken = charge(created=NOW + 1), {**asked, "status": "succeeded"}
    declined = charge(id="ch_0", status="failed", captured=False, created=NOW, failure_code="expired_card")
    sent = refund(status="pending", created=NOW + 60)
    arrived, lost = {**sent, "status": "succeeded"}, {**sent, **FAILED}
    asked_back = dispute(created=NOW + 90)
    at = st.sampled_from([60, 60, 61, 86_400])
    told: list[Said] = [
        ("payment_intent.created", NOW, asked, None),
        ("charge.failed", NOW, declined, None),
        ("payment_intent.payment_failed", NOW, asked, None),
        ("charge.succeeded", NOW + 1, paid, None),
        ("payment_intent.succeeded", NOW + 1, taken, None),
        ("invoice_payment.paid", NOW + 2, link, None),
        ("charge.updated", NOW + 5, {**paid, "description": "Thanks"}, {"description": None}),
        ("refund.created", NOW + 60, sent, None),
        ("refund.updated", NOW + draw(at), arrived, {"status": "pending"}),
        ("charge.refund.updated", NOW + draw(at), arrived, {"status": "pending"}),
        ("charge.refunded", NOW + draw(at), {**paid, "amount_refunded": 5_000}, {"amount_refunded": 0}),
    ]
    if draw(st.booleans()):
        told.append(("refund.failed", NOW + 90_000, lost, None))
    told.append(("charge.dispute.created", NOW + 90, asked_back, None))
    told.append(("charge.dispute.funds_withdrawn", NOW + 90, asked_back, None))
    if draw(st.booleans()):
        told.append(("charge.dispute.funds_reinstated", NOW + 900, {**asked_back, "status": "won"}, None))
    return _told(draw, told, "p")


FAILED = {"status": "failed", "failure_balance_transaction": "txn_1", "failure_reason": "unknown"}


def _told(draw: st.DrawFn, said: Sequence[Said], about: str) -> list[Json]:
    """Events of names that say nothing of their order, some of them missing, and pages between them."""
    names = draw(NAMES)
    events = [
        event(type, object, previous, id=f"{names[n]}_{about}", created=at)
        for n, (type, at, object, previous) in enumerate(said)
    ]
    missing = draw(st.sets(st.integers(0, max(0, len(events) - 1)), max_size=3))
    pages = draw(st.lists(st.tuples(st.integers(0, 15), st.sampled_from([0, 1, 299, 300, 301])), max_size=2))
    kept = [each for n, each in enumerate(events) if n not in missing]
    return [*kept, *_pages(said, pages)]


def _pages(said: Sequence[Said], when: Sequence[tuple[int, int]]) -> list[Json]:
    """Objects as a list showed them so long after one of their events."""
    found: dict[tuple[str, int], Json] = {}
    for after, late in when:
        if after < len(said):
            requested = said[after][1] + late
            it = [object for _, at, object, _ in said if at <= requested and _same(object, said[after][2])]
            if it[-1]["object"] in ("subscription", "invoice"):
                found[it[-1]["id"], requested] = {"swept": it[-1], "requested": requested}
    return list(found.values())


def _same(one: Json, other: Json) -> bool:
    return (one["object"], one["id"]) == (other["object"], other["id"])


def tiny_worlds() -> st.SearchStrategy[list[Json]]:
    """All together."""
    parts = st.tuples(subscriptions(), invoices(), catalogues(), payments())
    return parts.map(lambda each: [message for part in each for message in part])


def _some(told: list[Json], random: Random) -> list[Json]:
    """In another order, since only the first are taken."""
    return random.sample(told, len(told))


def tinier_worlds(most: int) -> st.SearchStrategy[list[Json]]:
    """At most so many messages of one or two objects: few enough to tell them in every order."""
    two = st.one_of(
        subscriptions(most=4),
        invoices(),
        st.tuples(payments(), st.randoms(use_true_random=False)).map(lambda both: _some(*both)),
        st.tuples(subscriptions(most=2), catalogues()).map(lambda both: [*both[0][:3], *both[1][:2]]),
    )
    return two.map(lambda told: told[:most])
