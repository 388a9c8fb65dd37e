"""What is being rebuilt, and what came of what was?"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledgerstone.projections.reads.asked import Query

LOCK = "rebuild"
"""What is locked in the database by whoever rebuilds; see `adapters.postgres.lock`."""
KEPT = 20
"""Reports that are looked through for the last of a view."""


class Progress(Struct, frozen=True):
    """How far a rebuild is: `done` of `total` rows of the log (then it compares), `rate` of them a second,
    and the seconds until the last, `eta_seconds`, while those are known."""

    rebuild: int
    phase: str
    started_at: datetime
    workers: int
    done: int
    total: int
    rate: float | None
    eta_seconds: float | None


class Revised(Struct, frozen=True):
    """How a new version of a table differs from the one `before`, both as known at `position`: columns that
    were added and are gone, how many keys are `differing`, and the first thousand of them; or, where the one
    before is damaged, why the two are `incomparable`."""

    table: str
    before: str
    position: int
    columns: Mapping[str, Sequence[str]]
    differing: int
    keys: Sequence[Any]
    incomparable: str | None = None


class Built(Struct, frozen=True):
    """A chain that was rebuilt up to a position, what its new versions changed, and in spite of which
    differences those of the same version were `replaced`."""

    views: tuple[str, ...]
    position: int
    revised: tuple[Revised, ...] = ()
    replaced: tuple[str, ...] = ()


class Report(Struct, frozen=True):
    """A rebuild that is over: `state` is `swapped`, `compared` (it was not to be swapped), `refused` (rows of
    the same version differ) or `failed`, with a `reason`."""

    rebuild: int
    views: tuple[str, ...]
    state: str
    started_at: datetime
    ended_at: datetime | None
    workers: int
    reason: str | None
    chains: tuple[Built, ...]


class Rebuilds(Struct, frozen=True):
    """The rebuild that runs, by the views in it, and the last report of each view."""

    progress: Mapping[str, Progress] = {}
    reports: Mapping[str, Report] = {}


HELD = (
    "exists (select from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 1 and l.granted"
    " and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%(lock)s, 0))"
)
"""Whether somebody rebuilds: what was killed holds no lock."""


def running() -> Query:
    """Whether a rebuild runs now."""
    return Query(f"select {HELD}", {"lock": LOCK})


def latest(most: int = KEPT) -> Query:
    """The latest rebuilds, and whether each runs."""
    return Query(
        "select r.id, r.views, r.state, r.started_at, r.ended_at, r.workers, r.reason, r.chains::text,"
        f" r.phase, r.done, r.total, r.rate, r.state = 'running' and {HELD}"
        " from views.rebuilds r order by r.id desc limit %(most)s",
        {"lock": LOCK, "most": most},
    )


def shape(rows: Sequence[Sequence[Any]]) -> Rebuilds:
    """The rows of `latest`, by view."""
    progress = {view: _progress(row) for row in reversed(rows) if row[-1] for view in row[1]}
    ended = [_report(row) for row in reversed(rows) if not row[-1]]
    return Rebuilds(progress, {view: _about(view, report) for report in ended for view in report.views})


def reports(rows: Sequence[Sequence[Any]]) -> list[Report]:
    """The rows of `latest` as reports, those that run among them."""
    return [_report(row) for row in rows]


def lines(report: Report) -> Iterable[str]:
    """A report for people."""
    when = f"{report.started_at:%Y-%m-%d %H:%M:%S}"
    yield f"{report.rebuild}: {', '.join(report.views)}: {report.state} ({when}, {report.workers} workers)"
    if report.reason:
        yield f"  {report.reason}"
    for chain in report.chains:
        yield f"  {', '.join(chain.views)}: up to position {chain.position:,}"
        yield from replacement(chain.replaced)
        for table in chain.revised:
            yield from revision(table)


def replacement(differences: Sequence[str]) -> Iterable[str]:
    """In spite of what tables were replaced, for people."""
    if differences:
        yield "    what was read differed from the log, and was replaced:"
    for difference in differences:
        yield f"      {difference}"


def revision(table: Revised) -> Iterable[str]:
    """What a new version changed, for people."""
    if table.incomparable:
        yield f"    {table.table} cannot be compared with {table.before}: {table.incomparable}"
        return
    yield (
        f"    {table.table} beside {table.before} at position {table.position:,}:"
        f" {table.differing:,} keys differ"
    )
    for change, columns in table.columns.items():
        if columns:
            yield f"      columns {change}: {', '.join(columns)}"
    for key in table.keys:
        what = ", ".join(key.get("columns", ())) or "rows"
        how = what if key["change"] == "changed" else key["change"]
        yield f"      {key['book']} {key['key']}: {how}"
    if table.differing > len(table.keys):
        yield f"      … and {table.differing - len(table.keys):,} more"


def _progress(row: Sequence[Any]) -> Progress:
    id, _, _, started, _, workers, _, _, phase, done, total, rate, _ = row
    eta = (total - done) / rate if rate else None
    return Progress(id, phase, started, workers, done, total, rate, eta)


def _about(view: str, report: Report) -> Report:
    """What a report says of a view: of its chain, and of its own tables."""
    own = [
        replace(
            chain,
            revised=tuple(r for r in chain.revised if r.table.rpartition("_v")[0] == view),
            replaced=tuple(line for line in chain.replaced if re.search(rf"\b{view}_v[0-9]", line)),
        )
        for chain in report.chains
        if view in chain.views
    ]
    return replace(report, chains=tuple(own))


def _report(row: Sequence[Any]) -> Report:
    id, views, state, started, ended, workers, reason, chains, *_, runs = row
    if state == "running" and not runs:
        state, reason = "failed", "it was killed"
    built = msgspec.json.decode(chains, type=tuple[Built, ...])
    return Report(id, tuple(views), state, started, ended, workers, reason, built)
