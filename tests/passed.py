"""A platform's payments, as facts: received, used on invoices or not, and passed on to connected accounts in
part, in whole and more than once; some of it comes back."""

from collections.abc import Iterator
from datetime import datetime
from random import Random

from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.platform import ConnectedTransferMade, ConnectedTransferReversed
from ledgerstone.ledger.recorded import Recorded
from tests.sold import DAY, START, told


def passed(seed: int, payments: int, within: int = 180) -> list[Recorded]:
    """The facts of so many payments, in no order."""
    random = Random(seed)
    rows = [row for n in range(payments) for row in _story(random, f"{n:04}", within)]
    random.shuffle(rows)
    return rows


def _story(random: Random, n: str, within: int) -> Iterator[Recorded]:
    payment, currency = random.choice([f"pi_{n}", f"ch_{n}_0"]), random.choice(["eur", "sek"])
    at, whole = START + random.randint(0, within) * DAY, 0
    for charge in range(random.choice([1, 1, 1, 2])):
        name, amount = f"ch_{n}_{charge}", random.randint(100, 9_999)
        whole += amount
        received = PaymentReceived(charge=name, payment=payment, amount=amount, currency=currency)
        if random.random() < 0.9:
            yield told(f"charge/{name}/captured", at, received)
        for transfer in range(random.choice([0, 1, 1, 2])):
            yield from _transferred(random, f"tr_{n}_{charge}_{transfer}", name, amount, currency, at)
    for invoice in range(random.choice([0, 1, 2])):
        part = random.randint(1, whole // 2)
        applied = PaymentApplied(
            invoice=f"in_p_{n}_{invoice}", payment=payment, amount=part, currency=currency
        )
        yield told(f"applied/in_p_{n}_{invoice}/{payment}", _later(random, at), applied)


def _transferred(
    random: Random, transfer: str, charge: str, amount: int, currency: str, at: datetime
) -> Iterator[Recorded]:
    amount, at = random.randint(1, amount), _later(random, at)
    of, into = random.choice([charge] * 9 + [None]), random.choice([currency] * 9 + ["usd"])
    made = ConnectedTransferMade(transfer=transfer, amount=amount, currency=into, charge=of)
    yield told(f"transfer/{transfer}/made", at, made)
    if random.random() < 0.4:
        back = random.randint(1, amount)
        reversal = ConnectedTransferReversed(
            reversal=f"trr_{transfer}", transfer=transfer, amount=back, currency=into
        )
        yield told(f"transfer-reversal/trr_{transfer}", _later(random, at), reversal)


def _later(random: Random, at: datetime) -> datetime:
    return at + random.randint(0, 90) * DAY
