"""One step back: each object as the version before showed it, now and in what an event says of the past."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ledgerstone.demo.stripe_shapes import Json, changes
from ledgerstone.demo.versions.known import Known

Change = Callable[[Json, Known], Json]


class Step(Struct, frozen=True):
    """To `version`: how it shows kinds of objects (by their `object`), and which events it does not have."""

    version: str
    shows: Mapping[str, Change]
    lacks: frozenset[str] = frozenset()


def taken(events: Iterable[Json], step: Step) -> Iterator[Json]:
    """The events one step back; what one shows, later ones may repeat."""
    known = Known()
    for event in events:
        known.learn(event["data"]["object"])
        if event["type"] not in step.lacks:
            yield {**event, "api_version": step.version, "data": _data(event["data"], step, known)}


def _data(data: Json, step: Step, known: Known) -> Json:
    """The past is laid out whole, taken back too, and compared again, to say the change in older words."""
    now = _shown(data["object"], step, known)
    if "previous_attributes" not in data:
        return {"object": now}
    before = _shown(laid_over(data["object"], data["previous_attributes"]), step, known)
    return {"object": now, "previous_attributes": changes(before, now)}


def _shown(value: Any, step: Step, known: Known) -> Any:
    """Inner objects first, so that an outer one is made of older parts."""
    if isinstance(value, list):
        return [_shown(each, step, known) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _shown(each, step, known) for key, each in value.items()}
    change = step.shows.get(inner.get("object", ""))
    return change(inner, known) if change else inner


def laid_over(now: Json, previous: Json) -> Json:
    """The object before an update, from the object now and `previous_attributes`: hashes by key."""
    return {**now, **{key: _before(now.get(key), old) for key, old in previous.items()}}


def _before(now: Any, old: Any) -> Any:
    return laid_over(now, old) if isinstance(now, dict) and isinstance(old, dict) else old


def without(object: Json, *names: str) -> Json:
    """The object less some fields."""
    return {name: value for name, value in object.items() if name not in names}
