"""One example of every fact, with memorable names, for all tests; and the file of rows as first released.

Acme AB in Stockholm pays for five seats of the Pro plan, monthly and 20 % off. Its November invoice was
refunded once and disputed once."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from ledgerstone.ledger import (
    catalogue,
    connect,
    credit_notes,
    customer_balances,
    customers,
    evidence,
    fx,
    invoices,
    payments,
    payouts,
    platform,
    reserves,
    schedules,
    subscriptions,
    topups,
)
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.facts import AnyFact, tag
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded, encode
from ledgerstone.ledger.sales_tax import Tax
from tests.bank_examples import BANK
from tests.period_examples import PERIODS

JOURNAL = Path(__file__).with_name("journal.jsonl")

ACME, PRO, SEAT = "cus_acme", "prod_pro", "price_pro_monthly"
IN, PI, CH, SUB = "in_acme_november", "pi_acme_november", "ch_acme_november", "sub_acme"
AT = datetime(2026, 11, 4, 9, 30, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 4, 9, 30, tzinfo=UTC)
BOOK = Book()
CAUSE = "stripe/evt_acme"
PAYLOAD = b'{"id": "evt_acme", "type": "invoice.paid", "pending_webhooks": 1}'

seat = catalogue.Price(product=PRO, currency="eur", unit_amount="1000", interval="month")
tiers = (catalogue.Tier(up_to=10, unit="1000"), catalogue.Tier(unit="800", flat="500"))
coupon = catalogue.Coupon(created=AT, duration="repeating", percent_off="20")
discount = catalogue.Discount(customer=ACME, coupon="WELCOME", start=AT, end=NEXT_MONTH, subscription=SUB)
seats = subscriptions.Item(id="si_acme", price=SEAT, terms=seat, quantity=5, discounts=("di_acme",))
trial = subscriptions.Subscription(
    customer=ACME, status="trialing", currency="eur", items=(seats,), started_at=AT, trial_end=NEXT_MONTH
)
active = msgspec.structs.replace(trial, status="active", discounts=("di_acme",))
more_seats = schedules.Schedule(
    status="active",
    created_at=AT,
    phases=(
        schedules.Phase(
            start=NEXT_MONTH,
            end=datetime(2027, 12, 4, 9, 30, tzinfo=UTC),
            items=(schedules.PlannedItem(price=SEAT, quantity=8),),
            discounts=(schedules.Promise(coupon="WELCOME"),),
            proration="none",
        ),
    ),
    end_behavior="release",
    customer=ACME,
    subscription=SUB,
    pauses=(schedules.PlannedPause(at=NEXT_MONTH),),
)
draft = invoices.Invoice(
    status="draft",
    currency="eur",
    created_at=AT,
    total=5000,
    tax=1000,
    amount_due=5000,
    amount_paid=0,
    amount_remaining=5000,
    customer=ACME,
    subscription=SUB,
    plans=(PRO,),
)
paid = msgspec.structs.replace(
    draft, status="paid", number="A-0011", amount_paid=5000, amount_remaining=0, finalized_at=AT, paid_at=AT
)
month = invoices.ServiceLine(net=4000, plan=PRO, start=AT.date(), end=NEXT_MONTH.date(), subscription=SUB)
intent = payments.Payment(status="succeeded", amount=5000, currency="eur", created_at=AT, customer=ACME)

FACTS: dict[str, AnyFact] = {
    CAUSE: evidence.StripeEventHeard(
        id="evt_acme",
        event_type="invoice.paid",
        created=AT,
        payload=PAYLOAD,
        source="webhook",
        signature="t=1793784600,v1=5257a869",
        api_version="2026-03-25.dahlia",
    ),
    f"swept/{SUB}/1793784600": evidence.StripeObjectListed(
        id=SUB, object="subscription", requested=AT, payload=b'{"id": "sub_acme"}'
    ),
    f"{CAUSE}/read/1": evidence.EvidenceRead(
        first=CAUSE, event_type="invoice.paid", api_version="2026-03-25.dahlia", source="webhook", parked=True
    ),
    f"{CAUSE}/conflict/8d969eef6eca": evidence.EvidenceConflict(
        first=CAUSE, payload=b'{"id": "evt_acme", "type": "invoice.voided"}', source="import"
    ),
    f"{CAUSE}/confirmed": evidence.EvidenceConfirmed(first=CAUSE, signature="t=1793784601,v1=9f86d081"),
    f"stripe/refund/re_acme/settled/conflict/{CAUSE}": evidence.FactConflict(
        first="stripe/refund/re_acme/settled", told=b'{"fact":"refund-settled","refund":"re_acme"}'
    ),
    f"{CAUSE}/refetch": evidence.RefetchWanted(
        object="invoice", id=IN, reason="its list of lines is not complete (has_more)"
    ),
    "stripe/refused/2c26b46b": evidence.MessageRefused(
        sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        reason="no string `id` at the top of the message",
        size=2048,
    ),
    f"{CAUSE}/customer": customers.CustomerSeen(
        id=ACME,
        now=customers.Customer(tenant="acme", country="SE"),
        before=customers.Customer(tenant="acme"),
    ),
    f"{CAUSE}/details": customers.CustomerDetails(id=ACME, name="Acme AB", email="billing@acme.example"),
    f"{CAUSE}/product": catalogue.ProductSeen(id=PRO, now=catalogue.Product(name="Pro"), first=True),
    f"{CAUSE}/price": catalogue.PriceSeen(
        id=SEAT, now=msgspec.structs.replace(seat, tiering="graduated", tiers=tiers, divide_by=5)
    ),
    f"{CAUSE}/coupon": catalogue.CouponSeen(id="WELCOME", now=coupon, last=True),
    f"{CAUSE}/discount": catalogue.DiscountSeen(id="di_acme", now=discount, first=True),
    f"{CAUSE}/subscription": subscriptions.SubscriptionSeen(id=SUB, now=active, before=trial),
    f"{CAUSE}/schedule": schedules.SubscriptionScheduleSeen(id="sub_sched_acme", now=more_seats, first=True),
    f"{CAUSE}/invoice": invoices.InvoiceSeen(id=IN, now=paid, before=draft),
    f"stripe/invoice/{IN}/issued": invoices.InvoiceIssued(
        invoice=IN,
        currency="eur",
        net=4000,
        tax=1000,
        from_balance=500,
        customer=ACME,
        lines=(month,),
        taxes=(Tax("SE 25", 1000),),
    ),
    f"stripe/invoice/{IN}/voided": invoices.InvoiceVoided(
        invoice=IN, currency="eur", open=5000, to_balance=500, customer=ACME
    ),
    f"stripe/invoice/{IN}/written-off": invoices.InvoiceWrittenOff(
        invoice=IN, currency="eur", open=5000, customer=ACME
    ),
    f"invoice/{IN}/overpaid": invoices.InvoiceOverpaid(invoice=IN, currency="eur", amount=300, customer=ACME),
    "credit-note/cn_acme/issued": credit_notes.CreditNoteIssued(
        credit_note="cn_acme",
        invoice=IN,
        currency="eur",
        before_payment=1000,
        refunded=700,
        to_balance=200,
        elsewhere=100,
        tax=400,
        customer=ACME,
        refunds=("re_acme",),
    ),
    "credit-note/cn_acme/voided": credit_notes.CreditNoteVoided(
        credit_note="cn_acme",
        invoice=IN,
        currency="eur",
        before_payment=1000,
        refunded=700,
        to_balance=200,
        elsewhere=100,
        tax=400,
        customer=ACME,
    ),
    f"{CAUSE}/customer-balance": customer_balances.CustomerBalanceSeen(
        customer=ACME, credit=700, currency="eur", before=500
    ),
    "customer-cash/ccsbtxn_acme": customer_balances.CustomerCashChanged(
        transaction="ccsbtxn_acme",
        customer=ACME,
        kind="applied_to_payment",
        amount=-5000,
        currency="eur",
        payment=PI,
    ),
    "customer-cash/ccsbtxn_swept": customer_balances.CustomerCashTransferred(
        transaction="ccsbtxn_swept", customer=ACME, amount=300, currency="eur"
    ),
    f"{CAUSE}/payment": payments.PaymentSeen(id=PI, now=intent),
    f"stripe/charge/{CH}/received": payments.PaymentReceived(
        charge=CH, payment=PI, amount=5000, currency="eur", customer=ACME, method="card"
    ),
    f"stripe/charge/{CH}/failed": payments.PaymentFailed(
        charge=CH, payment=PI, amount=5000, currency="eur", method="card", code="insufficient_funds"
    ),
    f"stripe/invoice/{IN}/paid-by/{PI}": payments.PaymentApplied(
        invoice=IN, payment=PI, amount=5000, currency="eur"
    ),
    f"applied/{IN}/pr_acme": payments.PaidElsewhere(
        invoice=IN, amount=2000, currency="eur", payment="pr_acme"
    ),
    f"{CAUSE}/refund": payments.RefundSeen(
        id="re_acme",
        payment=PI,
        now=payments.Refund(status="failed", amount=700, currency="eur", returned=True),
        before=payments.Refund(status="succeeded", amount=700, currency="eur"),
    ),
    "stripe/refund/re_acme/requested": payments.RefundRequested(
        refund="re_acme", payment=PI, amount=700, currency="eur", charge=CH
    ),
    "stripe/refund/re_acme/settled": payments.RefundSettled(
        refund="re_acme", payment=PI, amount=700, currency="eur"
    ),
    "stripe/refund/re_acme/failed": payments.RefundFailed(
        refund="re_acme", payment=PI, amount=700, currency="eur", returned=700
    ),
    "stripe/dispute/dp_acme/opened": payments.DisputeOpened(
        dispute="dp_acme", payment=PI, amount=4300, currency="eur", reason="fraudulent"
    ),
    "stripe/dispute/dp_acme/withdrawn": payments.DisputeFundsWithdrawn(
        dispute="dp_acme", payment=PI, amount=4300, currency="eur"
    ),
    "stripe/dispute/dp_acme/reinstated": payments.DisputeFundsReinstated(
        dispute="dp_acme", payment=PI, amount=4300, currency="eur"
    ),
    "stripe/dispute/dp_acme/lost": payments.DisputeLost(
        dispute="dp_acme", payment=PI, amount=4300, currency="eur"
    ),
    "stripe/payout/po_november/sent": payouts.PayoutSent(
        payout="po_november", amount=9000, currency="eur", arrives_at=NEXT_MONTH
    ),
    "stripe/payout/po_november/failed": payouts.PayoutFailed(
        payout="po_november", amount=9000, currency="eur", code="account_closed"
    ),
    **BANK,
    "top-up/tu_november/started": topups.TopUpStarted(
        top_up="tu_november", amount=20000, currency="eur", expected_at=NEXT_MONTH
    ),
    "top-up/tu_november/received": topups.TopUpReceived(top_up="tu_november", amount=20000, currency="eur"),
    "top-up/tu_november/failed": topups.TopUpFailed(
        top_up="tu_november", amount=20000, currency="eur", code="insufficient_funds"
    ),
    "top-up/tu_november/reversed": topups.TopUpReversed(top_up="tu_november", amount=20000, currency="eur"),
    "reserve/reshold_acme/held": reserves.ReserveHeld(
        hold="reshold_acme", amount=500, currency="eur", charge=CH, release_at=NEXT_MONTH
    ),
    "reserve-release/resrel_acme": reserves.ReserveReleased(
        release="resrel_acme", amount=500, currency="eur", hold="reshold_acme", reason="hold_expired"
    ),
    "platform-fee/fee_seller/earned": platform.PlatformFeeEarned(
        fee="fee_seller", amount=250, currency="eur", account="acct_seller", charge="ch_seller"
    ),
    "platform-fee-refund/fr_seller": platform.PlatformFeeRefunded(
        refund="fr_seller", fee="fee_seller", amount=50, currency="eur"
    ),
    "transfer/tr_seller/made": platform.ConnectedTransferMade(
        transfer="tr_seller", amount=4000, currency="eur", account="acct_seller", charge=CH
    ),
    "transfer-reversal/trr_seller": platform.ConnectedTransferReversed(
        reversal="trr_seller", transfer="tr_seller", amount=1500, currency="eur", account="acct_seller"
    ),
    f"{CAUSE}/account": connect.ConnectedAccountSeen(
        id="acct_acme",
        now=connect.ConnectedAccount(
            country="SE",
            currency="sek",
            charges_enabled=True,
            payouts_enabled=False,
            details_submitted=True,
            wanted=connect.Wanted(due=("external_account",), deadline=NEXT_MONTH, reason="listed"),
            capabilities=(("card_payments", "active"), ("transfers", "pending")),
        ),
        before=connect.ConnectedAccount(country="SE"),
    ),
    f"{CAUSE}/capability": connect.CapabilitySeen(
        account="acct_acme",
        capability="transfers",
        now=connect.Capability(status="active", requested=True),
        before=connect.Capability(status="pending", requested=True),
    ),
    f"{CAUSE}/authorized": connect.AccountAuthorized(account="acct_acme", application="ca_ledgerstone"),
    f"{CAUSE}/deauthorized": connect.AccountDeauthorized(account="acct_acme", application="ca_ledgerstone"),
    "fx/ecb/2026-11-04": fx.FxRatePublished(
        day=date(2026, 11, 4),
        rates={"jpy": "175.68", "sek": "10.978", "usd": "1.1172"},
        source="eurofxref-daily.xml 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    ),
}


def recorded(name: str, fact: AnyFact, cause: str | None = CAUSE) -> Recorded:
    """A fact as it would be recorded: in our own book, on 4 November 2026, with its movements."""
    return Recorded(name, BOOK, AT, fact, cause=cause, movements=movements(fact))


ALONE = (evidence.StripeEventHeard, evidence.StripeObjectListed, fx.FxRatePublished)
"""Facts that stand behind no evidence."""
_TOLD = tuple(
    recorded(name, fact, None if isinstance(fact, ALONE) else CAUSE) for name, fact in FACTS.items()
)
_RECEIVED = next(row for row in _TOLD if row.name == f"stripe/charge/{CH}/received")
_LESS = recorded(_RECEIVED.name, msgspec.structs.replace(_RECEIVED.body, amount=4300))
EXAMPLES = (*_TOLD, superseding(_RECEIVED, _LESS, 1), *PERIODS)


def heard(
    event: str,
    *,
    amount: int = 100,
    undelivered: int = 1,
    source: str = "webhook",
    version: str = "dahlia",
    parked: str | None = None,
) -> Recorded:
    """A message of Stripe's, signed if it is a webhook; `undelivered` is what its copies differ in."""
    body = evidence.StripeEventHeard(
        id=event,
        event_type="charge.succeeded",
        created=AT,
        payload=b'{"id": "%s", "amount": %d, "pending_webhooks": %d}' % (event.encode(), amount, undelivered),
        source=source,
        signature="v1=5257a869" if source == "webhook" else None,
        api_version=version,
        parked=parked,
    )
    return recorded(f"stripe/{event}", body, None)


def received(charge: str, amount: int = 100, cause: str | None = "stripe/evt_1") -> Recorded:
    """A payment to have come from a message."""
    body = payments.PaymentReceived(charge=charge, payment=f"pi_{charge}", amount=amount, currency="eur")
    return recorded(f"stripe/charge/{charge}/received", body, cause)


class Released(Struct, frozen=True):
    """A line of `journal.jsonl`: a row as the log had it when its fact was first released. `digest` is the
    SHA-256 of the digest before it and of the state, so that no line can change or go."""

    tag: str
    row: msgspec.Raw
    state: str
    digest: str


def released() -> list[Released]:
    """The rows as first released, in the order of their release."""
    lines = JOURNAL.read_bytes().splitlines() if JOURNAL.exists() else []
    return [msgspec.json.decode(line, type=Released) for line in lines]


def digest(before: str, state: bytes) -> str:
    """What ties a line to all the lines before it."""
    return hashlib.sha256(before.encode() + state).hexdigest()


def release() -> list[str]:
    """Append a line for each fact that has none; the tags that were new. What is there is never touched."""
    lines = released()
    have, last = {line.tag for line in lines}, lines[-1].digest if lines else ""
    new = []
    with JOURNAL.open("ab") as file:
        for row in _unreleased(have):
            state = encode(row)
            last = digest(last, state)
            line = Released(tag(type(row.body)), msgspec.Raw(msgspec.json.encode(row)), _text(state), last)
            file.write(msgspec.json.encode(line) + b"\n")
            new.append(line.tag)
    return new


def _unreleased(have: set[str]) -> Iterator[Recorded]:
    return (row for row in EXAMPLES if tag(type(row.body)) not in have)


def _text(state: bytes) -> str:
    return b64encode(state).decode()


if __name__ == "__main__":
    print("\n".join(release()) or "every fact has its line")
