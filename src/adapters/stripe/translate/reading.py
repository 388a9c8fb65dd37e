"""How every subject reads its object: as it is now, as it was before, and when."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from ledgerstone.adapters.stripe.envelope import Envelope
from ledgerstone.adapters.stripe.faults import Unusable
from ledgerstone.adapters.stripe.wire.fields import Page, Wire
from ledgerstone.ledger.evidence import RefetchWanted
from ledgerstone.ledger.fact import Terms
from ledgerstone.ledger.facts import AnyFact

W = TypeVar("W", bound=Wire)
T = TypeVar("T", bound=Terms)


class Told(Struct, frozen=True, gc=False):
    """A fact that a message tells of, under its name, and when it happened."""

    name: str
    at: datetime
    fact: AnyFact


def observed(event: Envelope, kind: str, fact: AnyFact) -> Told:
    """An observation: named by the event that shows the object, true from when Stripe made the event."""
    return Told(f"{event.name}/{kind}", event.created, fact)


def refetch(event: Envelope, object: str, id: str, **lists: Page | None) -> Iterator[Told]:
    """The wish for a whole object, where the event shows the first page only of some of its lists."""
    partly = " and of ".join(name for name, page in lists.items() if page is not None and page.has_more)
    if partly:
        wanted = RefetchWanted(
            object=object, id=id, reason=f"its list of {partly} is not complete (has_more)"
        )
        yield Told(f"{event.name}/refetch", event.created, wanted)


def states(event: Envelope, wire: type[W], terms: Callable[[W], T]) -> tuple[W, T, T | None]:
    """The event's object, what we keep of it now, and what that was before; None where the event does not
    say so or nothing of it changed. Raises Unusable."""
    found = read(event.object, wire)
    now = terms(found)
    return found, now, _before(event, wire, terms, now)


def read(value: Any, wire: type[W], place: str = "data.object") -> W:
    """JSON as the object it should be; Unusable names the field that is not as it should be."""
    try:
        return convert(value, wire)
    except ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise Unusable(f"{place}{where.rstrip('`')}: {what[:1].lower()}{what[1:]}") from None


def overlaid(now: Any, before: Any) -> Any:
    """A value as it was, from what it is and what the event says of its past.

    Stripe gives of a nested hash only the keys that changed (since 2015-01-26), of an array with any change
    the whole (since 2017-05-25), and null for a key that was not there."""
    if not (isinstance(now, dict) and isinstance(before, dict)):
        return before
    return {**now, **{key: overlaid(now.get(key), was) for key, was in before.items()}}


def moment(seconds: int) -> datetime:
    """Unix seconds as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe_moment(seconds: int | None) -> datetime | None:
    """Unix seconds as an aware time, or None where the field is null or absent."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _before(event: Envelope, wire: type[W], terms: Callable[[W], T], now: T) -> T | None:
    previous = event.previous
    if previous is None or event.first:
        return None
    if not isinstance(previous, Mapping):
        raise Unusable("data.previous_attributes: expected an object")
    changed = previous.keys() & wire.__struct_encode_fields__
    if not changed:
        return None
    older = overlaid(event.object, {key: previous[key] for key in changed})
    before = terms(read(older, wire))
    return None if before == now else before
