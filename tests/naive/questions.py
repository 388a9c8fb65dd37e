"""Random questions to the reads: a route, filters, when it was true and when it was known."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from tests.naive.told import Told
from tests.naive.worlds import CONNECTED

Json = dict[str, Any]
TABLES = ("/sys/billing/mrr", "/sys/billing/mrr/movements", "/api/mrr", "/sys/billing/revenue")
LISTS = ("/sys/invoices", "/sys/payments", "/sys/subscriptions", "/audit/events")
MONTHS = [f"{year}-{month:02d}" for year, month in ((2026, n) for n in range(3, 13))]
POSITIONS = 40
"""At how many positions of each log it is asked what was known."""


class Question(Struct, frozen=True):
    """A path, and the parameters that are given; `when` are those that say of which moment, `filters` the
    rest of them but for the size of a page."""

    path: str
    when: dict[str, str]
    filters: dict[str, str]
    limit: int | None = None

    def asked(self, limit: int | None = None) -> Json:
        """The parameters, for pages of a size."""
        return {**self.when, **self.filters, **({} if limit is None else {"limit": limit})}


class Words:
    """What can be asked of a log: what it has in it, and a little more."""

    def __init__(self, told: Told, seed: int) -> None:
        known = told.known(told.head)
        random = Random(seed)
        self.positions = sorted({0, 1, told.head, *random.sample(range(told.head + 1), POSITIONS)})
        self.recorded = [entry.recorded_at for entry in told.rows if entry.position in self.positions]
        rows = {
            view: [row for book in (":live", f"{CONNECTED}:live") for _, row in known.rows(view, book)]
            for view in ("mrr", "invoices", "payments", "subscriptions", "customers")
        }
        self.ids = {view: _of(row.id for row in rows[view]) for view in rows if view != "mrr"}
        self.plans, self.tenants = _of(row.plan for row in rows["mrr"]), _of(row.tenant for row in rows["customers"])
        self.currencies = [*_of(row.currency for row in rows["mrr"]), "xxx"]
        self.statuses = {view: _of(row.status for row in rows[view]) for view in ("invoices", "payments", "subscriptions")}
        self.methods = _of(row.method for row in rows["payments"] if row.method)
        heard = [entry.row.body for entry in told.rows if entry.row and hasattr(entry.row.body, "event_type")]
        self.types = _of(body.event_type for body in heard)
        marks = {row.valid_from for view in rows for row in rows[view]}
        marks |= {mark for row in rows["invoices"] for mark in (row.due_at, row.finalized_at) if mark}
        self.marks = sorted(random.sample(sorted(marks), min(len(marks), 60)))


def _of(some: Iterable[str]) -> list[str]:
    return sorted(set(some))


def written(time: datetime, hours: int) -> str:
    """A time as RFC 3339 has it, at some distance from UTC."""
    text = time.astimezone(timezone(timedelta(hours=hours))).isoformat()
    return text.replace("+00:00", "Z")


def instants(words: Words) -> st.SearchStrategy[str]:
    """Months, dates, and times at which something changed, or just before or after."""
    days = st.dates(datetime(2026, 4, 1).date(), datetime(2027, 1, 31).date()).map(str)
    near = st.sampled_from([timedelta(0), timedelta(microseconds=1), -timedelta(microseconds=1), timedelta(seconds=1)])
    times = st.builds(lambda at, by, hours: written(at + by, hours), st.sampled_from(words.marks), near, st.sampled_from([0, 0, 2, -5]))
    return st.one_of(st.sampled_from(MONTHS), days, times)


def knowledge(words: Words) -> st.SearchStrategy[str]:
    """Positions, times at which something was recorded or just before, and what is beyond the head."""
    positions = st.sampled_from(words.positions).map(str)
    near = st.sampled_from([timedelta(0), -timedelta(microseconds=1)])
    times = st.builds(lambda at, by, hours: written(at + by, hours), st.sampled_from(words.recorded), near, st.sampled_from([0, 2]))
    today = words.recorded[0]
    dates = [f"{today:%Y-%m}", f"{today:%Y-%m-%d}", f"{today - timedelta(days=40):%Y-%m}", "2999-01-01T00:00:00Z"]
    return st.one_of(positions, times, st.sampled_from([*dates, str(words.positions[-1] + 7)]))


def _maybe(**some: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=some)


def moments(words: Words) -> st.SearchStrategy[dict[str, str]]:
    """Whose books, as of when, as known when: each of them or none."""
    return _maybe(as_of=instants(words), known_at=knowledge(words), account=st.just(CONNECTED))


def tables(words: Words) -> st.SearchStrategy[Question]:
    """Questions about recurring revenue and how the business does."""
    window: Json = {"from": instants(words), "to": instants(words), "currency": st.sampled_from(words.currencies)}
    group = {"group_by": st.sampled_from(["plan", "country", "tenant", "currency"])}
    interval = {"interval": st.sampled_from(["day", "month"])}
    filters = {
        "/api/mrr": window,
        "/sys/billing/revenue": {**window, **group},
    }
    return st.sampled_from(TABLES).flatmap(
        lambda path: st.builds(
            Question,
            st.just(path),
            moments(words),
            _maybe(**filters.get(path, {**window, **group, **interval})),
            st.none() | st.integers(1, 40),
        )
    )


def lists(words: Words) -> st.SearchStrategy[Question]:
    """Questions for lists."""
    who: Json = {
        "customer": st.sampled_from([*words.ids["customers"], "nobody"]),
        "tenant": st.sampled_from([*words.tenants, "nobody"]),
        "currency": st.sampled_from(words.currencies),
    }
    plan, when = {"plan": st.sampled_from([*words.plans, "nothing"])}, instants(words)
    status = {view: {"status": st.sampled_from(known)} for view, known in words.statuses.items()}
    families = [f"{type.partition('.')[0]}.*" for type in words.types]
    filters: dict[str, Json] = {
        "/sys/invoices": {**who, **plan, **status["invoices"], "due_from": when, "due_to": when},
        "/sys/payments": {**who, **status["payments"], "method": st.sampled_from(words.methods), "from": when, "to": when},
        "/sys/subscriptions": {**who, **plan, **status["subscriptions"]},
        "/audit/events": {
            "type": st.sampled_from([*words.types, *families, "invoice.payment.*"]),
            "object": st.sampled_from([id for view in words.ids for id in words.ids[view]]),
            "parked": st.sampled_from(["true", "false"]),
            "from": when,
            "to": when,
        },
    }
    return st.sampled_from(LISTS).flatmap(
        lambda path: st.builds(
            Question, st.just(path), moments(words), few(filters[path]), st.none() | st.integers(1, 30)
        )
    )


def few(some: Json) -> st.SearchStrategy[dict[str, str]]:
    """At most three of them, so that not everything is filtered away."""
    return st.lists(st.sampled_from(sorted(some)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: some[name] for name in names})
    )


def objects(words: Words) -> st.SearchStrategy[Question]:
    """Questions for single objects; a few that there are not."""
    paths = [f"/sys/{view}/{id}" for view in ("invoices", "payments", "subscriptions") for id in words.ids[view]]
    messages = st.integers(1, words.positions[-1] + 3).map(lambda at: f"/audit/events/{at}")
    path = st.one_of(st.sampled_from([*paths, "/sys/invoices/in_nothing"]), messages)
    return st.builds(Question, path, moments(words), st.just({}))


def spans(words: Words) -> st.SearchStrategy[Question]:
    """Questions for a bridge; its moments of knowledge may come in any order."""
    when = {"as_of": instants(words), "account": st.just(CONNECTED), "known_to": knowledge(words)}
    filters = st.fixed_dictionaries(
        {"known_from": knowledge(words)}, optional={"currency": st.sampled_from(words.currencies)}
    )
    return st.builds(Question, st.just("/sys/billing/mrr/bridge"), _maybe(**when), filters)
