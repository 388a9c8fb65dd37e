"""Which event is this, and what object does it show? The outer layer of a message."""

from datetime import UTC, datetime
from typing import Any, TypeGuard

from msgspec import Struct

from ledgerstone.adapters.stripe import strict_json
from ledgerstone.adapters.stripe.faults import Unreadable

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a parked event happened that gives no time: the same by every route, and before everything."""

_EARLIEST = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


class Envelope(Struct, frozen=True):
    """An event. `object` and `previous` (attributes) are JSON as it came; `livemode` is None where the event
    does not say; `parked` tells why nothing may be read from it."""

    id: str
    type: str
    created: datetime
    livemode: bool | None
    object: Any
    previous: Any
    account: str | None = None
    api_version: str | None = None
    parked: str | None = None

    @property
    def first(self) -> bool:
        """The object was born with this event."""
        return self.type.endswith(".created")

    @property
    def last(self) -> bool:
        """The object is gone with this event."""
        return self.type.endswith(".deleted")


def read_envelope(body: bytes) -> Envelope:
    """The event in a signed body. Raises Unreadable when it is not an object with a nameable `id` and `type`;
    whatever else is wrong parks it."""
    event, oddity = strict_json.parse(body)
    if type(event) is not dict:
        raise Unreadable("the body is JSON, but not an object")
    data = event.get("data")
    data = data if type(data) is dict else {}
    created, livemode, account = event.get("created"), event.get("livemode"), event.get("account")
    return Envelope(
        id=_nameable(event, "id"),
        type=_nameable(event, "type"),
        created=datetime.fromtimestamp(created, UTC) if _is_sane(created) else UNDATED,
        livemode=livemode if type(livemode) is bool else None,
        object=data.get("object"),
        previous=data.get("previous_attributes"),
        account=account if _is_name(account) else None,
        api_version=event["api_version"] if _is_name(event.get("api_version")) else None,
        parked=oddity or _flaw(created, livemode, account),
    )


def _nameable(event: dict[str, Any], key: str) -> str:
    value = event.get(key)
    if not _is_name(value):
        raise Unreadable(f"the event's `{key}` is not a string that can name it")
    return str(value)


def _is_name(value: object) -> bool:
    """Names are parts of our names, between slashes."""
    return type(value) is str and 0 < len(value) <= 255 and value.isprintable() and "/" not in value


def _is_sane(created: object) -> TypeGuard[int]:
    return type(created) is int and _EARLIEST <= created < _LATEST


def _flaw(created: object, livemode: object, account: object) -> str | None:
    if not _is_sane(created):
        return "`created` is not a Unix time between 2010 and 2100"
    if type(livemode) is not bool:
        return "`livemode` is neither true nor false"
    if account is not None and not _is_name(account):
        return "`account` is not an account's id"
    return None
