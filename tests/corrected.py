"""Logs in which facts were told wrongly and corrected, and the same with the truth told at first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from msgspec.structs import replace

from ledgerstone.ledger.corrections import in_force, superseding
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded

Log = list[tuple[int, Recorded]]


def with_corrections(
    rows: Sequence[Recorded], seed: int, count: int
) -> tuple[list[Recorded], list[Recorded]]:
    """A log with so many corrections strewn into it, some of the same fact again, and the log in which each
    fact is told at first as it is told last."""
    random, known, log = Random(seed), {row.name: row for row in rows}, list(rows)
    facts = [row for row in rows if not isinstance(row.body, StripeEventHeard)]
    favourites = random.sample(facts, min(len(facts), max(1, count // 2)))
    last = dict.fromkeys((row.name for row in rows), 0)
    for _ in range(count):
        first = random.choice(favourites)
        held, number = in_force(first.name, known)
        correction = superseding(held, retold(held, facts, random), number + 1)
        known[correction.name] = correction
        after = max(last[first.name], next(at for at, row in enumerate(log) if row.name == first.name))
        place = random.randint(after + 1, len(log))
        last = {name: at + (at >= place) for name, at in last.items()}
        log.insert(place, correction)
        last[first.name] = place
    return log, [in_force(row.name, known)[0] for row in rows]


def retold(held: Recorded, facts: Sequence[Recorded], random: Random) -> Recorded:
    """A fact as it could have been: about another object, at another time, of an amount of its own."""
    other = random.choice([held, random.choice([row for row in facts if type(row.body) is type(held.body)])])
    body: Any = other.body
    if isinstance(getattr(body, "amount", None), int):
        body = replace(body, amount=random.randint(1, 10**9))
    at = random.choice([held.happened_at, other.happened_at])
    return replace(held, body=body, movements=movements(body), happened_at=at)


def positioned(rows: Iterable[Recorded]) -> Log:
    """Rows at their positions."""
    return list(enumerate(rows, start=1))


def trial_balance(rows: Iterable[Recorded]) -> dict[tuple[str, str, str], int]:
    """What every account holds, by subject and currency, without those that hold nothing."""
    balance: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for move in row.movements:
            balance[move.debit, move.debit_of, move.currency] += move.amount
            balance[move.credit, move.credit_of, move.currency] -= move.amount
    return {account: amount for account, amount in balance.items() if amount}
