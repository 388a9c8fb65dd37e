"""What a platform earns of its connected accounts and passes on to them, as Stripe writes it."""

from ledgerstone.adapters.stripe.wire.fields import Amount, Currency, Id, Page, Ref, Time, Wire


class FeeRefund(Wire, frozen=True):
    id: Id
    fee: Ref
    amount: Amount
    currency: Currency
    created: Time


class FeeRefunds(Page, frozen=True, kw_only=True):
    data: tuple[FeeRefund, ...]


class ApplicationFee(Wire, frozen=True):
    """The charge is the connected account's; of a fee on a payout there is none."""

    id: Id
    amount: Amount
    currency: Currency
    created: Time
    account: Ref | None = None
    charge: Ref | None = None
    refunds: FeeRefunds | None = None


class Reversal(Wire, frozen=True):
    id: Id
    transfer: Ref
    amount: Amount
    currency: Currency
    created: Time


class Reversals(Page, frozen=True, kw_only=True):
    data: tuple[Reversal, ...]


class Transfer(Wire, frozen=True):
    id: Id
    amount: Amount
    currency: Currency
    created: Time
    destination: Ref | None = None
    source_transaction: Ref | None = None
    reversals: Reversals | None = None
