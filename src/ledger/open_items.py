"""Open items: what was told of each invoice, payment, refund, payout …, and what accounts hold for it.

Two sums that know nothing of each other. One adds up what facts say by their own fields, in plain arithmetic
and without the posting table; the other what the movements did that are stored with them. What must be true
of the two is in `book_invariants`. Of invoices the provider's own last word is the third witness (`Shown`).

What a close moves stands under plans, not under what it is of, and is not counted here."""

from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.customer_balances import CustomerCashChanged, CustomerCashTransferred
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceOverpaid, InvoiceVoided, InvoiceWrittenOff
from ledgerstone.ledger.payments import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    PaidElsewhere,
    PaymentApplied,
    PaymentReceived,
    RefundFailed,
    RefundRequested,
    RefundSettled,
)
from ledgerstone.ledger.payouts import PayoutFailed, PayoutSent
from ledgerstone.ledger.periods import Recognised
from ledgerstone.ledger.platform import (
    ConnectedTransferMade,
    ConnectedTransferReversed,
    PlatformFeeEarned,
    PlatformFeeRefunded,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.reserves import ReserveHeld, ReserveReleased
from ledgerstone.ledger.topups import TopUpReceived, TopUpReversed
from ledgerstone.ledger.transfers import (
    Assignment,
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
)

KINDS = {
    "receivable": "invoice",
    "doubtful": "invoice",
    "paid_elsewhere": "invoice",
    "unapplied_card": "payment",
    "unapplied_bank": "transfer",
    "refunds_payable": "refund",
    "disputed": "dispute",
    "payouts_in_transit": "payout",
    "top_ups_in_transit": "top-up",
    "reserved": "reserve",
    "passed_on": "transfer to a connected account",
    "customer_credit": "customer",
    "customer_cash": "customer",
    "customer_cash_held": "customer",
    "stripe_balance": "balance",
    "stripe_uncleared": "source",
}
"""Of which kind the subjects are of those accounts that are kept by subject. A `source` is whatever Stripe's
balance moved for: a charge, refund, dispute, payout …"""
Key = tuple[str, str, str, str]
"""A book, a kind, whose it is, and a currency."""
Mine = Callable[[Key], bool]
"""Which subjects are looked at."""
Term = tuple[str, str | None, str, int]
"""A kind, whose it is, what was told, and how much."""


class Shown(Struct, frozen=True, gc=False):
    """What the provider last said of an invoice itself, minor units."""

    status: str
    amount_due: int
    amount_paid: int
    amount_remaining: int

    @property
    def open(self) -> int:
        """What is still owed by these words: on a draft nothing yet; a write-off changes nothing."""
        return self.amount_remaining if self.status in ("open", "uncollectible") else 0


NO_INVOICE = Shown("draft", 0, 0, 0)


class Item(Struct):
    """One thing in one currency, minor units: what was `told` of it, by terms, and what accounts `hold` for
    it, debits above 0. `position` is the last row of the log that was about it. `known`: it was told of
    before, and nothing was left of that. `shown` is the provider's last word on an invoice. `alone`: only
    one row is added up here."""

    key: Key
    told: dict[str, int] = {}
    held: dict[str, int] = {}
    position: int = 0
    known: bool = False
    shown: Shown | None = None
    alone: bool = False

    def __getitem__(self, term: str) -> int:
        return self.told.get(term, 0)

    def __str__(self) -> str:
        book, kind, id, _ = self.key
        return f"{kind} {id or '(without an id)'} of {book}"

    @property
    def holds_nothing(self) -> bool:
        return not any(self.held.values())


class OpenItems:
    """What is open after the rows that were taken. What is square is forgotten: of that, memory grows by some
    90 bytes each; by some 500 for what is open. `square` decides; `mine` leaves subjects out, so that a large
    log can be read in parts."""

    def __init__(self, square: Callable[[Item], bool], mine: Mine = lambda key: True) -> None:
        self.items: dict[Key, Item] = {}
        self.accounts: dict[tuple[str, str, str], int] = {}
        self._square, self._mine = square, mine
        self._forgotten: set[int] = set()

    def take(self, position: int, row: Recorded) -> Collection[Item]:
        """A row of the log, behind those that were taken. What it is about: of what is left out only what
        this row says of it."""
        about: dict[Key, Item] = {}
        for key, term, amount in _told(row):
            item = about[key] = about.get(key) or self._item(key)
            item.told[term] = item.told.get(term, 0) + amount
        for key, account, amount in self._moved(row):
            item = about[key] = about.get(key) or self._item(key)
            item.held[account] = item.held.get(account, 0) + amount
        for key, item in about.items():
            item.position = position
            if item.holds_nothing and not item.alone and self._square(item):
                self._forgotten.add(hash(key))
                self.items.pop(key, None)
        return about.values()

    def keep(self, mine: Mine) -> None:
        """Leave out all subjects but some, from here on."""
        self._mine = mine
        self.items = {key: item for key, item in self.items.items() if mine(key)}

    def _item(self, key: Key) -> Item:
        item = self.items.get(key)
        if item is None:
            mine = self._mine(key)
            item = Item(key, {}, {}, known=hash(key) in self._forgotten, alone=not mine)
            if mine:
                self.items[key] = item
        return item

    def _moved(self, row: Recorded) -> Iterator[tuple[Key, str, int]]:
        book, closes = str(row.book), isinstance(row.body, Recognised)
        for move in row.movements:
            for account, of, amount in (
                (move.debit, move.debit_of, move.amount),
                (move.credit, move.credit_of, -move.amount),
            ):
                cell = book, account, move.currency
                self.accounts[cell] = self.accounts.get(cell, 0) + amount
                if not closes and (kind := KINDS.get(account)):
                    yield (book, kind, of, move.currency), account, amount


def _told(row: Recorded) -> Iterator[tuple[Key, str, int]]:
    """What a row adds to what is told. A correction takes back what was in force before."""
    book, body = str(row.book), row.body
    parts: Iterable[tuple[Fact, int]] = ((body, 1),)
    if isinstance(body, Superseded):
        parts = ((body.was, -1), (body.now, 1))
    for fact, sign in parts:
        for kind, of, term, amount, currency in _terms(fact):
            if amount:
                yield (book, kind, of or "", currency), term, sign * amount


def _terms(fact: Fact) -> Iterator[tuple[str, str | None, str, int, str]]:
    if isinstance(fact, BalanceTransactionSeen):
        yield "balance", fact.balance, "net", fact.net, fact.currency
        yield "source", fact.source, "cleared", fact.cleared, fact.currency
        yield "source", fact.source, "cleared", fact.presented, fact.presented_currency
        return
    for term in terms(fact):
        yield (*term, fact.currency)  # type: ignore[attr-defined]


def terms(fact: Fact) -> Iterator[Term]:
    """What a fact tells of which thing, in its own currency."""
    match fact:
        case InvoiceIssued() | InvoiceVoided() | InvoiceWrittenOff() | InvoiceOverpaid():
            yield from _invoice(fact)
        case CreditNoteIssued() | CreditNoteVoided():
            yield from _credit_note(fact)
        case PaymentReceived() | PaymentApplied() | PaidElsewhere():
            yield from _payment(fact)
        case RefundRequested() | RefundSettled() | RefundFailed():
            yield from _refund(fact)
        case DisputeFundsWithdrawn() | DisputeFundsReinstated() | DisputeLost():
            yield from _dispute(fact)
        case Assignment():
            yield from _assignment(fact)
        case TransferReceived() | TransferIgnored() | TransferReturned():
            yield from _transfer(fact)
        case _:
            yield from _at_the_provider(fact)


def _invoice(fact: InvoiceIssued | InvoiceVoided | InvoiceWrittenOff | InvoiceOverpaid) -> Iterator[Term]:
    match fact:
        case InvoiceIssued(invoice=of, net=net, tax=tax, from_balance=used, customer=customer):
            yield "invoice", of, "asked", net + tax
            yield "invoice", of, "by_credit", used
            yield "customer", customer, "used", used
        case InvoiceVoided(invoice=of, open=open, to_balance=back, customer=customer):
            yield "invoice", of, "cancelled", open - back
            yield "customer", customer, "given", back
        case InvoiceWrittenOff(invoice=of, open=open):
            yield "invoice", of, "given_up", open
        case InvoiceOverpaid(invoice=of, amount=amount, customer=customer):
            yield "invoice", of, "overpaid", amount
            yield "customer", customer, "given", amount


def _credit_note(note: CreditNoteIssued | CreditNoteVoided) -> Iterator[Term]:
    sign = 1 if isinstance(note, CreditNoteIssued) else -1
    yield "invoice", note.invoice, "credited", sign * note.before_payment
    yield "invoice", note.invoice, "given_elsewhere", sign * note.elsewhere
    yield "customer", note.customer, "given", sign * note.to_balance


def _payment(fact: PaymentReceived | PaymentApplied | PaidElsewhere) -> Iterator[Term]:
    match fact:
        case PaymentReceived(payment=of, charge=charge, amount=amount):
            yield "payment", of, "received", amount
            yield "source", charge, "told", amount
        case PaymentApplied(payment=of, invoice=invoice, amount=amount):
            yield "payment", of, "used", amount
            yield "invoice", invoice, "paid", amount
        case PaidElsewhere(invoice=invoice, amount=amount):
            yield "invoice", invoice, "elsewhere", amount


def _refund(fact: RefundRequested | RefundSettled | RefundFailed) -> Iterator[Term]:
    match fact:
        case RefundRequested(refund=of, amount=amount):
            yield "refund", of, "promised", amount
        case RefundSettled(refund=of, amount=amount):
            yield "refund", of, "settled", amount
            yield "source", of, "told", -amount
        case RefundFailed(refund=of, amount=amount, returned=returned):
            yield "refund", of, "failed", amount
            yield "refund", of, "returned", returned
            yield "source", of, "told", returned


def _dispute(fact: DisputeFundsWithdrawn | DisputeFundsReinstated | DisputeLost) -> Iterator[Term]:
    match fact:
        case DisputeFundsWithdrawn(dispute=of, amount=amount):
            yield "dispute", of, "withdrawn", amount
            yield "source", of, "told", -amount
        case DisputeFundsReinstated(dispute=of, amount=amount):
            yield "dispute", of, "reinstated", amount
            yield "source", of, "told", amount
        case DisputeLost(dispute=of, amount=amount):
            yield "dispute", of, "lost", amount


def _assignment(fact: Assignment) -> Iterator[Term]:
    """Shares below 0 are of money that went out; all of it is undone by its taking back."""
    sign = 1 if isinstance(fact, TransferAssigned) else -1
    yield "transfer", fact.transfer, "assigned", sign * fact.taken
    yield "customer", fact.customer, "given", sign * fact.to_credit
    for kind, term, shares in (
        ("invoice", "by_bank", fact.invoices),
        ("invoice", "found", fact.elsewhere),
        ("payout", "arrived", fact.payouts),
        ("top-up", "by_bank", fact.top_ups),
        ("refund", "by_bank", fact.refunds),
    ):
        for share in shares:
            yield kind, share.of, term, sign * share.amount


def _transfer(fact: TransferReceived | TransferIgnored | TransferReturned) -> Iterator[Term]:
    match fact:
        case TransferReceived(transfer=of, amount=amount):
            yield "transfer", of, "came", amount
        case TransferIgnored(transfer=of, amount=amount):
            yield "transfer", of, "ignored", amount
        case TransferReturned(transfer=of, by=by, amount=amount):
            yield "transfer", of, "sent_back", amount
            yield "transfer", by, "sent_back", -amount


def _at_the_provider(fact: Fact) -> Iterator[Term]:
    """What moves the provider's balance: each is the source of a balance transaction, with its sign."""
    match fact:
        case PayoutSent(payout=of, amount=amount):
            yield "payout", of, "sent", amount
            yield "source", of, "told", -amount
        case PayoutFailed(payout=of, amount=amount):
            yield "payout", of, "failed", amount
            yield "source", of, "told", amount
        case TopUpReceived(top_up=of, amount=amount):
            yield "top-up", of, "received", amount
            yield "source", of, "told", amount
        case TopUpReversed(top_up=of, amount=amount):
            yield "top-up", of, "reversed", amount
            yield "source", of, "told", -amount
        case ReserveHeld(hold=of, amount=amount):
            yield "reserve", of, "put aside", amount
            yield "source", of, "told", -amount
        case ReserveReleased(hold=of, release=release, amount=amount):
            yield "reserve", of, "released", amount
            yield "source", release, "told", amount
        case ConnectedTransferMade(transfer=of, amount=amount):
            yield "transfer to a connected account", of, "made", amount
            yield "source", of, "told", -amount
        case ConnectedTransferReversed(transfer=of, reversal=reversal, amount=amount):
            yield "transfer to a connected account", of, "reversed", amount
            yield "source", reversal, "told", amount
        case PlatformFeeEarned(fee=of, amount=amount):
            yield "source", of, "told", amount
        case PlatformFeeRefunded(refund=of, amount=amount):
            yield "source", of, "told", -amount
        case CustomerCashChanged(customer=of, amount=amount):
            yield "customer", of, "cash", amount
        case CustomerCashTransferred(customer=of, transaction=transaction, amount=amount):
            yield "customer", of, "cash_moved", amount
            yield "source", transaction, "told", amount
        case _:
            pass
