"""Why a row of a view says what it says, as design 6 has it: every row that a key began or ceased to show,
with the row of the log that stands there, and the message behind that."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple

from ledgerstone.ledger.evidence import EvidenceConfirmed, EvidenceConflict, EvidenceRead, StripeEventHeard
from ledgerstone.ledger.facts import Superseded, tag
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.views import VIEWS
from tests.naive.lists import Nothing, words
from tests.naive.told import Known

Json = dict[str, Any]
BY_NAME = {view.name: view for view in VIEWS if view.row is not None}
COLUMNS = {view.name: view.row.__struct_fields__ for view in VIEWS if view.row is not None}
TIMES = ("valid_from", "valid_to")
FEW = 20
"""Only rows that stand this near are taken for each other."""
BEHIND = ("position", "type", "source", "heard_at", "api_version", "verified", "size", "sha256", "link")


class Change(NamedTuple):
    """What a key began to show instead of what, or for the first time, or ceased to."""

    kind: str
    before: Json | None
    after: Json | None
    known_to: int | None


def explained(
    known: Known, view: str, key: str, book: str, end: datetime | None, column: str | None
) -> list[Json]:
    """`GET /audit/explain/{view}/{key}`. Raises Nothing for a key that nobody told of."""
    if not _heard(known, view, key, book):
        raise Nothing
    return [
        _line(known, view, key, at, change)
        for at, step in _steps(known, view, key, book)
        for change in step
        if _is_asked(change, end, column)
    ]


def _steps(known: Known, view: str, key: str, book: str) -> Iterator[tuple[int, list[Change]]]:
    own = known.versions[view].get((book, key), [])
    come = [(each.known_from, "came", each) for each in own]
    gone = [(each.known_to, "went", each) for each in own if each.known_to is not None]
    edges = sorted([*come, *gone], key=lambda edge: (edge[0], edge[2].place, edge[2].known_from))
    for at, step in groupby(edges, key=lambda edge: edge[0]):
        found = list(step)
        went, came = ([one for _, what, one in found if what == side] for side in ("went", "came"))
        yield at, _changes(went, came)


def _changes(went: list[Any], came: list[Any]) -> list[Change]:
    """Each row that came instead of the one that went and is most like it, else as what follows one that came
    beside it; then what only went."""
    rows = [_said(each.row) for each in came]
    pairs = sorted(
        (_differences(_said(old.row), rows[at]), abs(old.place - new.place), at, other)
        for at, new in enumerate(came)
        for other, old in enumerate(went)
        if abs(at - other) <= FEW and _is_like(_said(old.row), rows[at])
    )
    instead: dict[int, int] = {}
    for _, _, at, other in pairs:
        if at not in instead and other not in instead.values():
            instead[at] = other
    found = []
    for at, new in enumerate(came):
        if at in instead:
            found.append(Change("changed", _said(went[instead[at]].row), rows[at], new.known_to))
            continue
        near = [row for other, row in enumerate(rows) if other != at and -FEW <= other - at < FEW]
        ended = [row for row in near if "valid_to" in row and row["valid_to"] == rows[at]["valid_from"]]
        like = [row for row in ended if _is_like(row, rows[at])]
        before = min(like, key=lambda row: _differences(row, rows[at]), default=None)
        found.append(Change("followed" if before else "opened", before, rows[at], new.known_to))
    rest = [old for other, old in enumerate(went) if other not in instead.values()]
    return [*found, *(Change("closed", _said(old.row), None, None) for old in rest)]


def _said(row: Any) -> Json:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _is_like(one: Json, other: Json) -> bool:
    """In half of what they say besides their times."""
    names = [name for name in one if name not in TIMES]
    return bool(2 * sum(one[name] != other[name] for name in names) <= len(names))


def _differences(one: Json, other: Json) -> int:
    return sum(one[name] != other[name] for name in one)


def _is_asked(change: Change, end: datetime | None, column: str | None) -> bool:
    sides = [change.after] if change.kind == "followed" else [change.before, change.after]
    if end is not None and not any(_was_true(side, end) for side in sides if side is not None):
        return False
    return column is None or column in _changed(change)


def _was_true(row: Json, end: datetime) -> bool:
    if "valid_from" in row:
        return bool(row["valid_from"] < end and (row["valid_to"] is None or row["valid_to"] >= end))
    return bool(row["at"] < end) if "at" in row else True


def _changed(change: Change) -> Json:
    before, after = change.before or {}, change.after or {}
    sides = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
    return {name: {"before": was, "after": now} for name, (was, now) in sides.items() if was != now}


def _line(known: Known, view: str, key: str, at: int, change: Change) -> Json:
    _, recorded_at, row = known.log[at - 1]
    shown: Json = change.after or change.before or {}
    name = _evidence(row)
    return {
        "position": at,
        "change": change.kind,
        "known_to": change.known_to,
        **{column: shown.get(column) for column in (*TIMES, "at")},
        "changed": _changed(change),
        "row": change.after,
        "recorded_at": recorded_at,
        "happened_at": row.happened_at,
        "fact": tag(type(row.body)),
        "name": row.name,
        "actor": row.actor,
        "through": _through(known, view, key, at),
        "corrected": _corrected(row.body),
        "evidence": name,
        **_behind(known, at, row, name),
    }


def _corrected(body: Any) -> Json | None:
    if not isinstance(body, Superseded):
        return None
    return {"first": body.first, "was": words(body.was), "now": words(body.now)}


def _evidence(row: Recorded) -> str | None:
    if isinstance(row.body, StripeEventHeard):
        return row.name
    remarks = EvidenceConflict | EvidenceConfirmed | EvidenceRead
    return row.body.first if isinstance(row.body, remarks) else row.cause


def _behind(known: Known, at: int, row: Recorded, name: str | None) -> Json:
    """The message that a row is, else the one that told it; and where that stands under its name."""
    named: dict[str, Any] = known.kept("by name", lambda: {each[2].name: each for each in known.log})
    first = named.get(name or "")
    said = known.log[at - 1] if isinstance(row.body, StripeEventHeard | EvidenceConflict) else first
    columns = [column if column in BEHIND[2:] else f"evidence_{column}" for column in BEHIND]
    if said is None:
        return dict.fromkeys(columns)
    position, recorded_at = said[:2]
    body: Any = said[2].body
    again = isinstance(body, EvidenceConflict)
    account = f"?account={row.book.account}" if row.book.account else ""
    told = (
        position,
        None if again else body.event_type,
        body.source,
        recorded_at,
        None if again else body.api_version,
        body.source == "webhook" and body.signature is not None,
        len(body.payload),
        sha256(body.payload).hexdigest(),
        first and f"/audit/events/{first[0]}{account}",
    )
    return dict(zip(columns, told, strict=True))


def _tellings(row: Recorded) -> list[Recorded]:
    """A row; of a correction what it ends and what it says, too."""
    body = row.body
    if not isinstance(body, Superseded):
        return [row]
    was, now = (
        Recorded(body.first, row.book, at, told)
        for at, told in ((body.was_at, body.was), (row.happened_at, body.now))
    )
    return [row, was, now]


def _keys(view: str, row: Recorded) -> Iterable[str]:
    return BY_NAME[view].keys(row) if type(row.body) in BY_NAME[view].hears else ()


def _heard(known: Known, view: str, key: str, book: str) -> list[int]:
    """The positions of the rows that a key heard."""
    found: dict[tuple[str, str], list[int]] = known.kept(("heard", view), lambda: _by_key(known, view))
    return found.get((book, key), [])


def _by_key(known: Known, view: str) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for position, _, row in known.log:
        for key in {key for told in _tellings(row) for key in _keys(view, told)}:
            found.setdefault((str(row.book), key), []).append(position)
    return found


def _through(known: Known, view: str, key: str, at: int) -> list[str]:
    """What a key pointed at by then, of all that heard a row which it did not hear itself."""
    row = known.log[at - 1][2]
    book, shown = str(row.book), BY_NAME[view]
    positions = _heard(known, view, key, book)
    if at in positions:
        return []
    pointed: dict[int, set[tuple[str, str]]] = known.kept(("refs", view, key, book), dict)
    if at not in pointed:
        pointed[at] = _refs(known, shown, key, [position for position in positions if position < at])
    names = [each.name for each in VIEWS if isinstance(each, shown.reads)]
    told = [(name, id) for name in names for each in _tellings(row) for id in _keys(name, each)]
    return [f"{name}/{id}" for name, id in dict.fromkeys(told) if (name, id) in pointed[at]]


def _refs(known: Known, shown: Any, key: str, positions: list[int]) -> set[tuple[str, str]]:
    """All that a key pointed at after any of the rows that it heard."""
    found: set[tuple[str, str]] = set()
    facts: dict[str, Recorded] = {}
    state: Any = None
    for position in positions:
        *_, told = _tellings(known.log[position - 1][2])
        is_new = told.name not in facts
        facts[told.name] = told
        state = _told(shown, key, state, [told]) if is_new else _told(shown, key, None, facts.values())
        found |= set(shown.refs(key, state)) if state is not None else set()
    return found


def _told(shown: Any, key: str, state: Any, facts: Iterable[Recorded]) -> Any:
    for told in facts:
        if type(told.body) in shown.hears and key in shown.keys(told):
            state = shown.fold(state, told, key)
    return state
