"""The same business with bank accounts: transfers come and go, and people decide what they are for."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.topups import TopUpReceived
from ledgerstone.ledger.transfers import (
    Reason,
    Share,
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
    TransferUnassigned,
    rest,
)
from tests.books import Message
from tests.business import Business

ACTOR = "ada"


class Transfer(Struct):
    """A bank transfer, and what was decided of it last; `undo` takes that out of our own mind."""

    id: str
    amount: int
    decided: TransferAssigned | None = None
    undo: Callable[[], None] = lambda: None
    number: int = 0


class BankBusiness(Business):
    """Transfers that wait are in `inbox`, those that were assigned in `assigned`."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        super().__init__(tell)
        self.inbox: list[Transfer] = []
        self.assigned: list[Transfer] = []

    def come(self, amount: int) -> Transfer:
        it = Transfer(self.id("tr"), amount)
        came = TransferReceived(transfer=it.id, account="SE1", amount=amount, currency="eur")
        self.says((f"bank/SE1/{it.id}", came), actor=ACTOR)
        self.inbox.append(it)
        return it

    def assign_to_invoices(self, it: Transfer, limit: int, fee: int) -> None:
        """As far as it goes; the rest is credit, or rounding within the limit."""
        left, shares = it.amount + fee, []
        for invoice in self.owed()[:2]:
            part = min(left, invoice.left - invoice.by_bank)
            if part > 0:
                shares.append((invoice, part))
                left -= part
        told = tuple(Share(invoice.id, part) for invoice, part in shares)
        to_credit, rounding = rest(it.amount, fee, told, limit)

        def count(sign: int) -> None:
            for invoice, part in shares:
                invoice.by_bank += sign * part
            self.credit["cus_1"] = self.credit.get("cus_1", 0) + sign * to_credit

        count(1)
        self._assign(it, lambda: count(-1), invoices=told, customer="cus_1", to_credit=to_credit,
                     rounding=rounding, fee=fee)  # fmt: skip

    def find_what_was_paid_elsewhere(self, it: Transfer) -> None:
        """All of it, for one invoice that was said to be paid elsewhere."""
        (invoice, *_) = [each for each in self.invoices if each.elsewhere - each.found >= it.amount]
        invoice.found += it.amount
        self._assign(it, lambda: None, elsewhere=(Share(invoice.id, it.amount),))

    def arrive(self, place: int) -> None:
        """A payout arrives: it cannot fail any more."""
        sent = self.payouts.pop(place % len(self.payouts))
        self._assign(self.come(sent.amount), lambda: None, payouts=(Share(sent.payout, sent.amount),))

    def top_up(self, amount: int) -> None:
        """A top-up is in the provider's balance, and leaves our bank."""
        of = self.id("tu")
        self.uncleared.append((of, amount))
        received = TopUpReceived(top_up=of, amount=amount, currency="eur")
        self.says((f"top-up/{of}/received", received))
        self._assign(self.come(-amount), lambda: None, top_ups=(Share(of, -amount),))

    def refund_by_bank(self, place: int) -> None:
        """A refund that is pending is paid by our bank, and settled by that."""
        pending = [each for each in self.refunds if each.status == "pending"]
        it = pending[place % len(pending)]
        it.status = "paid by bank"
        self._assign(self.come(-it.amount), lambda: None, refunds=(Share(it.id, -it.amount),))

    def ignore(self, it: Transfer, reason: Reason) -> None:
        self.inbox.remove(it)
        self._decide(
            f"{it.id}/ignored",
            TransferIgnored(transfer=it.id, amount=it.amount, currency="eur", reason=reason),
        )

    def send_back(self, it: Transfer) -> None:
        by = self.come(-it.amount)
        self.inbox.remove(it)
        self.inbox.remove(by)
        back = TransferReturned(transfer=it.id, by=by.id, amount=it.amount, currency="eur")
        self._decide(f"{it.id}/returned", back)

    def unassign(self, it: Transfer) -> None:
        assert it.decided is not None
        self.assigned.remove(it)
        self.inbox.append(it)
        it.undo()
        fields = TransferUnassigned.__struct_fields__
        undone = TransferUnassigned(**{name: getattr(it.decided, name) for name in fields})
        self._decide(f"{it.id}/unassigned/{it.number}", undone)

    def _assign(self, it: Transfer, undo: Callable[[], None], **shares: Any) -> None:
        it.number += 1
        it.decided = TransferAssigned(transfer=it.id, currency="eur", number=it.number, **shares)
        assert it.decided.taken == it.amount
        self.inbox.remove(it)
        if "invoices" in shares:
            it.undo = undo
            self.assigned.append(it)
        self._decide(f"{it.id}/assigned/{it.number}", it.decided)

    def _decide(self, name: str, fact: Fact) -> None:
        self.says((f"transfer/{name}", fact), actor=ACTOR)  # type: ignore[arg-type]
