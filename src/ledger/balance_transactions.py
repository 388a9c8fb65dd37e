"""Balance transactions: every single movement of what the provider holds for us, its fees with it.

Only lists carry them, and they alone say what the provider's balance is. What they clear was received, sent
or taken by other facts before, or will be."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact


class BalanceTransactionSeen(Fact, frozen=True, kw_only=True, tag="balance-transaction-seen"):
    """The provider's balance (`balance` is which of them) moved by `net`, on behalf of `source`: by
    `cleared`, which is in the currency in which other facts told it, or by `exchanged`, which was `presented`
    in another; less the `fee`, or `dispute_fee`, that was kept, and in a connected account's books the
    `platform_fee`, its platform's. `kind` is the provider's category. So
    net = cleared + exchanged - fee - dispute_fee - platform_fee; all but `presented` are in `currency`. A
    balance that is only held back for us moves by nothing here: reserves tell of themselves."""

    transaction: str
    source: str
    kind: str
    currency: str
    net: int
    cleared: int = 0
    exchanged: int = 0
    presented: int = 0
    presented_currency: str = ""
    fee: int = 0
    dispute_fee: int = 0
    platform_fee: int = 0
    balance: str = "payments"
    available_at: datetime | None = None
