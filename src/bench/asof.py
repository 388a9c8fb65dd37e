"""How long does a table take that is as known in the past, beside the same table as known now?

One request after another, one of each in turn, so that what slows the machine slows both. Each asks what was
not asked before: no answer comes from memory."""

from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import chain
from random import Random
from time import perf_counter

from ledgerstone.bench.measure import Delays, Several
from ledgerstone.bench.reads import serving

REQUESTS = 500
YEAR = "from=2025-11&to=2026-10"
LIMIT, TIMES = 20.0, 3.0
"""Milliseconds, and how many times what the table takes as known now."""

BEHIND, WITHIN = "2026-11-02", "2026-10-15"
"""A day after all that is asked of, of which each request names another second; and one among it."""
TABLES = (
    ("MRR over 12 months", f"/sys/billing/mrr?{YEAR}", BEHIND),
    ("MRR over 12 months, up to an instant", "/sys/billing/mrr?interval=month", WITHIN),
    ("MRR over 12 months by plan", f"/sys/billing/mrr?{YEAR}&group_by=plan", BEHIND),
    ("MRR over 365 days", f"/sys/billing/mrr?{YEAR}&interval=day", BEHIND),
    ("movements over 12 months", f"/sys/billing/mrr/movements?{YEAR}", BEHIND),
    ("headline of a month", "/sys/billing/revenue?from=2026-10&to=2026-10", BEHIND),
)
"""What is asked; the first is promised."""


def known(dsn: str, head: int) -> Several:
    """Tables as known at random positions, beside those of now."""
    with serving("ours", dsn, b"") as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        found = [_delays(connection, *asked, head) for asked in TABLES]
        connection.close()
    return Several((found[0], *(told.unpromised() for told in found[1:])))


def _delays(connection: HTTPConnection, what: str, path: str, day: str, head: int) -> Delays:
    for asked in _unlike(path, day, Random(0), head, 5):
        ask(connection, asked)
    times = [ask(connection, asked) for asked in _unlike(path, day, Random(1), head, REQUESTS)]
    return Delays(f"{what}, known_at in the past", times[1::2], times[::2], LIMIT, TIMES)


def _unlike(path: str, day: str, random: Random, head: int, count: int) -> Iterator[str]:
    """The same table so many times, each with an `as_of` of its own, as known now and then."""
    seconds = random.sample(range(86_400), count)
    times = [f"{day}T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z" for at in seconds]
    return chain.from_iterable(
        (f"{path}&as_of={time}", f"{path}&as_of={time}&known_at={random.randint(1, head - 1)}")
        for time in times
    )


def ask(connection: HTTPConnection, path: str) -> float:
    """Milliseconds until all of the answer is there."""
    begun = perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}: {body.decode()}")
    return 1000 * (perf_counter() - begun)
