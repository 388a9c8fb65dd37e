"""What became of every object, worked out slowly from a set of messages.

A second telling of the rules for order, written from the design's words alone: plain dictionaries of the
provider's JSON, no types of the program's. A message is an event, or a page of a list: `{"swept": object,
"requested": second}`. Nothing here looks at the order in which messages are given.

Where the words are silent, this is how they are read here:
- an event without `previous_attributes` saw its object and changed nothing: before and after are the same,
  and what is null is the same as what is missing;
- a state is what the books are worked out from: objects that differ in other fields are in the same state;
- "an event is missing" when the edges of a second cannot be walked in one go, that of an event that changed
  nothing included: then the walk's end is no answer, even if there is one end;
- "a circle" comes back to what was held before, if that is on it, or if it is of one state only, to that;
- who is chosen by rank and event id is chosen among the states that were entered more often than left, or
  never left, or if there are none, among all that the events of that second showed; what the making of the
  object showed is chosen last, since nothing comes before that;
- deleted comes after a terminal status; what is left to order among ends is ordered by their edges;
- a page is an event that changed nothing;
- an upcoming invoice is none yet;
- a coupon's id may be used again: each life, told apart by `created`, is an object of its own;
- before its first message an object was what that second left more often than it entered, if that is sure.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

Json = dict[str, Any]
Name = tuple[str, ...]

FIVE_MINUTES = 300

RANKS: dict[str, list[str]] = {
    "subscription": [
        "incomplete", "trialing", "active", "past_due", "unpaid", "paused", "incomplete_expired", "canceled",
    ],
    "invoice": ["draft", "open", "uncollectible", "paid", "void"],
    "refund": ["pending", "requires_action", "succeeded", "canceled", "failed"],
    "payment_intent": [
        "requires_payment_method", "requires_confirmation", "requires_action", "processing",
        "requires_capture", "canceled", "succeeded",
    ],
}  # fmt: skip
TERMINAL = {
    "subscription": {"incomplete_expired", "canceled"},
    "invoice": {"paid", "void"},
    "refund": {"canceled", "failed"},
    "payment_intent": {"canceled", "succeeded"},
}


WHAT_MATTERS = {
    "customer": {"address", "shipping", "metadata"},
    "invoice": {
        "amount_due", "amount_paid", "amount_paid_off_stripe", "amount_remaining", "created", "currency",
        "customer", "due_date", "lines", "number", "parent", "status", "status_transitions", "total",
        "total_taxes", "amount_overpaid",
    },
    "payment_intent": {"amount", "created", "currency", "customer", "payment_method_types", "status"},
    "subscription": {
        "cancel_at", "cancel_at_period_end", "canceled_at", "cancellation_details", "currency", "customer",
        "discounts", "ended_at", "items", "pause_collection", "start_date", "status", "trial_end",
    },
}  # fmt: skip


class Edge(NamedTuple):
    """What one event says happened: from a state to a state. `before` None: it was made."""

    id: str
    before: Json | None
    after: Json
    deleted: bool


class Step(NamedTuple):
    """After second `at` the object was so; not `sure` when an event is missing."""

    at: float
    state: Json
    sure: bool
    deleted: bool


class History(NamedTuple):
    """`before` is what it was ahead of its first second, as far as a message says."""

    before: Json | None
    steps: list[Step]

    def at(self, end: float) -> Json:
        """What it was just before `end`, by the times of messages; ahead of them, what they begin with."""
        said = [step.state for step in self.steps if step.at < end]
        return said[-1] if said else self.before or self.steps[0].state

    def last(self) -> Step:
        return self.steps[-1]


def histories(messages: Iterable[Json]) -> dict[Name, History]:
    """By kind and id, of every object that a message shows."""
    told: dict[str, Json] = {_name(message): message for message in messages}
    seconds: dict[Name, dict[float, list[Edge]]] = defaultdict(lambda: defaultdict(list))
    for name, message in sorted(told.items()):
        if "swept" in message:
            page = message["swept"]
            at = message["requested"] - FIVE_MINUTES
            seconds[_object(page)][at].append(Edge(name, page, page, False))
        elif "id" in message["data"]["object"] and message["type"] != "invoice.upcoming":
            seconds[_object(message["data"]["object"])][message["created"]].append(_edge(message))
            for edge in _discounts(message):
                seconds["discount", edge.after["id"]][message["created"]].append(edge)
    return {name: _history(name[0], some) for name, some in seconds.items()}


def _name(message: Json) -> str:
    if "swept" in message:
        return f"swept/{message['swept']['id']}/{message['requested']}"
    return str(message["id"])


def _object(it: Json) -> Name:
    kind = it["object"]
    return (kind, it["id"], str(it["created"])) if kind == "coupon" else (kind, it["id"])


def _edge(event: Json) -> Edge:
    it, verb = event["data"]["object"], event["type"].rpartition(".")[2]
    previous = event["data"].get("previous_attributes")
    before = None if verb == "created" else overlaid(it, previous or {})
    return Edge(event["id"], before, it, verb == "deleted")


def _discounts(event: Json) -> Iterable[Edge]:
    """What a customer's message says of the discount that it shows, or has no more."""
    it, previous = event["data"]["object"], event["data"].get("previous_attributes") or {}
    now = it.get("discount") if it["object"] == "customer" else None
    if now:
        yield Edge(event["id"], now, now, False)
    if it["object"] == "customer" and previous.get("discount"):
        was = overlaid(now or {}, previous["discount"])
        if not now or was["id"] != now["id"]:
            yield Edge(event["id"], was, was, True)


def overlaid(it: Json, previous: Json) -> Json:
    """The object as it was: hashes by key, everything else whole."""
    was = dict(it)
    for key, old in previous.items():
        now = it.get(key)
        was[key] = overlaid(now, old) if isinstance(now, dict) and isinstance(old, dict) else old
    return was


def same(it: Json) -> str:
    """Equal for states that are equal in what matters here."""
    matters = WHAT_MATTERS.get(it["object"], it.keys())
    return json.dumps(_without_nulls({key: it.get(key) for key in matters}), sort_keys=True)


def _without_nulls(it: Any) -> Any:
    if isinstance(it, dict):
        return {key: _without_nulls(value) for key, value in it.items() if value is not None}
    return [_without_nulls(each) for each in it] if isinstance(it, list) else it


def _history(kind: str, seconds: dict[float, list[Edge]]) -> History:
    steps: list[Step] = []
    for at in sorted(seconds):
        held = None if not steps or steps[-1].deleted else steps[-1].state
        steps.append(_after(kind, at, seconds[at], held))
    return History(_start(seconds[min(seconds)]), steps)


def _after(kind: str, at: float, edges: list[Edge], held: Json | None) -> Step:
    ends = [edge for edge in edges if edge.deleted]
    ends = ends or [edge for edge in edges if edge.after.get("status") in TERMINAL.get(kind, ())]
    chosen, sure = _end(kind, ends or edges, held)
    return Step(at, chosen, sure, any(edge.deleted for edge in edges))


def _end(kind: str, edges: list[Edge], held: Json | None) -> tuple[Json, bool]:
    """The state after a second, and whether the events leave no doubt of it."""
    if len(edges) == 1:
        return edges[0].after, True
    balance = _balance(edges)
    entered = {state for state, times in balance.items() if times > 0}
    shown = {same(edge.after): edge.after for edge in edges}
    if _hang_together(edges):
        if len(entered) == 1 and sum(balance[state] for state in entered) == 1:
            return shown[entered.pop()], True
        if not entered and held is not None and same(held) in balance:
            return held, True
        if len(shown) == 1:
            return edges[0].after, True
    left = {same(edge.before) for edge in edges if edge.before is not None and _changes(edge)}
    open_ends = entered | (shown.keys() - left) or shown.keys()
    last = max(
        (edge for edge in edges if same(edge.after) in open_ends),
        key=lambda edge: (edge.before is not None, _rank(kind, edge.after), edge.id),
    )
    return last.after, False


def _changes(edge: Edge) -> bool:
    return edge.before is None or same(edge.before) != same(edge.after)


def _start(edges: list[Edge]) -> Json | None:
    """What an object was before its first second, if a message says so and it was not made then."""
    left = [state for state, times in _balance(edges).items() if times < 0]
    made = any(edge.before is None for edge in edges)
    if made or len(left) != 1:
        return None
    return next(edge.before for edge in edges if edge.before is not None and same(edge.before) == left[0])


def _balance(edges: list[Edge]) -> Counter[str]:
    """How much more often each state was entered than left."""
    balance: Counter[str] = Counter()
    for edge in edges:
        balance[same(edge.after)] += 1
        if edge.before is not None:
            balance[same(edge.before)] -= 1
    return balance


def _hang_together(edges: list[Edge]) -> bool:
    reached = {same(edges[0].after)}
    for _ in edges:
        for edge in edges:
            ends = {same(edge.after)} | ({same(edge.before)} if edge.before is not None else set())
            if ends & reached:
                reached |= ends
    return all(same(edge.after) in reached for edge in edges)


def _rank(kind: str, state: Json) -> int:
    ranks = RANKS.get(kind, [])
    return ranks.index(state["status"]) if state.get("status") in ranks else -1
