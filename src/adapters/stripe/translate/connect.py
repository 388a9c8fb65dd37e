"""Connected accounts: what they may do, and whether we still act for them."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, maybe_moment, observed, read, states
from ledgerstone.adapters.stripe.wire import connect as wire
from ledgerstone.adapters.stripe.wire.fields import id_of
from ledgerstone.ledger.connect import (
    AccountAuthorized,
    AccountDeauthorized,
    Capability,
    CapabilitySeen,
    ConnectedAccount,
    ConnectedAccountSeen,
    Wanted,
)


def account_told(event: Envelope) -> Iterator[Told]:
    """`account.updated`: the account is seen; who stands behind it stays in the evidence."""
    account, now, before = states(event, wire.Account, _account)
    seen = ConnectedAccountSeen(id=account.id, now=now, before=before, first=event.first, last=event.last)
    yield observed(event, "account", seen)


def capability_told(event: Envelope) -> Iterator[Told]:
    """`capability.updated`: the capability is seen."""
    capability, now, before = states(event, wire.Capability, _capability)
    seen = CapabilitySeen(account=id_of(capability.account), capability=capability.id, now=now, before=before)
    yield observed(event, "capability", seen)


def application_told(event: Envelope) -> Iterator[Told]:
    """`account.application.*`: the message shows the application; the account is only in its envelope."""
    application = read(event.object, wire.Application).id
    if event.account is None:
        raise Unusable("`account` does not say whose application this is")
    if event.type.endswith(".deauthorized"):
        gone = AccountDeauthorized(account=event.account, application=application)
        yield observed(event, "deauthorized", gone)
    else:
        given = AccountAuthorized(account=event.account, application=application)
        yield observed(event, "authorized", given)


def _account(account: wire.Account) -> ConnectedAccount:
    return ConnectedAccount(
        country=account.country.upper() if account.country else None,
        currency=account.default_currency.lower() if account.default_currency else None,
        charges_enabled=account.charges_enabled,
        payouts_enabled=account.payouts_enabled,
        details_submitted=account.details_submitted,
        wanted=_wanted(account.requirements),
        capabilities=tuple(sorted((account.capabilities or {}).items())),
    )


def _capability(capability: wire.Capability) -> Capability:
    return Capability(
        status=capability.status,
        requested=capability.requested,
        wanted=_wanted(capability.requirements),
    )


def _wanted(requirements: wire.Requirements | None) -> Wanted:
    if requirements is None:
        return Wanted()
    return Wanted(
        due=tuple(sorted(requirements.currently_due or ())),
        late=tuple(sorted(requirements.past_due or ())),
        checked=tuple(sorted(requirements.pending_verification or ())),
        deadline=maybe_moment(requirements.current_deadline),
        reason=requirements.disabled_reason,
    )
