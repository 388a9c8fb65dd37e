"""A business of invoices, as facts: credited, refunded, disputed, voided, and subscriptions that end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.credit_notes import CreditNoteIssued, CreditNoteVoided
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceVoided, ServiceLine
from ledgerstone.ledger.payments import DisputeLost, PaymentApplied, RefundFailed, RefundRequested
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.ledger.sales_tax import Tax
from ledgerstone.ledger.subscriptions import Subscription, SubscriptionSeen

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def sold(seed: int, invoices: int, within: int = 180) -> list[Recorded]:
    """The facts of so many invoices, issued within so many days from 1 January 2026, in no order."""
    random = Random(seed)
    rows = [row for n in range(invoices) for row in _story(random, f"in_{n:04}", within)]
    random.shuffle(rows)
    return rows


def told(name: str, at: datetime, fact: AnyFact) -> Recorded:
    return Recorded(name, Book(), at, fact, movements=movements(fact))


def _story(random: Random, invoice: str, within: int) -> Iterator[Recorded]:
    currency, at = random.choice(["eur", "sek"]), START + random.randint(0, within * 1440) * DAY / 1440
    lines = tuple(_line(random, at) for _ in range(random.randint(1, 3)))
    net = sum(line.net for line in lines) + random.choice([0, 0, 0, 700])
    tax = net * random.choice([0, 0, 25, 12]) // 100
    taxes = _taxes(random, tax)
    issued = InvoiceIssued(invoice=invoice, currency=currency, net=net, tax=tax, lines=lines, taxes=taxes)
    yield told(f"invoice/{invoice}/issued", at, issued)
    yield from random.choice([_nothing, _credited, _refunded, _lost, _voided, _ended])(random, issued, at)


def _taxes(random: Random, tax: int) -> tuple[Tax, ...]:
    """By no rate, by one, or by two and a rest that nobody told of."""
    part = random.randint(0, tax)
    some = (Tax("DE 19", part // 2), Tax("SE 25", part - part // 2))
    return random.choice([(), (Tax("SE 25", tax),), some])


def _line(random: Random, at: datetime) -> ServiceLine:
    net, plan, subscription = random.randint(100, 99_999), random.choice("abc"), f"sub_{random.randint(0, 9)}"
    if random.random() < 0.2:
        return ServiceLine(net, plan, subscription=subscription)
    start = at.date() + random.randint(-30, 30) * DAY
    return ServiceLine(net, plan, start, start + random.choice([1, 30, 31, 365]) * DAY, subscription)


def _later(random: Random, at: datetime) -> datetime:
    return at + random.randint(0, 90 * 1440) * DAY / 1440


def _nothing(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    return iter(())


def _credited(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    gross, at = random.randint(1, issued.net + issued.tax), _later(random, at)
    said: dict[str, Any] = {
        "credit_note": f"cn_{issued.invoice}",
        "invoice": issued.invoice,
        "currency": issued.currency,
    }
    amounts: dict[str, Any] = {
        "before_payment": gross,
        "tax": gross * issued.tax // (issued.net + issued.tax),
    }
    note = CreditNoteIssued(**said, **amounts)
    yield told(f"credit-note/{note.credit_note}/issued", at, note)
    if random.random() < 0.3:
        voided = CreditNoteVoided(**said, **amounts)
        yield told(f"credit-note/{note.credit_note}/voided", _later(random, at), voided)


def _paid(issued: InvoiceIssued, at: datetime) -> tuple[dict[str, Any], Recorded]:
    of: dict[str, Any] = {"payment": f"pi_{issued.invoice}", "currency": issued.currency}
    applied = PaymentApplied(invoice=issued.invoice, amount=issued.net + issued.tax, **of)
    return of, told(f"applied/{issued.invoice}/{of['payment']}", at, applied)


def _refunded(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    of, applied = _paid(issued, at)
    yield applied
    left = issued.net + issued.tax
    for n in range(random.randint(1, 3)):
        amount, on, refund = random.randint(1, left), _later(random, at), f"re_{issued.invoice}_{n}"
        yield told(f"refund/{refund}/requested", on, RefundRequested(refund=refund, amount=amount, **of))
        if random.random() < 0.3:
            failed = RefundFailed(refund=refund, amount=amount, **of)
            yield told(f"refund/{refund}/failed", _later(random, on), failed)
        left -= amount
        if not left:
            break


def _lost(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    of, applied = _paid(issued, at)
    yield applied
    lost = DisputeLost(dispute=f"dp_{issued.invoice}", amount=issued.net + issued.tax, **of)
    yield told(f"dispute/{lost.dispute}/lost", _later(random, at), lost)


def _voided(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    void = InvoiceVoided(invoice=issued.invoice, currency=issued.currency, open=issued.net + issued.tax)
    yield told(f"invoice/{issued.invoice}/voided", _later(random, at), void)


def _ended(random: Random, issued: InvoiceIssued, at: datetime) -> Iterator[Recorded]:
    end = _later(random, at)
    terms = Subscription(
        customer="cus_1",
        status="canceled",
        currency=issued.currency,
        items=(),
        started_at=START,
        ended_at=end,
    )
    seen = SubscriptionSeen(id=issued.lines[0].subscription, now=terms)
    yield told(f"stripe/evt_{issued.invoice}/subscription", end, seen)


def shared(seed: int, payments: int) -> list[Recorded]:
    """The facts of so many payments that were used on two invoices each, and given back in part by refunds
    that credit notes name, which may fail; invoices of which the days were told later; in no order."""
    random = Random(seed)
    rows = [row for n in range(payments) for row in _shared(random, f"{n:04}")]
    random.shuffle(rows)
    return rows


def _shared(random: Random, n: str) -> Iterator[Recorded]:
    of: dict[str, Any] = {"payment": f"pi_both_{n}", "currency": random.choice(["eur", "sek"])}
    start, whole = START + random.randint(0, 120) * DAY, 0
    for which in ("a", "b"):
        line = _line(random, start)
        net, tax = line.net + random.choice([0, 300]), line.net // random.choice([4, 10**6])
        said: dict[str, Any] = {"invoice": f"in_{which}_{n}", "currency": of["currency"]}
        yield told(
            f"invoice/in_{which}_{n}/issued", start, InvoiceIssued(**said, net=net, tax=tax, lines=(line,))
        )
        applied = PaymentApplied(invoice=f"in_{which}_{n}", amount=net + tax, **of)
        yield told(f"applied/in_{which}_{n}/{of['payment']}", _later(random, start), applied)
        whole += net + tax
    amount = random.randint(1, whole)
    refund: dict[str, Any] = {"refund": f"re_both_{n}", "amount": amount, **of}
    yield told(f"refund/re_both_{n}/requested", _later(random, start), RefundRequested(**refund))
    if random.random() < 0.6:
        note = CreditNoteIssued(
            credit_note=f"cn_both_{n}",
            invoice=f"in_a_{n}",
            currency=of["currency"],
            refunded=amount,
            elsewhere=random.choice([0, 50]),
            tax=amount // 5,
            refunds=(f"re_both_{n}",),
        )
        yield told(f"credit-note/cn_both_{n}/issued", _later(random, start), note)
    if random.random() < 0.4:
        yield told(f"refund/re_both_{n}/failed", _later(random, start), RefundFailed(**refund))


def doubted(rows: list[Recorded], seed: int) -> list[Recorded]:
    """The same, but some invoices were told first without their lines, and corrected somewhere behind."""
    random, found = Random(seed), list[Recorded]()
    later: list[Recorded] = []
    for row in rows:
        if isinstance(row.body, InvoiceIssued) and random.random() < 0.3:
            first = replace(row, body=replace(row.body, lines=()))
            found.append(first)
            later.append(superseding(first, row, 1))
        else:
            found.append(row)
        if later and random.random() < 0.2:
            found.append(later.pop(0))
    return found + later
