"""A business that is played step by step: what its customers, its provider and its bank do, as messages.

It knows how each of its things stands by itself, so that it tells only what can be true."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from ledgerstone.ledger import (
    balance_transactions,
    credit_notes,
    customer_balances,
    invoices,
    payments,
    payouts,
    platform,
    reserves,
    topups,
)
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from tests.books import Message

START = datetime(2026, 1, 3, 9, tzinfo=UTC)
Named = tuple[str, AnyFact]


class Invoice(Struct):
    """How an invoice stands, by the provider's books; `by_bank` is what only we know."""

    id: str
    customer: str
    issued_at: datetime
    net: int
    tax: int
    used: int = 0
    credited: int = 0
    paid: int = 0
    elsewhere: int = 0
    found: int = 0
    overpaid: int = 0
    by_bank: int = 0
    status: str = "open"
    currency: str = "eur"

    @property
    def due(self) -> int:
        return self.net + self.tax - self.used - self.credited

    @property
    def left(self) -> int:
        return self.due - self.paid


class Payment(Struct):
    """A payment: what was received, used and given back, and by which invoices."""

    id: str
    amount: int
    used: int = 0
    back: int = 0


class Refund(Struct):
    id: str
    payment: str
    amount: int
    status: str = "pending"


class Dispute(Struct):
    id: str
    payment: str
    left: int


class Business:
    """Every step tells some messages by `tell`, which may hear them late; amounts are in euro cents."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell, self.now, self._numbers = tell, START, 0
        self.invoices: list[Invoice] = []
        self.payments: list[Payment] = []
        self.refunds: list[Refund] = []
        self.disputes: list[Dispute] = []
        self.notes: list[credit_notes.CreditNoteIssued] = []
        self.payouts: list[payouts.PayoutSent] = []
        self.credit: dict[str, int] = {}
        self.uncleared: list[tuple[str, int]] = []
        self.undone: list[tuple[str, str, int]] = []

    def says(self, *facts: Named, actor: str | None = None) -> None:
        """A message, some time after the last; or, by an actor, a decision."""
        self.now += timedelta(minutes=7)
        rows = [
            Recorded(name, Book(), self.now, fact, actor=actor, movements=movements(fact))
            for name, fact in facts
        ]
        self._tell(tuple(rows))

    def id(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}_{self._numbers}"

    def shown(self, it: Invoice) -> Named:
        """The invoice itself, as a message shows it."""
        done = {"paid": "paid_at", "void": "voided_at", "uncollectible": "uncollectible_at"}.get(it.status)
        marks: dict[str, Any] = {done: self.now + timedelta(minutes=7)} if done else {}
        terms = invoices.Invoice(
            status=it.status,
            currency=it.currency,
            created_at=it.issued_at,
            finalized_at=it.issued_at,
            total=it.net + it.tax,
            tax=it.tax,
            amount_due=it.due,
            amount_paid=it.paid,
            amount_remaining=it.left,
            customer=it.customer,
            paid_elsewhere=it.elsewhere,
            overpaid=it.overpaid,
            **marks,
        )
        return f"stripe/{self.id('evt')}/invoice", invoices.InvoiceSeen(id=it.id, now=terms)

    # Invoices

    def issue(self, net: int, tax: int, use: bool, days: int) -> None:
        """Perhaps with credit of the customer's, and with lines or, at first, without."""
        customer = f"cus_{net % 3}"
        used = min(net + tax, self.credit.get(customer, 0)) if use else 0
        at = self.now + timedelta(minutes=7)
        it = Invoice(self.id("in"), customer, at, net, tax, max(0, used))
        self.credit[customer] = self.credit.get(customer, 0) - it.used
        it.status = "open" if it.left else "paid"
        line = invoices.ServiceLine(net, "pro", at.date(), at.date() + timedelta(days=days), "sub_1")
        name = f"invoice/{it.id}/issued"
        for lines in ((), (line,)) if days % 2 else ((line,),):
            issued = invoices.InvoiceIssued(
                invoice=it.id, currency="eur", net=net, tax=tax, from_balance=it.used, customer=customer,
                lines=lines,
            )  # fmt: skip
            self.says((name, issued), self.shown(it))
        self.invoices.append(it)

    def owed(self) -> list[Invoice]:
        """What can be paid."""
        return [it for it in self.invoices if it.status in ("open", "uncollectible") and it.left > it.by_bank]

    def write_off(self, it: Invoice) -> None:
        it.status = "uncollectible"
        lost = invoices.InvoiceWrittenOff(invoice=it.id, currency="eur", open=it.left)
        self.says((f"invoice/{it.id}/written-off", lost), self.shown(it))

    def void(self, it: Invoice) -> None:
        it.status = "void"
        self.credit[it.customer] += it.used
        left = it.net + it.tax - it.credited - it.paid
        void = invoices.InvoiceVoided(
            invoice=it.id, currency="eur", open=left, to_balance=it.used, customer=it.customer
        )
        self.says((f"invoice/{it.id}/voided", void), self.shown(it))

    # Payments

    def receive(self, amount: int) -> Payment:
        it, charge = Payment(self.id("pi"), amount), self.id("ch")
        self.says(
            (
                f"charge/{charge}/captured",
                payments.PaymentReceived(charge=charge, payment=it.id, amount=amount, currency="eur"),
            )
        )
        self.payments.append(it)
        self.uncleared.append((charge, amount))
        return it

    def use(self, payment: Payment, it: Invoice, amount: int) -> None:
        """`amount` may be more than is left to pay: then that becomes credit."""
        over = max(0, amount - it.left)
        payment.used += amount
        it.paid += amount - over
        it.status = "paid" if not it.left else it.status
        applied = payments.PaymentApplied(invoice=it.id, payment=payment.id, amount=amount, currency="eur")
        self.says((f"applied/{it.id}/{payment.id}", applied))
        if over:
            it.overpaid += over
            self.credit[it.customer] += over
            more = invoices.InvoiceOverpaid(
                invoice=it.id, currency="eur", amount=it.overpaid, customer=it.customer
            )
            self.says((f"invoice/{it.id}/overpaid", more))
        self.says(self.shown(it))

    def pay_elsewhere(self, it: Invoice, in_parts: bool) -> None:
        """Told as a whole, and by newer messages record by record."""
        amount, name = it.left, f"invoice/{it.id}/paid-elsewhere"
        it.paid, it.elsewhere, it.status = it.paid + amount, it.elsewhere + amount, "paid"
        of: dict[str, Any] = {"invoice": it.id, "currency": "eur"}
        self.says((name, payments.PaidElsewhere(amount=amount, **of)), self.shown(it))
        if in_parts:
            record = self.id("pr")
            part = payments.PaidElsewhere(amount=amount, payment=record, **of)
            whole = payments.PaidElsewhere(amount=0, in_parts=True, **of)
            self.says((f"applied/{it.id}/{record}", part), (name, whole))

    # What is given back

    def refund(self, payment: Payment, amount: int) -> Refund:
        payment.back += amount
        it = Refund(self.id("re"), payment.id, amount)
        self.says((f"refund/{it.id}/requested", payments.RefundRequested(**self._refund(it))))
        self.refunds.append(it)
        return it

    def settle(self, it: Refund) -> None:
        it.status = "settled"
        self.uncleared.append((it.id, -it.amount))
        self.says((f"refund/{it.id}/settled", payments.RefundSettled(**self._refund(it))))

    def fail(self, it: Refund) -> None:
        returned = it.amount if it.status == "settled" else 0
        it.status = "failed"
        failed = payments.RefundFailed(**self._refund(it), returned=returned)
        if returned:
            self.uncleared.append((it.id, returned))
        self.says((f"refund/{it.id}/failed", failed))

    def _refund(self, it: Refund) -> dict[str, Any]:
        return {"refund": it.id, "payment": it.payment, "amount": it.amount, "currency": "eur"}

    def credit_note(self, it: Invoice, kind: str, amount: int, payment: Payment | None) -> None:
        """Off what is owed; or, of what was paid, refunded, kept as credit, or given back elsewhere."""
        said: dict[str, Any] = {kind: amount}
        if kind == "before_payment":
            it.credited += amount
            it.status = "paid" if not it.left else it.status
        if kind == "to_balance":
            self.credit[it.customer] += amount
        if kind == "refunded" and payment is not None:
            said["refunds"] = (self.refund(payment, amount).id,)
        note = credit_notes.CreditNoteIssued(
            credit_note=self.id("cn"), invoice=it.id, currency="eur", customer=it.customer, **said
        )
        self.says((f"credit-note/{note.credit_note}/issued", note), self.shown(it))
        if kind in ("before_payment", "to_balance"):
            self.notes.append(note)

    def void_note(self, note: credit_notes.CreditNoteIssued) -> None:
        (it,) = [each for each in self.invoices if each.id == note.invoice]
        it.credited -= note.before_payment
        self.credit[it.customer] -= note.to_balance
        fields = credit_notes.CreditNoteVoided.__struct_fields__
        void = credit_notes.CreditNoteVoided(**{name: getattr(note, name) for name in fields})
        self.says((f"credit-note/{note.credit_note}/voided", void), self.shown(it))

    def dispute(self, payment: Payment, amount: int) -> None:
        it = Dispute(self.id("dp"), payment.id, amount)
        payment.back += amount
        opened = payments.DisputeOpened(**self._dispute(it, amount))
        taken = payments.DisputeFundsWithdrawn(**self._dispute(it, amount))
        self.uncleared.append((it.id, -amount))
        self.says((f"dispute/{it.id}/opened", opened))
        self.says((f"dispute/{it.id}/withdrawn", taken))
        self.disputes.append(it)

    def reinstate(self, it: Dispute, amount: int) -> None:
        it.left -= amount
        self.uncleared.append((it.id, amount))
        back = payments.DisputeFundsReinstated(**self._dispute(it, amount))
        self.says((f"dispute/{it.id}/reinstated/{self.id('txn')}", back))

    def lose(self, it: Dispute) -> None:
        lost = payments.DisputeLost(**self._dispute(it, it.left))
        it.left = 0
        self.says((f"dispute/{it.id}/lost", lost))

    def _dispute(self, it: Dispute, amount: int) -> dict[str, Any]:
        return {"dispute": it.id, "payment": it.payment, "amount": amount, "currency": "eur"}

    # At the provider

    def pay_out(self, amount: int) -> None:
        sent = payouts.PayoutSent(payout=self.id("po"), amount=amount, currency="eur")
        self.uncleared.append((sent.payout, -amount))
        self.says((f"payout/{sent.payout}/sent", sent))
        self.payouts.append(sent)

    def fail_payout(self, sent: payouts.PayoutSent) -> None:
        self.payouts.remove(sent)
        self.uncleared.append((sent.payout, sent.amount))
        failed = payouts.PayoutFailed(payout=sent.payout, amount=sent.amount, currency="eur")
        self.says((f"payout/{sent.payout}/failed", failed))

    def clear(self, place: int, fee: int, elsewhere: bool) -> None:
        """A balance transaction, of a thing that is not cleared yet; perhaps in another currency."""
        source, amount = self.uncleared.pop(place % len(self.uncleared))
        txn = self.id("txn")
        kept: dict[str, Any] = {"dispute_fee" if source.startswith("dp") else "fee": fee}
        other: dict[str, Any] = {"currency": "eur", "cleared": amount, "net": amount - fee}
        if elsewhere:
            other = {"currency": "sek", "exchanged": amount * 11, "net": amount * 11 - fee}
            other |= {"presented": amount, "presented_currency": "eur"}
        seen = balance_transactions.BalanceTransactionSeen(
            transaction=txn, source=source, kind="x", **kept, **other
        )
        self.says((f"balance-transaction/{txn}", seen))

    def provider(self, what: str, amount: int) -> None:
        """Things that are done and, perhaps later, undone."""
        id = self.id("x")
        of: dict[str, Any] = {"amount": amount, "currency": "eur"}
        made: dict[str, tuple[AnyFact, int]] = {
            "top_up": (topups.TopUpReceived(top_up=id, **of), 1),
            "hold": (reserves.ReserveHeld(hold=id, **of), -1),
            "fee": (platform.PlatformFeeEarned(fee=id, **of), 1),
            "transfer": (platform.ConnectedTransferMade(transfer=id, **of), -1),
        }
        fact, sign = made[what]
        self.says((f"{what}/{id}/made", fact))
        self.uncleared.append((id, sign * amount))
        self.undone.append((what, id, amount))

    def undo(self, place: int) -> None:
        what, id, amount = self.undone.pop(place % len(self.undone))
        back = self.id("back")
        of: dict[str, Any] = {"amount": amount, "currency": "eur"}
        undone: dict[str, tuple[AnyFact, str, int]] = {
            "top_up": (topups.TopUpReversed(top_up=id, **of), id, -1),
            "hold": (reserves.ReserveReleased(release=back, hold=id, **of), back, 1),
            "fee": (platform.PlatformFeeRefunded(refund=back, fee=id, **of), back, -1),
            "transfer": (platform.ConnectedTransferReversed(reversal=back, transfer=id, **of), back, 1),
        }
        fact, source, sign = undone[what]
        self.says((f"{what}/{id}/undone", fact))
        self.uncleared.append((source, sign * amount))

    def cash(self, amount: int) -> None:
        """A customer's own cash comes, and a part of it goes into our balance."""
        txn = self.id("ccsbtxn")
        of: dict[str, Any] = {"customer": "cus_1", "currency": "eur"}
        came = customer_balances.CustomerCashChanged(transaction=txn, kind="funded", amount=amount, **of)
        moved = customer_balances.CustomerCashTransferred(transaction=f"{txn}b", amount=amount // 2, **of)
        self.says((f"cash/{txn}", came))
        self.says((f"cash/{txn}b", moved))
        self.uncleared.append((f"{txn}b", amount // 2))
