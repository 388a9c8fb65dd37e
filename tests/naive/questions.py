"""Random questions to the reads: a route, filters, when it was true and when it was known."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from msgspec import Struct

from tests.naive import schedules
from tests.naive.books import legs
from tests.naive.exchange import tables
from tests.naive.explained import COLUMNS
from tests.naive.lists import listed
from tests.naive.told import TICK, Known, Told
from tests.naive.worlds import CONNECTED

Json = dict[str, Any]
FIGURES = ("/sys/billing/mrr", "/sys/billing/mrr/movements", "/api/mrr", "/sys/billing/revenue")
BALANCES, RATES = "/sys/journal/balances", "/sys/fx/rates"
SCHEDULES, PERIODS = "/sys/journal/schedules", "/sys/periods/"
ENTRIES, STATEMENT, EXPLAIN = "/sys/journal/entries", "/sys/journal/accounts/", "/audit/explain/"
LISTS = ("/sys/invoices", "/sys/payments", "/sys/subscriptions", "/audit/events")
MONTHS = [f"{year}-{month:02d}" for year, month in ((2026, n) for n in range(3, 13))]
POSITIONS = 40
"""At how many positions of each log it is asked what was known."""


INTO = ("eur", "usd", "sek", "jpy", "kwd", "reporting", "xxx")
"""Currencies into which figures are converted."""
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
        self.legs = {account: legs(known, f"{account}:live") for account in BOOKS}
        self.schedules = {of: schedules.listed(known, f"{of}:live", FOREVER, {}) for of in BOOKS}
        self.closed = {
            of: {
                period: schedules.of_close(known, f"{of}:live", FOREVER, period, {})
                for period in schedules.closed(known, f"{of}:live")
            }
            for of in BOOKS
        }
        self.keys = {account: _keys(known, f"{account}:live") for account in BOOKS}
        marks = {line.valid_from for line in lines} | {line.valid_to for line in lines if line.valid_to}
        marks |= {row[name] for rows in self.rows.values() for row in rows for name in TIMES if row.get(name)}
        marks |= {leg.booked for account in BOOKS for leg in self.legs[account][::7]}
        marks |= {table.at for table in tables(known).values()}
        self.marks = sorted(random.sample(sorted(marks), min(len(marks), 120)))


def _keys(known: Known, book: str) -> dict[str, list[str]]:
    """The keys of each view that shows any."""
    shown = {
        view: sorted({id for of, id in keys if of == book}) for view, keys in known.versions.items() if keys
    }
    return {view: keys for view, keys in shown.items() if keys}


def written(time: datetime, hours: int) -> str:
    """A time as RFC 3339 has it, at some distance from UTC."""
    text = time.astimezone(timezone(timedelta(hours=hours))).isoformat()
    return text.replace("+00:00", "Z")


def around(time: datetime, random: Random) -> str:
    """A time, or the moment before or after; on any clock."""
    return written(time + random.choice([0, 0, 0, 1, -1]) * TICK, random.choice([0, 0, 2, -5]))


def instant(words: Words, random: Random) -> str:
    """A month, a date, or a time at which something changed, or just before or after."""
    day = datetime(2026, 5, 1) + timedelta(days=random.randrange(250))
    time = around(random.choice(words.marks), random)
    return random.choice([random.choice(MONTHS), f"{day:%Y-%m-%d}", time, time])


def knowledge(words: Words, random: Random) -> str:
    """A position, a time at which something was recorded or just before, or what is beyond the head."""
    today, beyond = words.recorded[0], str(words.positions[-1] + 7)
    dates = [
        f"{today:%Y-%m}",
        f"{today:%Y-%m-%d}",
        f"{today - timedelta(days=40):%Y-%m}",
        "2999-01-01T00:00:00Z",
    ]
    position = str(random.choice(words.positions))
    recorded = around(random.choice(words.recorded), random)
    return random.choice([position, position, position, recorded, recorded, random.choice([*dates, beyond])])


def moment(words: Words, random: Random, account: str) -> dict[str, str]:
    """As of when, as known when: each of them or none; of these books."""
    given = {"account": account} if account else {}
    if random.random() < 0.55:
        given["as_of"] = instant(words, random)
    if random.random() < 0.6:
        given["known_at"] = knowledge(words, random)
    return given


def _limit(random: Random) -> int | None:
    return random.choice([None, None, 1, 2, 3, 5, 20])


def _account(random: Random) -> str:
    return random.choice(["", "", "", CONNECTED])


def table(words: Words, random: Random) -> Question:
    """About recurring revenue, how the business does, what accounts hold, or rates of exchange."""
    path = random.choice([*FIGURES, BALANCES, RATES])
    if path in (BALANCES, RATES):
        return _of_one_moment(words, random, path)
    given: dict[str, str] = {}
    if random.random() < 0.4:
        given["from"] = instant(words, random)
    if random.random() < 0.3:
        given["to"] = instant(words, random)
    if random.random() < 0.3:
        given["currency"] = random.choice(words.currencies)
    if path != "/api/mrr" and random.random() < 0.7:
        given["group_by"] = random.choice(["plan", "country", "tenant", "currency"])
    if random.random() < 0.45:
        given["convert_to"] = random.choice(INTO)
    if random.random() < 0.1:
        given["policy"] = "standard_v1"
    if path in FIGURES[:2] and random.random() < 0.5:
        given["interval"] = random.choice(["day", "month"])
    return Question(path, moment(words, random, _account(random)), given, _limit(random))


def _of_one_moment(words: Words, random: Random, path: str) -> Question:
    account = _account(random)
    possible = _of_books(words, random, account)
    if path == RATES:
        given = {name: possible[name] for name in ("from", "to") if random.random() < 0.4}
        if random.random() < 0.5:
            given["currency"] = random.choice(["usd", "sek", "gbp", "kwd", "eur"])
        return Question(path, moment(words, random, account), given, _limit(random))
    given = {name: possible[name] for name in ("from", "chart", "currency") if random.random() < 0.3}
    if random.random() < 0.7:
        given["group_by"] = random.choice(["account", "subject", "tenant", "tenant"])
        if given["group_by"] == "subject" and random.random() < 0.9:
            given["chart"] = possible["chart"]
    return Question(path, moment(words, random, account), given, _limit(random))


def _of_books(words: Words, random: Random, account: str) -> dict[str, str]:
    """Filters that some leg of a book goes through, or nearly."""
    leg = random.choice(words.legs[account])
    days = [leg.booked, leg.booked - timedelta(days=random.randrange(60))]
    begin, end = (random.choice([f"{at:%Y-%m-%d}", f"{at:%Y-%m}", around(at, random)]) for at in days[::-1])
    subject = random.choice([leg.of, leg.of, leg.of, ""]) or "nothing"
    currency = random.choice([leg.currency, leg.currency, "xxx"])
    return {"from": begin, "to": end, "chart": leg.account, "subject": subject, "currency": currency}


def _journal(words: Words, random: Random) -> Question:
    """For entries, or an account's statement."""
    account = _account(random)
    possible = _of_books(words, random, account)
    path = random.choice([ENTRIES, STATEMENT])
    if path == STATEMENT:
        path += random.choice([*[possible.pop("chart")] * 20, "savings"])
    names = random.sample(sorted(possible), random.choice([0, 1, 1, 2, 2, 3]))
    given = {name: possible[name] for name in names}
    return Question(path, moment(words, random, account), given, _limit(random))


def _explanation(words: Words, random: Random) -> Question:
    """For the versions of what some view shows of some key, or of a column of it."""
    account = _account(random)
    view = random.choice(sorted(words.keys[account]))
    key = random.choice([*[random.choice(words.keys[account][view])] * 20, "nothing"])
    given: dict[str, str] = {}
    if random.random() < 0.4:
        given["column"] = random.choice([*[random.choice(COLUMNS[view])] * 20, "colour"])
    view = random.choice([*[view] * 30, "weather"])
    return Question(f"{EXPLAIN}{view}/{key}", moment(words, random, account), given, _limit(random))


def listing(words: Words, random: Random) -> Question:
    """For a list, with up to three filters that some row of the list goes through, or nearly."""
    kinds = [*[_list] * len(LISTS), _journal, _journal, _explanation, _schedule, _of_close]
    return random.choice(kinds)(words, random)


def _schedule(words: Words, random: Random) -> Question:
    """For lines of invoices."""
    account = _account(random)
    given = _some(words.schedules[account], ["invoice", "customer", "plan", "currency"], random)
    return Question(SCHEDULES, moment(words, random, account), given, _limit(random))


def _of_close(words: Words, random: Random) -> Question:
    """For the lines behind a close; or of a month that has none."""
    account = _account(random)
    period = random.choice([*[random.choice(sorted(words.closed[account]) or ["2026-01"])] * 9, "2026-12"])
    lines = words.closed[account].get(period, [])
    given = _some(lines, ["what", "plan", "currency", "rate", "invoice"], random)
    given = {name: value for name, value in given.items() if value or name != "invoice"}
    return Question(f"{PERIODS}{period}/lines", moment(words, random, account), given, _limit(random))


def _some(rows: list[Json], names: list[str], random: Random) -> dict[str, str]:
    """Filters that some row goes through, or nearly."""
    row = random.choice(rows or [{}])
    chosen = random.sample(names, random.choice([0, 0, 1, 1, 2]))
    said = {name: random.choice([row[name]] * 4 + [OTHERS.get(name, row[name])]) for name in chosen if row}
    return {name: value for name, value in said.items() if value is not None and (value or name != "plan")}


def _list(words: Words, random: Random) -> Question:
    path, account = random.choice(LISTS), _account(random)
    possible = _filters(path, random.choice(words.rows[path, account]), random)
    names = random.sample(sorted(possible), random.choice([0, 0, 1, 1, 1, 2, 3]))
    given = {name: possible[name] for name in names}
    return Question(path, moment(words, random, account), given, _limit(random))


def _filters(path: str, row: Json, random: Random) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in FILTERS[path]:
        value: Any = row.get("at", row.get("created"))
        if name not in ("from", "to"):
            value = row.get(COLUMN.get(name, name))
        if name == "plan":
            found[name] = random.choice([*row["plans"], "nothing"])
        elif name == "type":
            found[name] = random.choice([value, f"{value.partition('.')[0]}.*", f"{value}.*"])
        elif name == "parked":
            found[name] = random.choice(["true", "false"])
        elif isinstance(value, datetime):
            found[name] = random.choice([around(value, random), f"{value:%Y-%m-%d}", f"{value:%Y-%m}"])
        elif value is not None:
            found[name] = random.choice([value, value, value, OTHERS.get(name, value)])
    return found


def single(words: Words, random: Random) -> Question:
    """For one object; a few that there are not."""
    path, account = random.choice(LISTS), _account(random)
    row = random.choice(words.rows[path, account])
    id = row["position" if path == "/audit/events" else "id"]
    there = path if random.random() < 0.97 else "/sys/invoices"
    bytes = path == there == "/audit/events" and random.random() < 0.5
    given = {"evidence": random.choice(["true", "false"])} if bytes else {}
    return Question(f"{there}/{id}", moment(words, random, account), given)


def span(words: Words, random: Random) -> Question:
    """For a bridge; its moments of knowledge may come in any order."""
    when = moment(words, random, _account(random))
    when.pop("known_at", None)
    if random.random() < 0.7:
        when["known_to"] = knowledge(words, random)
    first = str(random.choice([0, random.choice(words.positions[: len(words.positions) // 2])]))
    given = {"known_from": random.choice([first, first, knowledge(words, random)])}
    if random.random() < 0.3:
        given["currency"] = random.choice(words.currencies)
    return Question("/sys/billing/mrr/bridge", when, given, _limit(random))
