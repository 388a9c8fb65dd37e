"""Connected accounts: whose customers pay through us, and what the provider lets them do.

They stand in the account's own book. Who they are and where they bank is in no fact."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact, Terms


class Wanted(Terms, frozen=True):
    """What the provider still wants to know, in its own words for it: `due` by `deadline`, `late` already,
    `checked` now. `reason` says why something is switched off until then."""

    due: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    deadline: datetime | None = None
    reason: str | None = None


class ConnectedAccount(Terms, frozen=True):
    """An account at one moment; `capabilities` are names and statuses, in the order of their names. What a
    message does not say is None."""

    country: str | None = None
    currency: str | None = None
    charges_enabled: bool | None = None
    payouts_enabled: bool | None = None
    details_submitted: bool | None = None
    wanted: Wanted = Wanted()
    capabilities: tuple[tuple[str, str], ...] = ()


class ConnectedAccountSeen(Fact, frozen=True, tag="connected-account-seen"):
    """A message showed an account."""

    id: str
    now: ConnectedAccount
    before: ConnectedAccount | None = None
    first: bool = False
    last: bool = False


class Capability(Terms, frozen=True):
    """Something that an account may do, as to take cards: `active`, `inactive`, `pending` …"""

    status: str
    requested: bool = False
    wanted: Wanted = Wanted()


class CapabilitySeen(Fact, frozen=True, tag="capability-seen"):
    """A message showed one capability of an account."""

    account: str
    capability: str
    now: Capability
    before: Capability | None = None
    first: bool = False
    last: bool = False


class AccountAuthorized(Fact, frozen=True, tag="account-authorized"):
    """An account let our application act for it."""

    account: str
    application: str


class AccountDeauthorized(Fact, frozen=True, tag="account-deauthorized"):
    """An account took that back: we can neither act for it nor hear of it any more."""

    account: str
    application: str


def rank(terms: Terms) -> int:
    """No status of these comes after the others: all rank alike."""
    return 0
