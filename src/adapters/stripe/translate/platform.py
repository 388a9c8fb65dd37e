"""What a platform earns of its connected accounts, and what it passes on to them."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.currencies import minor
from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.translate.reading import Told, moment, read, refetch
from ledgerstone.adapters.stripe.wire import platform as wire
from ledgerstone.adapters.stripe.wire.fields import id_of, maybe_id
from ledgerstone.ledger.platform import (
    ConnectedTransferMade,
    ConnectedTransferReversed,
    PlatformFeeEarned,
    PlatformFeeRefunded,
)


def fee_told(event: Envelope) -> Iterator[Told]:
    """`application_fee.created`, `.refunded`: the fee was earned, and every refund that it lists was made;
    the sum of them (`amount_refunded`) is no fact."""
    fee = read(event.object, wire.ApplicationFee)
    currency = fee.currency.lower()
    earned = PlatformFeeEarned(
        fee=fee.id,
        amount=minor(fee.amount, currency),
        currency=currency,
        account=maybe_id(fee.account),
        charge=maybe_id(fee.charge),
    )
    yield Told(f"platform-fee/{fee.id}/earned", moment(fee.created), earned)
    for refund in fee.refunds.data if fee.refunds else ():
        yield _refunded(refund)
    yield from refetch(event, "application_fee", fee.id, refunds=fee.refunds)


def fee_refund_told(event: Envelope) -> Iterator[Told]:
    """`application_fee.refund.updated`: a refund tells of itself."""
    yield _refunded(read(event.object, wire.FeeRefund))


def transfer_told(event: Envelope) -> Iterator[Told]:
    """`transfer.*`: the transfer was made, and every reversal that it lists; `amount_reversed` is no fact."""
    transfer = read(event.object, wire.Transfer)
    currency, account = transfer.currency.lower(), maybe_id(transfer.destination)
    made = ConnectedTransferMade(
        transfer=transfer.id,
        amount=minor(transfer.amount, currency),
        currency=currency,
        account=account,
        charge=maybe_id(transfer.source_transaction),
    )
    yield Told(f"transfer/{transfer.id}/made", moment(transfer.created), made)
    for reversal in transfer.reversals.data if transfer.reversals else ():
        yield _reversed(reversal, account)
    yield from refetch(event, "transfer", transfer.id, reversals=transfer.reversals)


def _refunded(refund: wire.FeeRefund) -> Told:
    currency = refund.currency.lower()
    fact = PlatformFeeRefunded(
        refund=refund.id,
        fee=id_of(refund.fee),
        amount=minor(refund.amount, currency),
        currency=currency,
    )
    return Told(f"platform-fee-refund/{refund.id}", moment(refund.created), fact)


def _reversed(reversal: wire.Reversal, account: str | None) -> Told:
    currency = reversal.currency.lower()
    fact = ConnectedTransferReversed(
        reversal=reversal.id,
        transfer=id_of(reversal.transfer),
        amount=minor(reversal.amount, currency),
        currency=currency,
        account=account,
    )
    return Told(f"transfer-reversal/{reversal.id}", moment(reversal.created), fact)
