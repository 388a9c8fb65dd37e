"""How far is each view, and is it well?"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.projections.events import NAME as EVENTS
from ledgerstone.projections.postings import NAME as POSTINGS
from ledgerstone.projections.reads.asked import Query, tracked
from ledgerstone.projections.reads.rebuilds import Progress, Rebuilds, Report
from ledgerstone.projections.views import VIEWS

NAMES = tuple(tracked(type(view)) for view in VIEWS)
"""What `views.tracking` calls the views that are served."""
CODE = sha256(" ".join(NAMES).encode()).hexdigest()[:8]
"""Tells code apart that keeps other tables: of each, one process leads."""
LATE = 60.0
"""Seconds that a row of the log may wait for a view before something is wrong."""


LEADER = (
    "select a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid"
    " where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and a.datname = current_database()"
    " and l.database = a.datid and a.application_name like 'ledgerstone engine %%'"
    f" and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('ledgerstone engine {CODE}', 0)"
)
"""The session that holds the lock of the one engine that folds, as the lease signs it."""


class Standing(Struct, frozen=True):
    """How far a view is: it shows the first `position` rows of the log, `lag` rows are still to come, the
    first of which was recorded `lag_seconds` ago. `state` is `live`, `behind` (by more than a minute),
    `stopped` (at row `stopped_at`, for a `reason`) or `absent`; of tables that are not served `rebuilding`,
    or `retired` where they are another version's. `progress` is that of a rebuild that runs, `report` what
    came of the last. All views are kept by one process, `led_by` host and number, since `led_since`; null
    while none does."""

    name: str
    version: int
    state: str
    position: int
    lag: int
    lag_seconds: float
    stopped_at: int | None
    reason: str | None
    advanced_at: datetime | None
    progress: Progress | None = None
    report: Report | None = None
    led_by: str | None = None
    led_since: datetime | None = None


def standings() -> Query:
    """Name, position, stop, reason, last advance, the log's head, how long its next row has waited, and whose
    session leads, by what that says of itself (host, process, Unix time). What
    is made in bulk has no position until it is complete: how far the log was read stands for it. The indexes
    of messages and of postings, of whatever version, are not among them: they may lag as they like, and are
    brought up when they are asked."""
    return Query(
        "select t.name, greatest(t.position, t.reached), t.stopped_at, t.reason, t.at, h.head,"
        " coalesce(extract(epoch from"
        " clock_timestamp() - (select e.recorded_at from stored_events e"
        " where e.notification_id = t.position + 1))::float8, 0),"
        f" ({LEADER})"
        " from views.tracking t, (select coalesce(max(notification_id), 0) as head from stored_events) h"
        " where split_part(t.name, '_v', 1) <> all(%(indexes)s) order by t.name",
        {"indexes": [name.partition("_v")[0] for name in (EVENTS, POSTINGS)]},
    )


def shape(rows: Sequence[Sequence[Any]], rebuilds: Rebuilds) -> list[Standing]:
    """The rows of `standings`, and a line for each view that has no tables yet."""
    have = {row[0] for row in rows}
    found = [*map(_standing, rows), *(_absent(name) for name in NAMES if name not in have)]
    return [
        replace(one, progress=rebuilds.progress.get(one.name), report=rebuilds.reports.get(one.name))
        for one in found
    ]


def served(standings: Sequence[Standing]) -> list[Standing]:
    """Those of the tables that are read."""
    return [standing for standing in standings if standing.state not in ("rebuilding", "retired")]


def troubles(standings: Sequence[Standing]) -> list[str]:
    """Why the views cannot be relied upon: a sentence for each that is served and not live."""
    return [_trouble(standing) for standing in standings if standing.state in ("stopped", "behind", "absent")]


def _standing(row: Sequence[Any]) -> Standing:
    table, position, stopped_at, reason, at, head, waited, leader = row
    name, version = _named(table)
    return Standing(
        name,
        version,
        _state(table, stopped_at is not None, waited),
        position,
        head - position,
        max(waited, 0.0),
        stopped_at,
        reason,
        at,
        None,
        None,
        *_leader(leader),
    )


def _state(table: str, is_stopped: bool, waited: float) -> str:
    """Tables that are not served may stop or lag as they like: a rebuild names its own `mrr_v3_new_12`."""
    if table not in NAMES:
        return "rebuilding" if re.search(r"_new_\d+$", table) else "retired"
    if is_stopped:
        return "stopped"
    return "behind" if waited > LATE else "live"


def _leader(signed: str | None) -> tuple[str | None, datetime | None]:
    """Who leads, since when, from what its session is called: `ledgerstone engine web-1 4242 1793880000`."""
    found = re.fullmatch(r"ledgerstone engine (\S+) (\d+) (\d+)", signed or "")
    return (f"{found[1]} {found[2]}", datetime.fromtimestamp(int(found[3]), UTC)) if found else (None, None)


def _absent(table: str) -> Standing:
    name, version = _named(table)
    return Standing(name, version, "absent", 0, 0, 0.0, None, "it has not been built yet", None)


def _named(table: str) -> tuple[str, int]:
    """`mrr_v1` and whatever a rebuild appends to it."""
    found = re.match(r"(.+)_v(\d+)", table)
    return (found[1], int(found[2])) if found else (table, 0)


def _trouble(standing: Standing) -> str:
    view = f"{standing.name} v{standing.version}"
    if standing.state == "behind":
        who = f"process {standing.led_by} leads" if standing.led_by else "no engine leads"
        return f"{view} is {standing.lag_seconds:.0f} s and {standing.lag} rows behind the log; {who}"
    if standing.state == "stopped":
        return f"{view} stopped at row {standing.stopped_at}: {standing.reason}"
    return f"{view} has no tables yet: the engine makes them as soon as it runs"
