"""The event around an object, and what an update says of the state before it."""

from typing import Any

API_VERSION = "2026-10-28.endive"

Json = dict[str, Any]


def event(
    id: str, type: str, created: int, livemode: bool, request: str | None, object: Json, previous: Json | None
) -> Json:
    """A snapshot event; `request` is None where Stripe acted by itself."""
    data = {"object": object} if previous is None else {"object": object, "previous_attributes": previous}
    return {
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": request, "idempotency_key": f"ik-{request}" if request else None},
        "type": type,
    }


def changes(before: Json, after: Json) -> Json:
    """Stripe's `previous_attributes`: changed keys with their old values; hashes by key, arrays whole.

    A key that is new (in metadata) was null before.
    """
    said: Json = {}
    for key, new in after.items():
        old = before.get(key)
        if old is new or old == new:
            continue
        said[key] = changes(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    for key in before.keys() - after.keys():
        said[key] = before[key]
    return said


def listed(data: list[Json], url: str) -> Json:
    """A list inside an object, complete on its first page."""
    return {"object": "list", "data": data, "has_more": False, "total_count": len(data), "url": url}
