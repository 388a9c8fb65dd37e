"""Random questions to the reads: a route, filters, when it was true and when it was known."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from tests.naive.lists import listed
from tests.naive.told import TICK, Told
from tests.naive.worlds import CONNECTED

Json = dict[str, Any]
TABLES = ("/sys/billing/mrr", "/sys/billing/mrr/movements", "/api/mrr", "/sys/billing/revenue")
LISTS = ("/sys/invoices", "/sys/payments", "/sys/subscriptions", "/audit/events")
MONTHS = [f"{year}-{month:02d}" for year, month in ((2026, n) for n in range(3, 13))]
POSITIONS = 40
"""At how many positions of each log it is asked what was known."""


BOOKS = ("", CONNECTED)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
TIMES = ("created_at", "due_at", "finalized_at", "paid_at", "at", "started_at", "ended_at", "created")
FILTERS = {
    "/sys/invoices": ["status", "customer", "tenant", "due_from", "due_to", "plan", "currency"],
    "/sys/payments": ["status", "method", "customer", "tenant", "currency", "from", "to"],
    "/sys/subscriptions": ["status", "customer", "tenant", "plan", "currency"],
    "/audit/events": ["type", "object", "parked", "from", "to"],
}
OTHERS = {"currency": "xxx", "customer": "nobody", "tenant": "nobody", "object": "nothing"}
COLUMN = {"due_from": "due_at", "due_to": "due_at"}


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
    """What can be asked of a log: what it has in it, and a little more. It is asked most at the positions at
    which something that was known ended, and of what is in its lists."""

    def __init__(self, told: Told, seed: int) -> None:
        known = told.known(told.head)
        random = Random(seed)
        ends = random.sample(sorted(known.changed), min(POSITIONS // 2, len(known.changed)))
        others = random.sample(range(told.head + 1), POSITIONS // 4)
        self.positions = sorted({0, told.head, *others, *ends, *(end - 1 for end in ends[::2])})
        self.recorded = [entry.recorded_at for entry in told.rows if entry.position in self.positions]
        self.rows = {
            (path, account): listed(known, path, f"{account}:live", FOREVER, {})
            for path in LISTS
            for account in BOOKS
        }
        lines = [row for account in BOOKS for _, row in known.rows("mrr", f"{account}:live")]
        self.currencies = [*sorted({line.currency for line in lines}), "xxx"]
        marks = {line.valid_from for line in lines} | {line.valid_to for line in lines if line.valid_to}
        marks |= {row[name] for rows in self.rows.values() for row in rows for name in TIMES if row.get(name)}
        self.marks = sorted(random.sample(sorted(marks), min(len(marks), 100)))


def written(time: datetime, hours: int) -> str:
    """A time as RFC 3339 has it, at some distance from UTC."""
    text = time.astimezone(timezone(timedelta(hours=hours))).isoformat()
    return text.replace("+00:00", "Z")


def instants(words: Words) -> st.SearchStrategy[str]:
    """Months, dates, and times at which something changed, or just before or after."""
    days = st.dates(datetime(2026, 5, 1).date(), datetime(2026, 12, 31).date()).map(str)
    return st.one_of(st.sampled_from(MONTHS), days, around(st.sampled_from(words.marks)))


def around(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[str]:
    """A time, or the moment before or after; on any clock."""
    return st.builds(
        lambda at, by, hours: written(at + by * TICK, hours),
        times,
        st.sampled_from([0, 0, 0, 1, -1]),
        st.sampled_from([0, 0, 2, -5]),
    )


def knowledge(words: Words) -> st.SearchStrategy[str]:
    """Positions, times at which something was recorded or just before, and what is beyond the head."""
    positions = st.sampled_from(words.positions).map(str)
    today = words.recorded[0]
    dates = [
        f"{today:%Y-%m}",
        f"{today:%Y-%m-%d}",
        f"{today - timedelta(days=40):%Y-%m}",
        "2999-01-01T00:00:00Z",
    ]
    others = st.sampled_from([*dates, str(words.positions[-1] + 7)])
    return st.one_of(positions, positions, positions, around(st.sampled_from(words.recorded)), others)


def _maybe(**some: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=some)


def moments(words: Words, account: str) -> st.SearchStrategy[dict[str, str]]:
    """As of when, as known when: each of them or none; of these books."""
    named = {"account": account} if account else {}
    late = st.sampled_from(["2026-10", "2026-11-05T12:00:01Z", "2027-01"])
    when = st.one_of(instants(words), late)
    return _maybe(as_of=when, known_at=knowledge(words)).map(lambda when: {**when, **named})


def tables(words: Words) -> st.SearchStrategy[Question]:
    """Questions about recurring revenue and how the business does."""
    window: Json = {
        "from": instants(words),
        "to": instants(words),
        "currency": st.sampled_from(words.currencies),
    }
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
            st.sampled_from(BOOKS).flatmap(lambda account: moments(words, account)),
            _maybe(**filters.get(path, {**window, **group, **interval})),
            st.none() | st.integers(1, 40),
        )
    )


def lists(words: Words) -> st.SearchStrategy[Question]:
    """Questions for lists, with up to three filters that some row of the list goes through, or nearly."""
    asked = [(path, account) for path, account in words.rows if words.rows[path, account]]
    return st.sampled_from([*asked, *(each for each in asked if not each[1])]).flatmap(
        lambda asked: st.builds(
            Question,
            st.just(asked[0]),
            moments(words, asked[1]),
            st.sampled_from(words.rows[asked]).flatmap(lambda row: _filters(asked[0], row)),
            st.none() | st.integers(1, 30),
        )
    )


def _filters(path: str, row: Json) -> st.SearchStrategy[dict[str, str]]:
    found: dict[str, st.SearchStrategy[str]] = {}
    for name in FILTERS[path]:
        value: Any = row.get("at", row.get("created"))
        if name not in ("from", "to"):
            value = row.get(COLUMN.get(name, name))
        if name == "plan":
            found[name] = st.sampled_from([*row["plans"], "nothing"])
        elif name == "type":
            found[name] = st.sampled_from([value, f"{value.partition('.')[0]}.*", f"{value}.*"])
        elif name == "parked":
            found[name] = st.sampled_from(["true", "false"])
        elif isinstance(value, datetime):
            found[name] = st.one_of(
                around(st.just(value)), st.sampled_from([f"{value:%Y-%m-%d}", f"{value:%Y-%m}"])
            )
        elif value is not None:
            found[name] = st.sampled_from([value, value, value, OTHERS.get(name, value)])
    return st.lists(st.sampled_from(sorted(found)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: found[name] for name in names})
    )


def objects(words: Words) -> st.SearchStrategy[Question]:
    """Questions for single objects; a few that there are not."""
    some = [
        (f"{path}/{row['position' if path == '/audit/events' else 'id']}", account)
        for (path, account), rows in words.rows.items()
        for row in rows[:: 9 if path == "/audit/events" else 1]
    ]
    asked = st.sampled_from([*some, *(("/sys/invoices/in_nothing", account) for account in BOOKS)])
    return asked.flatmap(
        lambda asked: st.builds(Question, st.just(asked[0]), moments(words, asked[1]), st.just({}))
    )


def spans(words: Words) -> st.SearchStrategy[Question]:
    """Questions for a bridge; its moments of knowledge may come in any order."""
    when = {"as_of": instants(words), "account": st.just(CONNECTED), "known_to": knowledge(words)}
    filters = st.fixed_dictionaries(
        {"known_from": knowledge(words)}, optional={"currency": st.sampled_from(words.currencies)}
    )
    return st.builds(Question, st.just("/sys/billing/mrr/bridge"), _maybe(**when), filters)
