"""Since when an object was as a message shows it: the object's own dates before the message's.

Silent in the design, and read so: leaving a trial and going on counts from `trial_end`; a date of
the object's that is later than the message is not believed; what a later message says of an earlier time
stands above what an earlier message said of it; a customer whose deletion shows no more than the id stays who
and where it was.
"""

from typing import NamedTuple

from tests.plain.history import History, Json

ENDED = ("canceled", "incomplete_expired")
SINCE = {
    "open": "finalized_at",
    "paid": "paid_at",
    "void": "voided_at",
    "uncollectible": "marked_uncollectible_at",
}


class Mark(NamedTuple):
    """Since `start` it was so, None: there was none any more."""

    start: float
    state: Json | None
    sure: bool = True


class Life(NamedTuple):
    """In the order of what was said."""

    marks: list[Mark]

    def mark(self, end: float) -> Mark | None:
        """The last word about the time just before `end`."""
        said = [mark for mark in self.marks if mark.start < end]
        return said[-1]._replace(state=_resumed(said[-1].state, end)) if said else None

    def at(self, end: float) -> Json | None:
        """What it was just before `end`."""
        mark = self.mark(end)
        return mark.state if mark else None

    def times(self) -> list[float]:
        resumed = [at for mark in self.marks if (at := _resumes_at(mark.state)) is not None]
        return sorted({*(mark.start for mark in self.marks), *resumed})


def _resumes_at(it: Json | None) -> float | None:
    """When collection resumes without a message, of a subscription that goes on."""
    pause = None if it is None or it.get("ended_at") is not None else it.get("pause_collection")
    return pause["resumes_at"] if pause else None


def _resumed(it: Json | None, end: float) -> Json | None:
    at = _resumes_at(it)
    return it if it is None or at is None or at >= end else {**it, "pause_collection": None}


def subscription(history: History) -> Life:
    first = history.steps[0]
    held = history.before or first.state
    marks = [Mark(min(first.state["start_date"], first.at), held)]
    for step in history.steps:
        marks.append(Mark(_subscribed(step.at, step.state, held), step.state, step.sure))
        held = step.state
    return Life(marks)


def _subscribed(at: float, it: Json, held: Json) -> float:
    if it["status"] in ENDED:
        return max(it["ended_at"], it["start_date"]) if it["ended_at"] is not None else at
    left_trial = held["status"] == "trialing" and it["status"] not in ("trialing", "incomplete")
    return min(at, it["trial_end"]) if left_trial and it["trial_end"] is not None else at


def customer(history: History) -> Life:
    """Who pays (`tenant`), where, and whether it was deleted."""
    first = history.steps[0].state
    held: Json = {"tenant": first["id"], "country": None}
    marks: list[Mark] = []
    for step in history.steps:
        it = step.state
        if it.get("metadata") is not None or not it.get("deleted"):
            held = {
                "tenant": (it.get("metadata") or {}).get("tenant_id") or it["id"],
                "country": _country(it),
            }
        marks.append(Mark(step.at, {**held, "deleted": step.deleted}))
    return Life(marks)


def _country(it: Json) -> str | None:
    """That of the address, else that of where goods are sent."""
    places = [it.get("address") or {}, (it.get("shipping") or {}).get("address") or {}]
    named = [place["country"].upper() for place in places if place.get("country")]
    return named[0] if named else None


def invoice(history: History) -> Life:
    first = history.steps[0]
    held = history.before or first.state
    born = min(first.state["created"], first.at)
    marks = [Mark(born, held)]
    for step in history.steps:
        start = step.at
        if step.state["status"] != held["status"] and step.state["status"] in SINCE:
            since = step.state["status_transitions"][SINCE[step.state["status"]]]
            start = min(step.at, since) if since is not None else step.at
        marks.append(Mark(max(start, born), None if step.deleted else step.state, step.sure))
        held = step.state
    return Life(marks)
