"""What can be wrong with a message, and so what becomes of it. Each carries a sentence for people."""


class BadSignature(Exception):
    """Not shown to be Stripe's, or not of now: refused, and nothing of it is kept."""


class Unreadable(Exception):
    """No event at all: refused, and only its digest and this reason are kept."""


class Unusable(Exception):
    """An event that we cannot take as facts: kept as evidence, and parked with this reason."""
