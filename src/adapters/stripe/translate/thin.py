"""Thin events: an object changed, and how is not said. It has to be asked for."""

from collections.abc import Iterator

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.translate.reading import Told, read
from ledgerstone.adapters.stripe.wire import thin as wire
from ledgerstone.ledger.evidence import RefetchWanted

PING = "v2.core.event_destination.ping"
"""Somebody tries whether we hear: nothing changed."""
REASON = "its message is thin: it says that the object changed, and does not show it"


def told(event: Envelope) -> Iterator[Told]:
    """Any thin event: the wish for the object that it names. Few name none, and are kept only."""
    if event.related is None or event.type == PING:
        return
    related = read(event.related, wire.Related, "related_object")
    id = related.id or related.url
    if id is None:
        raise Unusable("related_object: neither id nor url says which object this is")
    wanted = RefetchWanted(object=related.type, id=id, reason=REASON, path=related.url)
    yield Told(f"stripe/{event.id}/refetch", event.created, wanted)
