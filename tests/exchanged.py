"""A business in several currencies, as facts: what was sold is settled in another currency, or written off
and paid after all; and the rates of its years."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.fx import FxRatePublished, name_of, published_at
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceWrittenOff, ServiceLine
from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.transfers import Share, TransferAssigned, TransferReceived
from tests.sold import DAY, START, told

FIRST, LAST = date(2025, 12, 1), date(2028, 1, 5)


def table(day: str | date, **rates: str) -> Recorded:
    """What one euro is worth, as the bank says on a day."""
    on = date.fromisoformat(day) if isinstance(day, str) else day
    return told(name_of(on), published_at(on), FxRatePublished(day=on, rates=rates, source="a test"))


def rates(seed: int, every: int, start: date = FIRST) -> list[Recorded]:
    """A table each so many days."""
    random, found, at = Random(seed), [], start
    while at < LAST:
        sek, usd = random.randint(10_50, 12_50), random.randint(100, 130)
        found.append(table(at, sek=f"{sek / 100:.2f}", usd=f"{usd / 100:.2f}"))
        at += every * DAY
    return found


def exchanged(seed: int, invoices: int, within: int = 180) -> list[Recorded]:
    """The facts of so many invoices, in no order."""
    random = Random(seed)
    rows = [row for n in range(invoices) for row in _story(random, f"in_fx_{n:04}", within)]
    random.shuffle(rows)
    return rows


def issued(
    invoice: str,
    at: datetime,
    net: int,
    tax: int = 0,
    currency: str = "eur",
    lines: tuple[ServiceLine, ...] = (),
) -> Recorded:
    """An invoice, earned when it is issued."""
    lines = lines or (ServiceLine(net, "pro"),)
    body = InvoiceIssued(invoice=invoice, currency=currency, net=net, tax=tax, lines=lines)
    return told(f"invoice/{invoice}/issued", at, body)


def settled(
    invoice: str, at: datetime, amount: int, currency: str, got: int, into: str, part: str = ""
) -> list[Recorded]:
    """It, or a `part`, was paid in its currency by card, and the provider put another into its balance."""
    charge, payment = f"ch_{invoice}{part}", f"pi_{invoice}{part}"
    received = PaymentReceived(charge=charge, payment=payment, amount=amount, currency=currency)
    applied = PaymentApplied(invoice=invoice, payment=payment, amount=amount, currency=currency)
    cleared = BalanceTransactionSeen(
        transaction=f"txn_{invoice}{part}",
        source=charge,
        kind="charge",
        currency=into,
        net=got,
        exchanged=got,
        presented=amount,
        presented_currency=currency,
    )
    return [
        told(f"charge/{charge}/captured", at, received),
        told(f"applied/{invoice}/{payment}", at, applied),
        told(f"balance-transaction/txn_{invoice}{part}", at, cleared),
    ]


def written_off(invoice: str, at: datetime, open: int, currency: str = "eur") -> Recorded:
    body = InvoiceWrittenOff(invoice=invoice, currency=currency, open=open)
    return told(f"invoice/{invoice}/written-off", at, body)


def transferred(invoice: str, n: int, at: datetime, amount: int, currency: str = "eur") -> list[Recorded]:
    """So much of it came by bank, in its own currency."""
    transfer = f"tr_{invoice}_{n}"
    received = TransferReceived(transfer=transfer, account="bank_1", amount=amount, currency=currency)
    assigned = TransferAssigned(transfer=transfer, currency=currency, invoices=(Share(invoice, amount),))
    return [
        told(f"transfer/{transfer}/received", at, received),
        told(f"transfer/{transfer}/assigned/1", at, assigned),
    ]


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _story(random: Random, invoice: str, within: int) -> Iterator[Recorded]:
    currency, day = random.choice(["eur", "sek", "usd"]), START + random.randint(0, within) * DAY
    net = random.randint(100, 99_999)
    tax = net * random.choice([0, 25, 12]) // 100
    days = (ServiceLine(net, "a", day.date(), day.date() + random.choice([1, 31, 365]) * DAY),)
    yield issued(invoice, day, net, tax, currency, random.choice([(), days]))
    fate, whole = random.choice(["open", "settled", "settled", "lost", "late"]), net + tax
    if fate == "settled":
        into = random.choice([each for each in ("eur", "sek", "usd") if each != currency])
        got = whole * random.randint(5, 15) // 10
        yield from settled(invoice, _later(random, day), whole, currency, got, into)
    elif fate != "open":
        gone = _later(random, day)
        before = random.randint(0, whole // 2)
        if before:
            yield from transferred(invoice, 0, day + (gone - day) / 2, before, currency)
        yield written_off(invoice, gone, whole - before, currency)
        if fate == "late":
            part = random.randint(1, whole - before)
            yield from transferred(invoice, 1, _later(random, gone), part, currency)
            if rest := whole - before - part:
                yield from transferred(invoice, 2, _later(random, gone), rest, currency)


def _later(random: Random, day: datetime) -> datetime:
    return day + random.randint(0, 90 * 1440) * timedelta(minutes=1)


TABLES = [
    table("2026-10-02", sek="11.20", usd="1.12"),
    table("2026-10-20", sek="11.35", usd="1.12"),
    table("2026-10-30", sek="11.40", usd="1.12"),
    table("2026-11-12", sek="11.60", usd="1.12"),
    table("2026-11-30", sek="11.50", usd="1.15"),
]
INVOICE = issued("in_1", at("2026-10-05"), 100_00)
"""100.00 EUR, booked when that was 1,120.00 SEK."""

DOLLARS = [
    table("2026-07-02", sek="10.00", usd="1.00"),
    table("2026-07-17", sek="10.30", usd="1.00"),
    table("2026-07-31", sek="10.50", usd="1.00"),
    table("2026-08-10", sek="10.60", usd="1.00"),
    table("2026-08-31", sek="10.40", usd="1.00"),
    table("2026-09-14", sek="10.20", usd="1.00"),
    table("2026-09-30", sek="10.10", usd="1.00"),
]
"""What a dollar is worth in kronor is what a euro is."""
TWO_INVOICES = [
    issued("in_1", at("2026-07-06"), 1_000_00, currency="usd"),
    issued("in_2", at("2026-07-20"), 500_00, currency="usd"),
]
"""1,500.00 USD, booked when they were 10,000.00 and 5,150.00 SEK: 10.10 each."""
PAID_IN_PARTS = [
    *settled("in_1", at("2026-08-11"), 600_00, "usd", 6_300_00, "sek", "a"),
    *settled("in_1", at("2026-09-15"), 400_00, "usd", 4_080_00, "sek", "b"),
    *settled("in_2", at("2026-09-15"), 500_00, "usd", 5_100_00, "sek"),
]
"""Of them, 600.00 USD came as 6,300.00 SEK in August, and 900.00 as 9,180.00 in September."""
