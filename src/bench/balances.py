"""How fast is a trial balance of many movements read, at any date and as known at any position?"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from time import perf_counter
from urllib.parse import urlencode
from urllib.request import urlopen

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.bench.measure import Result, within
from ledgerstone.bench.reads import serving
from ledgerstone.ledger.facts import Correctable
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.postings import NAME, SPANS, advance

FIRST, DAYS = datetime(2024, 11, 1, 9, tzinfo=UTC), 730
CURRENCIES = ("usd", "usd", "usd", "eur", "sek", "jpy")
APIECE = 4
"""Movements of an invoice that is paid."""
LATE = 0.05
"""The part of all facts that happened up to two months before they are heard."""
ASKED = 300
CURRENT_MS, PAST_MS = 50, 250


def filled(database: Database, number: int, say: Callable[[str], None]) -> Database:
    """A log with so many movements over two years, and the index of postings over it."""
    journal, index = Journal(environment(database.app_dsn)), PostingIndex(database.app_dsn, NAME, SPANS)
    for _ in journal.append_stream((row,) for row in _paid(number // APIECE)):
        pass
    begun, rows = perf_counter(), journal.head()
    while advance(journal, index):
        pass
    taken = perf_counter() - begun
    say(f"a log of {number:,} movements in {rows:,} rows, indexed at {rows / taken:,.0f} rows a second")
    journal.close()
    index.close()
    return database


def current(dsn: str) -> Result:
    """At any date, as known now."""
    random = Random(1)
    return _asked("trial balance at any date, p99", dsn, CURRENT_MS, lambda head: {"as_of": _day(random)})


def past(dsn: str) -> Result:
    """At any date, as known at any position."""
    random = Random(2)

    def question(head: int) -> dict[str, object]:
        return {"as_of": _day(random), "known_at": random.randint(1, head)}

    return _asked("trial balance at any date, as known then, p99", dsn, PAST_MS, question)


def _asked(what: str, dsn: str, limit: int, question: Callable[[int], dict[str, object]]) -> Result:
    """The 99th percentile over questions of which no two are the same, in milliseconds."""
    with serving("ours", dsn, b"") as port:
        base = f"http://127.0.0.1:{port}/sys/journal/balances"
        with urlopen(base, timeout=60) as answer:
            head = int(answer.headers["Ledger-Position"])
        times = sorted(_taken(f"{base}?{urlencode(question(head))}") for _ in range(ASKED))
    median, most = times[len(times) // 2], times[len(times) * 99 // 100]
    return within(what, most, limit, "ms", f"median {median:.1f} ms, {head:,} rows")


def _taken(url: str) -> float:
    begun = perf_counter()
    with urlopen(url, timeout=60) as answer:
        answer.read()
    return (perf_counter() - begun) * 1_000


def _day(random: Random) -> date:
    return (FIRST + timedelta(days=random.randrange(DAYS))).date()


def _paid(invoices: int) -> Iterator[Recorded]:
    """Invoices over two years, each issued and paid; some are heard of late."""
    random = Random(0)
    for n in range(invoices):
        at = FIRST + timedelta(days=DAYS) * (n / invoices)
        if random.random() < LATE:
            at -= timedelta(days=random.randrange(60))
        net, currency = random.randrange(100, 100_000), random.choice(CURRENCIES)
        tax, total = net // 4, net + net // 4
        issued = InvoiceIssued(invoice=f"in_{n}", net=net, tax=tax, currency=currency)
        received = PaymentReceived(charge=f"ch_{n}", payment=f"pi_{n}", amount=total, currency=currency)
        applied = PaymentApplied(invoice=f"in_{n}", payment=f"pi_{n}", amount=total, currency=currency)
        yield _row(f"invoice/in_{n}/issued", at, issued)
        yield _row(f"charge/ch_{n}/captured", at, received)
        yield _row(f"applied/in_{n}/pi_{n}", at, applied)


def _row(name: str, at: datetime, fact: Correctable) -> Recorded:
    return Recorded(name, Book(), at, fact, movements=movements(fact))
