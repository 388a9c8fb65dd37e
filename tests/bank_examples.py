"""Examples of what moves the provider's balance and our bank accounts: Acme's card payment arrives, and a
transfer of 90.00 pays for two of its invoices, of which a bank kept 0.50."""

from datetime import UTC, date, datetime
from typing import Any

from ledgerstone.ledger import balance_transactions, transfers
from ledgerstone.ledger.facts import AnyFact

ASSIGNED: dict[str, Any] = {
    "transfer": "tr_acme",
    "currency": "eur",
    "invoices": (transfers.Share("in_acme_november", 5_000), transfers.Share("in_acme_december", 3_500)),
    "customer": "cus_acme",
    "to_credit": 550,
    "fee": 50,
}

BANK: dict[str, AnyFact] = {
    "balance-transaction/txn_acme": balance_transactions.BalanceTransactionSeen(
        transaction="txn_acme",
        source="ch_acme_november",
        kind="charge",
        currency="sek",
        net=55_530,
        exchanged=57_000,
        presented=5000,
        presented_currency="eur",
        fee=1_470,
        available_at=datetime(2026, 12, 4, 9, 30, tzinfo=UTC),
    ),
    "bank/SE4550000000058398257466/2026-11-04/17": transfers.TransferReceived(
        transfer="tr_acme",
        account="SE4550000000058398257466",
        amount=9_000,
        currency="eur",
        booked_on=date(2026, 11, 4),
        reference="1234567897",
        bank_reference="17",
    ),
    "transfer/tr_acme/assigned/1": transfers.TransferAssigned(**ASSIGNED),
    "transfer/tr_acme/unassigned/1": transfers.TransferUnassigned(**ASSIGNED),
    "transfer/tr_acme/ignored": transfers.TransferIgnored(
        transfer="tr_acme", amount=9_000, currency="eur", reason="not_ours"
    ),
    "transfer/tr_acme/returned": transfers.TransferReturned(
        transfer="tr_acme", by="tr_back", amount=9_000, currency="eur"
    ),
}
