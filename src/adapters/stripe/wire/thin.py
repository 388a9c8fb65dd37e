"""The object that a thin event names, as Stripe writes it."""

from ledgerstone.adapters.stripe.wire.fields import Id, Wire


class Related(Wire, frozen=True):
    """What there is only one of, as an account's balance or a customer's discount, has no id here."""

    type: Id
    id: Id | None = None
    url: Id | None = None
