"""What a history has shown so far: older versions repeat objects where newer ones name them."""

from collections import defaultdict

from ledgerstone.demo.stripe_shapes import Json

KEPT = {"coupon", "discount", "price", "plan", "payment_intent", "charge", "refund"}


class Known:
    """Objects by kind and id, as they were last shown, and by what they belong to."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Json] = {}
        self._within: dict[tuple[str, str], dict[str, Json]] = defaultdict(dict)
        self._first: dict[str, Json] = {}

    def learn(self, object: Json) -> None:
        """Remember an object that an event shows."""
        kind = object["object"]
        if kind not in KEPT:
            return
        self._objects[kind, object["id"]] = object
        if owner := owner_of(object):
            self._within[kind, owner][object["id"]] = object

    def get(self, kind: str, id: str) -> Json | None:
        """The object as it was last shown."""
        return self._objects.get((kind, id))

    def within(self, kind: str, owner: str) -> list[Json]:
        """All objects of a kind that belong to another, the newest last."""
        return list(self._within[kind, owner].values())

    def first_coupon(self, discount: str, coupon: str) -> Json | None:
        """A discount keeps the coupon that it was given with, whatever bears the coupon's id later."""
        if coupon_now := self.get("coupon", coupon):
            self._first.setdefault(discount, coupon_now)
        return self._first.get(discount)


def owner_of(object: Json) -> str | None:
    """What it belongs to: a payment intent to an invoice, a charge to an intent, a refund to a charge."""
    match object["object"]:
        case "payment_intent":
            return invoice_of(object)
        case "charge":
            return str(object["payment_intent"])
        case "refund":
            return str(object["charge"])
    return None


def invoice_of(intent: Json) -> str | None:
    """The invoice that an intent is to pay."""
    return (intent.get("payment_details") or {}).get("order_reference")
