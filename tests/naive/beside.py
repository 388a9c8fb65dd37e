"""What a business tells beside its provider's messages: rates of exchange, the provider's balance
transactions, and its bank's transfers with what was decided of them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.payments import PaymentReceived
from ledgerstone.ledger.payouts import PayoutSent
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.transfers import (
    Share,
    TransferAssigned,
    TransferIgnored,
    TransferReceived,
    TransferReturned,
    TransferUnassigned,
)
from tests.ecb_files import published
from tests.worlds import Message

RATES = {"usd": 1.08, "jpy": 161.4, "sek": 11.2, "gbp": 0.86, "kwd": 0.331}
FIRST, LAST = date(2026, 4, 24), date(2026, 11, 4)


def rates(random: Random) -> Iterator[Message]:
    """The tables of some months, on working days: one with which nobody comes for a fortnight, and some that
    lack a currency."""
    gap = FIRST + timedelta(days=random.randrange(40, 150))
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        if day.weekday() > 4 or gap <= day < gap + timedelta(days=14):
            continue
        told = {code: f"{rate * random.uniform(0.9, 1.1):.4f}" for code, rate in RATES.items()}
        if random.random() < 0.05:
            del told[random.choice(sorted(told))]
        yield (published(day, told),)


def money(rows: Iterable[Recorded], random: Random) -> Iterator[Message]:
    """What becomes of the money that is told of: some of it is fetched from the provider's list, some comes
    by a bank, and with some nobody knows what to do."""
    for row in {row.name: row for row in rows}.values():
        match row.body:
            case PaymentReceived() as paid if random.random() < 0.8:
                yield (_cleared(row, paid, random),)
            case InvoiceIssued() as issued if issued.net > 0 and random.random() < 0.6:
                yield from _transferred(row, issued, random)
            case PayoutSent() as sent if random.random() < 0.3:
                share = {"payouts": (Share(sent.payout, sent.amount),)}
                yield from _assigned(row, sent.payout, sent.amount, sent.currency, share)


def _cleared(row: Recorded, paid: PaymentReceived, random: Random) -> Recorded:
    """As a line of the provider's list says it: in the same currency, or exchanged."""
    fee = paid.amount // 30
    told: dict[str, Any] = {"currency": paid.currency, "cleared": paid.amount, "net": paid.amount - fee}
    if random.random() < 0.3:
        got = 7 * paid.amount + 3
        presented = {"presented": paid.amount, "presented_currency": paid.currency}
        told = {"currency": "sek", "exchanged": got, "net": got - fee, **presented}
    told |= {"source": paid.charge, "kind": "charge", "fee": fee}
    seen = BalanceTransactionSeen(transaction=f"txn_{paid.charge}", **told)
    return beside(row, f"balance-transaction/{seen.transaction}", seen, random.randrange(3))


def _transferred(row: Recorded, issued: InvoiceIssued, random: Random) -> Iterator[Message]:
    """A transfer for an invoice: assigned, and perhaps taken back; or ignored, or sent back."""
    id, amount = f"tr_{issued.invoice}", issued.net + issued.tax
    received = TransferReceived(transfer=id, account="SE45", amount=amount, currency=issued.currency)
    match random.randrange(4):
        case 0:
            yield (beside(row, f"bank/SE45/{id}", received, 5),)
            ignored = TransferIgnored(id, amount, issued.currency, random.choice(["not_ours", "interest"]))
            yield (beside(row, f"transfer/{id}/ignored", ignored, 9),)
        case 1:
            back = TransferReturned(transfer=id, by=f"{id}_back", amount=amount, currency=issued.currency)
            yield (beside(row, f"bank/SE45/{id}", received, 5),)
            yield (beside(row, f"transfer/{id}/returned", back, 9),)
        case _:
            share: dict[str, Any] = {"invoices": (Share(issued.invoice, amount - 250),), "to_credit": 250}
            share["customer"] = issued.customer or "cus_unknown"
            yield from _assigned(row, issued.invoice, amount, issued.currency, share, random.random() < 0.3)


def _assigned(
    row: Recorded, of: str, amount: int, currency: str, share: dict[str, Any], is_undone: bool = False
) -> Iterator[Message]:
    id = f"tr_{of}"
    received = TransferReceived(transfer=id, account="SE45", amount=amount, currency=currency)
    told: dict[str, Any] = {"transfer": id, "currency": currency, **share}
    yield (beside(row, f"bank/SE45/{id}", received, 5),)
    yield (beside(row, f"transfer/{id}/assigned/1", TransferAssigned(**told), 6, "ada@northwind.example"),)
    if is_undone:
        undone = beside(row, f"transfer/{id}/unassigned/1", TransferUnassigned(**told), 33)
        yield (replace(undone, actor="ada@northwind.example"),)


def beside(row: Recorded, name: str, body: AnyFact, days: int, actor: str | None = None) -> Recorded:
    """What is told in the same books some days after a row."""
    at = min(row.happened_at + timedelta(days=days), datetime(2026, 11, 5, tzinfo=UTC))
    account = f"{row.book.account}/" if row.book.account else ""
    return Recorded(f"{account}{name}", row.book, at, body, actor=actor, movements=movements(body))
