"""Connected accounts, their capabilities, and the applications that act for them, as Stripe writes them."""

from ledgerstone.adapters.stripe.wire.fields import Currency, Id, Ref, Time, Wire


class Requirements(Wire, frozen=True):
    currently_due: tuple[str, ...] | None = None
    past_due: tuple[str, ...] | None = None
    pending_verification: tuple[str, ...] | None = None
    current_deadline: Time | None = None
    disabled_reason: str | None = None


class Account(Wire, frozen=True):
    """Of an account that manages itself, Stripe shows little."""

    id: Id
    country: str | None = None
    default_currency: Currency | None = None
    charges_enabled: bool | None = None
    payouts_enabled: bool | None = None
    details_submitted: bool | None = None
    requirements: Requirements | None = None
    capabilities: dict[str, str] | None = None


class Capability(Wire, frozen=True):
    """`id` is its name, as `card_payments`."""

    id: Id
    account: Ref
    status: str
    requested: bool = False
    requirements: Requirements | None = None


class Application(Wire, frozen=True):
    id: Id
