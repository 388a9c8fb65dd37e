"""What is to be recorded when Stripe says this?"""

from msgspec import Struct

from ledgerstone.adapters.stripe.envelope import Envelope, read_envelope
from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.thin_types import THIN_TYPES
from ledgerstone.adapters.stripe.translate import thin
from ledgerstone.adapters.stripe.translate.reading import Told
from ledgerstone.adapters.stripe.translate.routes import LISTED, ROUTES
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded


class Message(Struct, frozen=True):
    """Rows for one append: the evidence, then its facts. `ignored` says why there are none."""

    rows: tuple[Recorded, ...] = ()
    ignored: str | None = None


def read_message(body: bytes, *, source: str, signature: str | None, livemode: bool) -> Message:
    """What a message becomes in a log of the given mode; `source` is `webhook`, `api` or `import`.

    Raises Unreadable for what is no event. An event of the other mode is ignored (`livemode`). One that
    cannot be taken as facts is its evidence alone, `parked` with the reason."""
    event = read_envelope(body)
    if event.livemode is not None and event.livemode is not livemode:
        return Message(ignored="livemode")
    told, parked = facts(event)
    book = Book(event.account or "", livemode)
    heard = StripeEventHeard(
        id=event.id,
        event_type=event.type,
        created=event.created,
        payload=body,
        source=source,
        signature=signature,
        api_version=event.api_version,
        account=event.account,
        livemode=livemode,
        unknown=event.type not in (THIN_TYPES if event.thin else EVENT_TYPES),
        parked=parked,
    )
    evidence = Recorded(name=event.name, book=book, happened_at=event.created, body=heard)
    return Message(rows=(evidence, *[row(each, book, evidence.name) for each in told]))


def row(told: Told, book: Book, cause: str) -> Recorded:
    """A fact as it is recorded, with the movements that follow from it."""
    return Recorded(
        name=_name(told, book, cause),
        book=book,
        happened_at=told.at,
        body=told.fact,
        cause=cause,
        movements=movements(told.fact),
    )


def _name(told: Told, book: Book, cause: str) -> str:
    """What a connected account tells of an object bears the account's name: ids are unique within one
    account, some are chosen by users, and a fact of one must never pass for another's. What is named by its
    event needs no more: of events there is one with an id."""
    is_named_by_event = not book.account or told.name.startswith(f"{cause}/")
    return told.name if is_named_by_event else f"{book.account}/{told.name}"


def facts(event: Envelope) -> tuple[tuple[Told, ...], str | None]:
    """All the facts of an event, or none and the reason. A mistake of ours must not cost the evidence."""
    routes = {**ROUTES, **LISTED} if event.swept else ROUTES
    reader = thin.told if event.thin else routes.get(event.type)
    if event.parked is not None or reader is None:
        return (), event.parked
    try:
        return tuple(reader(event)), None
    except Unusable as unusable:
        return (), str(unusable)
    except Exception as mistake:
        return (), f"our reader of {event.type} failed, which is a mistake of ours: {mistake!r}"
