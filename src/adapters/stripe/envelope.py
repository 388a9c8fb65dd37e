"""Which event is this, and what object does it show? The outer layer of a message."""

from datetime import UTC, datetime
from typing import Any, TypeGuard

from msgspec import Struct, ValidationError, convert

from ledgerstone.adapters.stripe import strict_json
from ledgerstone.adapters.stripe.faults import Unreadable

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a parked event happened that gives no time: the same by every route, and before everything."""

_EARLIEST = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_THIN = "v2.core.event"


class Envelope(Struct, frozen=True):
    """An event. `object`, `previous` (attributes) and `related` (object) are JSON as it came; `livemode` is
    None where the event does not say; `parked` tells why nothing may be read from it.

    A `thin` one shows no object: it says that the related one changed. Its `account` is the last of the
    accounts that its context names, the outermost first."""

    id: str
    type: str
    created: datetime
    livemode: bool | None
    object: Any
    previous: Any
    account: str | None = None
    api_version: str | None = None
    parked: str | None = None
    thin: bool = False
    related: Any = None
    swept: str | None = None
    """The name of what was seen in a list, where this is no event."""

    @property
    def name(self) -> str:
        """The name of the evidence, with which the names of observations begin."""
        return self.swept or f"stripe/{self.id}"

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
    return _thin(event, oddity) if event.get("object") == _THIN else _snapshot(event, oddity)


def _snapshot(event: dict[str, Any], oddity: str | None) -> Envelope:
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


def _thin(event: dict[str, Any], oddity: str | None) -> Envelope:
    created, livemode, context = _instant(event.get("created")), event.get("livemode"), event.get("context")
    account = context.rpartition("/")[2] if type(context) is str and context else context or None
    return Envelope(
        id=_nameable(event, "id"),
        type=_nameable(event, "type"),
        created=created or UNDATED,
        livemode=livemode if type(livemode) is bool else None,
        object=None,
        previous=None,
        account=account if _is_name(account) else None,
        parked=oddity or _thin_flaw(created, livemode, account),
        thin=True,
        related=event.get("related_object"),
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


def _instant(created: object) -> datetime | None:
    """RFC 3339 with its zone, as thin events have it; None for all else."""
    try:
        at = convert(created, datetime) if type(created) is str else None
        return at.astimezone(UTC) if at and at.tzinfo and _is_sane(int(at.timestamp())) else None
    except (ValidationError, OverflowError):
        return None


def _flaw(created: object, livemode: object, account: object) -> str | None:
    if not _is_sane(created):
        return "`created` is not a Unix time between 2010 and 2100"
    return _misplaced(livemode, account, "`account` is not an account's id")


def _thin_flaw(created: datetime | None, livemode: object, account: object) -> str | None:
    if created is None:
        return "`created` is not a time as in RFC 3339 between 2010 and 2100"
    return _misplaced(livemode, account, "`context` does not end in an account's id")


def _misplaced(livemode: object, account: object, nobodys: str) -> str | None:
    if type(livemode) is not bool:
        return "`livemode` is neither true nor false"
    return nobodys if account is not None and not _is_name(account) else None
