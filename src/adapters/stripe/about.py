"""Which object is an event about?"""

from typing import Any

import msgspec
from msgspec import Struct


class _Thing(Struct):
    id: Any = None


class _Data(Struct):
    object: _Thing | None = None


class _Snapshot(Struct):
    data: _Data | None = None


class _Thin(Struct):
    related_object: _Thing | None = None


_snapshot = msgspec.json.Decoder(_Snapshot).decode
_thin = msgspec.json.Decoder(_Thin).decode


def about(payload: bytes) -> str | None:
    """The id of `data.object`, or of a thin event's `related_object`; None where there is none that anybody
    could ask for. What is wrong elsewhere in the message does not matter."""
    return _id(_object(payload)) or _id(_related(payload))


def _object(payload: bytes) -> Any:
    try:
        data = _snapshot(payload).data
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return data.object.id if data and data.object else None


def _related(payload: bytes) -> Any:
    try:
        related = _thin(payload).related_object
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return related.id if related else None


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable() else None
